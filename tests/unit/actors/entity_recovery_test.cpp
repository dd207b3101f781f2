#include "support/bank.hpp"
#include "support/entity_script.hpp"
#include "support/trickster.hpp"

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

commit commit_of(std::uint64_t first, std::vector<event_record> events) {
  commit made;
  made.id = commit_id::make();
  made.first = event_version{first};
  made.events = std::move(events);
  return made;
}

event_record deposit_event(std::int64_t cents) {
  return {std::string{deposited::aether_wire_name}, encode(deposited{cents})};
}

/// A store that holds the versions 1..`versions`, each a deposit of 1.
template <class Script>
void fill(Script& script, std::uint64_t versions) {
  for (std::uint64_t version = 1; version <= versions; ++version)
    script.put(commit_of(version, {deposit_event(1)}));
}

snapshot snapshot_of(const log_position& at, std::int64_t cents) {
  return {at, std::string{balance::aether_wire_name}, 1, encode(balance{cents}), {}};
}

}  // namespace

TEST_CASE("entity: its state is its snapshot and every event after it") {
  entity_script<account> it;
  fill(it, 5);
  it.saved = snapshot_of(it.log[2].position(), 300);
  auto& sent = it.send(get_balance{});
  it.recover();
  CHECK(reply_to<balance>(sent).cents == 302);
  CHECK(it.under_test.now() == phase::ready);
}

TEST_CASE("entity: commands wait while it recovers and are then decided in their order") {
  entity_script<account> it;
  auto& first = it.send(deposit{1});
  auto& second = it.send(deposit{2});
  CHECK(it.under_test.held() == 2);
  it.recover();
  it.append_succeeds();
  CHECK(reply_to<balance>(first).cents == 1);
  CHECK(reply_to<balance>(second).cents == 3);
  CHECK(it.under_test.held() == 0);
}

TEST_CASE("entity: a snapshot that it cannot use is skipped and said so; history is the truth") {
  entity_script<account> it;
  fill(it, 3);
  snapshot useless = snapshot_of(it.log[1].position(), 999);
  result<std::optional<snapshot>> given{useless};
  SUBCASE("of another schema") { given->value().schema = 2; }
  SUBCASE("of another state type") { given->value().state_type = "bank.other"; }
  SUBCASE("unreadable in the store") { given = fail(errc::corrupt_history, "damaged"); }
  SUBCASE("refused by the store") { given = fail(errc::store_failed, "no such stream"); }
  SUBCASE("with a state that does not decode") { given->value().state = {std::byte{0xc1}}; }
  SUBCASE("with a window that does not decode") { given->value().window = {std::byte{0xc1}}; }
  auto& sent = it.send(get_balance{});
  it.give_tail();
  it.give_snapshot(std::move(given));
  it.recover();
  CHECK(reply_to<balance>(sent).cents == 3);
  CHECK(it.reported("snapshot_skipped"));
}

TEST_CASE("entity: an unreadable snapshot is not asked for twice, until a good one was saved") {
  entity_script<account> it;
  fill(it, 2);
  it.saved = snapshot_of(it.log[1].position(), 2);
  it.saved->state = {std::byte{0xc1}};
  it.give_tail();
  it.give_snapshot();
  CHECK(it.snapshots_wanted == 0);
  CHECK(it.tails_wanted == 1);
  it.recover();
  it.send(deposit{1});
  it.append_fails(errc::outcome_unknown);
  CHECK(it.snapshots_wanted == 0);
  it.recover();
  it.retire(departure::if_idle);
  it.save_succeeds();
  it.send(deposit{1});
  it.append_fails(errc::outcome_unknown);
  CHECK(it.snapshots_wanted == 1);
}

TEST_CASE("entity: a snapshot that cannot be had is waited for once, then it goes without") {
  entity_script<account> it;
  fill(it, 3);
  it.saved = snapshot_of(it.log[1].position(), 2);
  auto& sent = it.send(get_balance{});
  const auto reports = [&] {
    return std::ranges::count(it.reports, std::string_view{"snapshot_unavailable"},
                              [](const auto& one) { return std::string_view{one.event}; });
  };
  for (unsigned failed = 0; failed < entity::snapshot_patience; ++failed) {
    it.give_tail();
    it.give_snapshot(fail(errc::timed_out, "no answer"));
    REQUIRE(it.under_test.now() == phase::backing_off);
    CHECK(reports() == 0);
    CHECK(sent.answers.empty());
    it.retry();
  }
  it.give_tail();
  it.give_snapshot(fail(errc::timed_out, "no answer"));
  CHECK(reports() == 1);
  SUBCASE("and comes back from its history") {}
  SUBCASE("and says so once, however often the history cannot be had either") {
    for (int i = 0; i < 3; ++i) {
      REQUIRE(it.page_wanted.has_value());
      it.give_page(fail(errc::unavailable, "away"));
      it.retry();
      it.give_tail();
      it.give_snapshot(fail(errc::timed_out, "no answer"));
    }
  }
  REQUIRE(it.page_wanted.has_value());
  CHECK(it.page_wanted->from == event_version{1});
  it.recover();
  CHECK(reply_to<balance>(sent).cents == 3);
  CHECK(reports() == 1);
}

TEST_CASE("entity: a log that ends before its snapshot is not continued") {
  entity_script<account> it;
  fill(it, 2);
  it.saved = snapshot_of({event_version{3}, stream_sequence{30}}, 3);
  SUBCASE("when the snapshot could be used") {}
  SUBCASE("when the snapshot is of another schema") { it.saved->schema = 9; }
  SUBCASE("when the snapshot does not decode") { it.saved->state = {std::byte{0xc1}}; }
  auto& sent = it.send(get_balance{});
  it.recover();
  CHECK(it.under_test.now() == phase::quarantined);
  CHECK(error_to(sent) == errc::quarantined);
  CHECK(sent.answers[0].error().text().find("stream_regressed") != std::string::npos);
}

TEST_CASE("entity: a snapshot ahead of a tail that has moved on meanwhile is just newer") {
  entity_script<account> it;
  fill(it, 2);
  const auto early_tail = it.log.back();
  it.put(commit_of(3, {deposit_event(1)}));
  it.saved = snapshot_of(it.log[2].position(), 3);
  auto& sent = it.send(get_balance{});
  it.give_tail(early_tail);
  it.give_snapshot();
  CHECK(it.tails_wanted == 1);
  it.recover();
  CHECK(reply_to<balance>(sent).cents == 3);
}

TEST_CASE("entity: a log that ends before what was acknowledged to it is not continued") {
  entity_script<account> it;
  it.recover();
  it.send(deposit{1});
  it.append_succeeds();
  it.send(deposit{2});
  it.append_succeeds();
  auto& sent = it.send(deposit{4});
  it.log.pop_back();
  it.append_fails(errc::stream_regressed);
  CHECK(error_to(sent) == errc::stream_regressed);
  it.recover();
  CHECK(it.under_test.now() == phase::quarantined);
  CHECK(error_to(it.send(get_balance{})) == errc::quarantined);
}

TEST_CASE("entity: what can pass is waited for, longer each time, and then it recovers") {
  entity_script<account> it;
  auto& sent = it.send(get_balance{});
  std::chrono::milliseconds last{0};
  for (const errc code : {errc::unavailable, errc::timed_out, errc::not_running, errc::store_failed,
                          errc::unavailable, errc::unavailable, errc::unavailable}) {
    it.give_tail(fail(code, "for now"));
    it.give_snapshot();
    REQUIRE(it.under_test.now() == phase::backing_off);
    REQUIRE(it.retry_wanted.has_value());
    CHECK(*it.retry_wanted >= entity::retry_min);
    CHECK(*it.retry_wanted <= entity::retry_max);
    CHECK((*it.retry_wanted > last || last == entity::retry_max));
    last = *it.retry_wanted;
    it.retry();
  }
  it.recover();
  CHECK(reply_to<balance>(sent).cents == 0);
}

TEST_CASE("entity: while it backs off, only what still has time waits, and the rest learns why") {
  entity_script<account> it;
  auto& hasty = it.send(get_balance{}, {.deadline = it.now + 10ms});
  auto& patient = it.send(get_balance{}, {.deadline = it.now + 1h});
  it.give_tail(fail(errc::unavailable, "nats is away"));
  it.give_snapshot();
  CHECK(hasty.answers.empty());
  it.now += 20ms;
  it.retry();
  CHECK(error_to(hasty) == errc::unavailable);
  CHECK(hasty.answers[0].error().text().find("nats is away") != std::string::npos);
  CHECK(patient.answers.empty());
  it.recover();
  CHECK(patient.answers.size() == 1);
}

TEST_CASE("entity: one that cannot recover and that nobody waits for goes") {
  entity_script<account> it;
  auto& sent = it.send(get_balance{}, {.deadline = it.now + 1ms});
  it.give_tail(fail(errc::unavailable, "away"));
  it.give_snapshot();
  it.now += 1s;
  it.retry();
  CHECK(error_to(sent) == errc::unavailable);
  CHECK(it.retired == 1);
  CHECK(it.under_test.now() == phase::retired);
}

TEST_CASE("entity: a retry that comes when it is no longer backing off does nothing") {
  entity_script<account> it;
  it.retry();
  CHECK(it.under_test.now() == phase::recovering);
  it.recover();
  it.retry();
  CHECK(it.under_test.now() == phase::ready);
  CHECK(it.tails_wanted == 0);
}

TEST_CASE("entity: a history it cannot replay quarantines it, and every answer names the version") {
  entity_script<account> it;
  fill(it, 3);
  SUBCASE("an unknown event type") {
    it.put(commit_of(4, {deposit_event(1), {"bank.unheard_of", {}}}));
  }
  SUBCASE("an event that does not decode") {
    it.put(commit_of(
        4, {deposit_event(1), {std::string{deposited::aether_wire_name}, {std::byte{0xc1}}}}));
  }
  auto& waiting = it.send(get_balance{});
  it.recover();
  CHECK(it.under_test.now() == phase::quarantined);
  CHECK(it.reported("quarantined"));
  auto& later = it.send(deposit{1});
  for (auto* sent : {&waiting, &later}) {
    CHECK(error_to(*sent) == errc::quarantined);
    CHECK(sent->answers[0].error().text().find("version 5") != std::string::npos);
  }
  CHECK(!it.append);
}

TEST_CASE("entity: an apply that throws on replay quarantines it") {
  entity_script<trick::trickster> it;
  it.put(
      commit_of(1, {{std::string{trick::blown_up::aether_wire_name}, encode(trick::blown_up{})}}));
  auto& sent = it.send(trick::count{});
  it.recover();
  CHECK(error_to(sent) == errc::quarantined);
  CHECK(sent.answers[0].error().text().find("version 1") != std::string::npos);
  CHECK(sent.answers[0].error().text().find("boom in apply") != std::string::npos);
}

TEST_CASE("entity: a gap in the history quarantines it") {
  entity_script<account> it;
  fill(it, 2);
  it.put(commit_of(4, {deposit_event(1)}));
  auto& sent = it.send(get_balance{});
  it.recover();
  CHECK(error_to(sent) == errc::quarantined);
  CHECK(sent.answers[0].error().text().find("version 3 is missing") != std::string::npos);
}
