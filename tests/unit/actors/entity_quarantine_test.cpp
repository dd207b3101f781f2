// What cannot be replayed: the careful second attempt, the marker, the attempts after it.

#include "persistence/src/core/history_repair.hpp"
#include "support/bank.hpp"
#include "support/entity_script.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace aether;
using namespace std::chrono_literals;
using aether::testing::entity_script;
using aether::testing::error_to;
using aether::testing::reply_to;
using bank::account;
using bank::balance;
using bank::deposit;
using bank::deposited;
using bank::get_balance;
using phase = aether::entity::phase;

namespace {

using script = entity_script<account>;

void put_event(script& it, event_record event) {
  commit made;
  made.id = commit_id::make();
  made.first = event_version{it.log.empty() ? 1 : it.log.back().commit.last().value() + 1};
  made.events.push_back(std::move(event));
  it.put(std::move(made));
}
void put_deposit(script& it, std::int64_t cents = 1) {
  put_event(it, {std::string{deposited::aether_wire_name}, encode(deposited{cents})});
}
void put_poison(script& it) { put_event(it, {"bank.unheard_of", {}}); }

/// An operator has `version` skipped.
void put_marker(script& it, std::uint64_t version) {
  std::vector<history_record> records;
  for (const auto& one : it.log) records.push_back({one.sequence, one});
  auto plan = plan_skip(records, {event_version{version}, event_version{version}, {}, "poison"});
  REQUIRE(plan.has_value());
  plan->marker.id = commit_id::make();
  it.put(std::move(plan->marker));
}

std::ptrdiff_t times_reported(const script& it, std::string_view event) {
  return std::ranges::count_if(it.reports, [&](const auto& one) { return one.event == event; });
}

}  // namespace

TEST_CASE("entity: what it cannot replay it tries once more with care, then it is quarantined") {
  script it{false};
  put_deposit(it);
  put_poison(it);
  put_deposit(it);
  it.start();
  it.give_tail();
  it.give_snapshot();
  it.give_page();
  CHECK(it.under_test.now() == phase::recovering);
  CHECK(it.tails_wanted == 1);
  it.give_tail();
  it.give_snapshot();
  CHECK(it.records_wanted == 1);
  CHECK(!it.reported("quarantined"));
  it.give_records();
  CHECK(it.under_test.now() == phase::quarantined);
  CHECK(it.tails_wanted == 0);
  CHECK(times_reported(it, "quarantined") == 1);
  CHECK(error_to(it.send(get_balance{})) == errc::quarantined);
  // Another owner may be at work, and have a copy.
  it.contact.until = it.contact.serves_until = it.now;
  CHECK(error_to(it.send(get_balance{})) == errc::outcome_unknown);
}

TEST_CASE("entity: with an operator's marker the careful attempt brings it back") {
  script it{false};
  put_deposit(it, 1);
  put_poison(it);
  put_deposit(it, 4);
  put_marker(it, 2);
  it.start();
  auto& sent = it.send(get_balance{});
  it.recover();
  CHECK(reply_to<balance>(sent).cents == 5);
  CHECK(!it.reported("quarantined"));
  CHECK(!it.retry_wanted);
  it.send(deposit{1});
  it.append_succeeds();
}

TEST_CASE("entity: once it needed care it takes care at once, until a snapshot is behind it") {
  script it{false};
  put_poison(it);
  put_marker(it, 1);
  it.start();
  it.recover();
  it.send(deposit{1});
  it.append_fails(errc::outcome_unknown);
  it.give_tail();
  it.give_snapshot();
  CHECK(it.records_wanted == 1);
  it.recover();
  it.retire(departure::if_idle);
  it.save_succeeds();
  it.send(deposit{1});
  put_deposit(it);
  it.append_fails(errc::version_conflict);
  it.give_tail();
  it.give_snapshot();
  CHECK(it.records_wanted == 0);
  it.append_succeeds();
  CHECK(!it.reported("quarantined"));
}

TEST_CASE("entity: a quarantined one tries again by itself, ever later, and says so once") {
  script it{false};
  put_poison(it);
  it.start();
  it.recover();
  auto expected = entity::quarantine_min;
  for (int attempt = 0; attempt < 12; ++attempt) {
    CAPTURE(attempt);
    REQUIRE(it.under_test.now() == phase::quarantined);
    REQUIRE(it.retry_wanted.has_value());
    CHECK(*it.retry_wanted == std::min(expected, entity::quarantine_max));
    expected *= 2;
    it.retry();
    CHECK(it.under_test.now() == phase::recovering);
    it.recover();
  }
  CHECK(times_reported(it, "quarantined") == 1);
}

TEST_CASE("entity: a quarantined one recovers at its next attempt when the cause is gone") {
  script it{false};
  put_deposit(it, 3);
  put_poison(it);
  it.start();
  it.recover();
  SUBCASE("an operator had it skipped") { put_marker(it, 2); }
  SUBCASE("the history was restored") { it.log.pop_back(); }
  CHECK(error_to(it.send(get_balance{})) == errc::quarantined);
  it.retry();
  // What comes while it tries waits for the outcome.
  auto& sent = it.send(get_balance{});
  CHECK(sent.answers.empty());
  it.recover();
  CHECK(it.under_test.now() == phase::ready);
  CHECK(reply_to<balance>(sent).cents == 3);
  CHECK(!it.retry_wanted);
}

TEST_CASE("entity: what waited for an attempt that failed learns why") {
  script it{false};
  put_poison(it);
  it.start();
  it.recover();
  it.retry();
  auto& sent = it.send(get_balance{});
  it.recover();
  CHECK(error_to(sent) == errc::quarantined);
  CHECK(it.under_test.held() == 0);
}

TEST_CASE("entity: quarantined anew after it had recovered, it says so again and begins anew") {
  script it{false};
  put_poison(it);
  it.start();
  it.recover();
  it.retry();
  it.recover();
  put_marker(it, 1);
  it.retry();
  it.recover();
  REQUIRE(it.under_test.now() == phase::ready);
  put_poison(it);
  it.send(deposit{1});
  it.append_fails(errc::version_conflict);
  it.recover();
  REQUIRE(it.under_test.now() == phase::quarantined);
  CHECK(times_reported(it, "quarantined") == 2);
  CHECK(it.retry_wanted == entity::quarantine_min);
}

TEST_CASE("entity: a store that is away while it tries with care is waited for as always") {
  script it{false};
  put_poison(it);
  put_marker(it, 1);
  it.start();
  auto& sent = it.send(get_balance{});
  it.give_tail();
  it.give_snapshot();
  it.give_fetched();
  it.give_tail();
  it.give_snapshot();
  it.give_records(fail(errc::unavailable, "away"));
  REQUIRE(it.under_test.now() == phase::backing_off);
  it.retry();
  it.recover();
  CHECK(reply_to<balance>(sent).cents == 0);
}

TEST_CASE("entity: a quarantined actor that was to leave, and was called, tries again at once") {
  script it{false};
  it.making_throws = true;
  it.start();
  REQUIRE(it.under_test.now() == phase::quarantined);
  it.retire(departure::if_idle);
  REQUIRE(it.retired == 1);  // but it may not: somebody called
  it.making_throws = false;
  auto& sent = it.send(get_balance{});
  it.recover();
  CHECK(reply_to<balance>(sent).cents == 0);
}

TEST_CASE("entity: one that could not be made is quarantined, and made at a later attempt") {
  script it{false};
  it.making_throws = true;
  it.start();
  CHECK(it.under_test.now() == phase::quarantined);
  auto& refused = it.send(deposit{1});
  CHECK(error_to(refused) == errc::quarantined);
  CHECK(refused.answers[0].error().text() == "making the actor threw: handler_failed: on purpose");
  CHECK(it.retry_wanted == entity::quarantine_min);
  it.retry();
  CHECK(it.retry_wanted == 2 * entity::quarantine_min);
  it.making_throws = false;
  it.retry();
  auto& sent = it.send(get_balance{});
  it.recover();
  CHECK(reply_to<balance>(sent).cents == 0);
}

TEST_CASE("entity: a snapshot that it skipped is told once, however often it recovers") {
  script it{false};
  put_deposit(it, 1);
  put_deposit(it, 2);
  it.saved = snapshot{
      it.log[1].position(), std::string{balance::aether_wire_name}, 1, encode(balance{3}), {}};
  result<std::optional<snapshot>> found{it.saved};
  SUBCASE("of another schema") { found.value()->schema = 2; }
  SUBCASE("with a state that does not decode") { found.value()->state = {std::byte{0xc1}}; }
  SUBCASE("unreadable in the store") { found = fail(errc::corrupt_history, "damaged"); }
  it.start();
  it.give_tail();
  it.give_snapshot(std::move(found));
  it.recover();
  for (const auto lost : {errc::outcome_unknown, errc::version_conflict}) {
    it.send(deposit{1});
    if (lost == errc::version_conflict) put_deposit(it);
    it.append_fails(lost);
    CHECK(it.snapshots_wanted == 0);
    it.recover();
  }
  it.append_succeeds();
  CHECK(times_reported(it, "snapshot_skipped") == 1);
  CHECK(reply_to<balance>(it.send(get_balance{})).cents == 5);
}

TEST_CASE("entity: a skipped snapshot is told once by a quarantined one too") {
  script it{false};
  put_poison(it);
  it.saved = snapshot{it.log[0].position(), "bank.other", 1, {}, {}};
  it.start();
  it.recover();
  for (int attempt = 0; attempt < 3; ++attempt) {
    it.retry();
    it.recover();
  }
  CHECK(times_reported(it, "snapshot_skipped") == 1);
}
