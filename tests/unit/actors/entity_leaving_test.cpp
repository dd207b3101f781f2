// Snapshots, and how an entity goes.

#include "support/bank.hpp"
#include "support/entity_script.hpp"
#include "support/trickster.hpp"

#include <doctest/doctest.h>

using namespace aether;
using namespace std::chrono_literals;
using aether::testing::entity_script;
using aether::testing::error_to;
using aether::testing::reply_to;
using bank::account;
using bank::balance;
using bank::deposit;
using bank::get_balance;
using trick::trickster;
using phase = aether::entity::phase;

namespace {

/// One with a single stored deposit of 1, not yet in a snapshot.
struct dirty_account : entity_script<account> {
  dirty_account() {
    recover();
    send(deposit{1});
    append_succeeds();
  }
};

void write(entity_script<trickster>& it, std::uint64_t count) {
  it.send(trick::write{.count = count});
  it.append_succeeds();
}

}  // namespace

TEST_CASE("entity: a snapshot is taken every so many events, of what is stored and nothing else") {
  entity_script<trickster> it;  // every 10
  it.recover();
  write(it, 9);
  CHECK(!it.save);
  it.send(trick::note{});
  it.send(trick::note{});  // decided while the snapshot is taken
  it.append_succeeds();
  REQUIRE(it.save.has_value());
  CHECK(it.save->taken.position == it.log.back().position());
  CHECK(it.save->taken.state_type == "trick.tally");
  CHECK(it.save->taken.schema == 3);
  CHECK(decode<trick::tally>(it.save->taken.state)->events == 10);
  CHECK(it.append.has_value());
}

TEST_CASE("entity: one snapshot is in flight at a time, and commands do not wait for it") {
  entity_script<trickster> it;
  it.recover();
  write(it, 10);
  REQUIRE(it.save.has_value());
  write(it, 15);  // the script checks that no second save comes
  it.save_succeeds();
  CHECK(!it.save);
  write(it, 1);
  REQUIRE(it.save.has_value());
  CHECK(it.save->taken.position.version == event_version{26});
}

TEST_CASE("entity: a snapshot that is not saved is reported and tried again so many events later") {
  entity_script<trickster> it;
  it.recover();
  write(it, 10);
  it.save_ends(fail(errc::store_failed, "too large"));
  CHECK(it.reported("snapshot_not_saved"));
  write(it, 9);
  CHECK(!it.save);
  write(it, 1);
  CHECK(it.save.has_value());
}

TEST_CASE("entity: an idle one saves what no snapshot covers, then goes") {
  dirty_account it;
  it.retire(departure::if_idle);
  CHECK(it.under_test.now() == phase::leaving);
  CHECK(it.retired == 0);
  REQUIRE(it.save.has_value());
  CHECK(it.save->taken.position == it.log.back().position());
  SUBCASE("saved") { it.save_succeeds(); }
  SUBCASE("not saved") { it.save_ends(fail(errc::unavailable, "away")); }
  CHECK(it.under_test.now() == phase::retired);
  CHECK(it.retired == 1);
}

TEST_CASE("entity: one whose snapshot is up to date goes at once") {
  dirty_account first;
  first.retire(departure::if_idle);
  first.save_succeeds();
  entity_script<account> it;
  it.log = first.log;
  it.saved = first.saved;
  it.recover();
  it.retire(departure::if_idle);
  CHECK(it.retired == 1);
  CHECK(!it.save);
}

TEST_CASE("entity: one that leaves while an older snapshot is in flight saves a newer one too") {
  entity_script<trickster> it;
  it.recover();
  write(it, 10);
  write(it, 1);
  it.retire(departure::if_idle);
  CHECK(it.retired == 0);
  it.save_succeeds();
  REQUIRE(it.save.has_value());
  CHECK(it.save->taken.position.version == event_version{11});
  it.save_succeeds();
  CHECK(it.retired == 1);
}

TEST_CASE("entity: an idle request to go is ignored while there is work") {
  entity_script<account> it;
  it.retire(departure::if_idle);
  CHECK(it.under_test.now() == phase::recovering);
  it.recover();
  it.send(deposit{1});
  it.retire(departure::if_idle);
  CHECK(it.under_test.now() == phase::appending);
  it.append_succeeds();
  CHECK(it.under_test.now() == phase::ready);
  CHECK(it.retired == 0);
}

TEST_CASE("entity: a command keeps an idle one from leaving, and does not wait for the snapshot") {
  dirty_account it;
  it.retire(departure::if_idle);
  auto& sent = it.send(deposit{1});
  REQUIRE(it.append.has_value());
  it.append_succeeds();
  CHECK(reply_to<balance>(sent).cents == 2);
  it.save_succeeds();
  CHECK(it.under_test.now() == phase::ready);
  CHECK(it.retired == 0);
}

TEST_CASE("entity: a command brings one back that wanted to go and could not yet") {
  dirty_account it;
  it.retire(departure::if_idle);
  it.save_succeeds();
  CHECK(it.under_test.now() == phase::retired);
  CHECK(reply_to<balance>(it.send(get_balance{})).cents == 1);
  it.retire(departure::if_idle);
  CHECK(it.retired == 2);
}

TEST_CASE("entity: told to go, it settles what is being stored and refuses what waits") {
  entity_script<account> it;
  it.recover();
  auto& stored = it.send(deposit{1});
  auto& waiting = it.send(deposit{2});
  it.retire(departure::at_once);
  it.append_succeeds();
  CHECK(reply_to<balance>(stored).cents == 1);
  CHECK(error_to(waiting) == errc::not_owner);
  CHECK(error_to(it.send(get_balance{})) == errc::not_owner);
  REQUIRE(it.save.has_value());
  it.save_succeeds();
  CHECK(it.retired == 1);
  CHECK(error_to(it.send(get_balance{})) == errc::not_owner);
}

TEST_CASE("entity: told to go, it leaves after an append that was not stored, without recovering") {
  entity_script<account> it;
  it.recover();
  auto& sent = it.send(deposit{1});
  it.retire(departure::at_once);
  errc heard{};
  SUBCASE("a conflict: another owner may do it") {
    it.append_fails(errc::version_conflict);
    heard = errc::not_owner;
  }
  SUBCASE("unknown stays unknown") {
    it.append_fails(errc::outcome_unknown);
    heard = errc::outcome_unknown;
  }
  SUBCASE("refused") {
    it.append_fails(errc::store_failed);
    heard = errc::store_failed;
  }
  CHECK(error_to(sent) == heard);
  CHECK(it.retired == 1);
  CHECK(it.tails_wanted == 0);
  CHECK(!it.save);
}

TEST_CASE("entity: told to go while it recovers, it refuses at once and goes when it is back") {
  entity_script<account> it;
  auto& sent = it.send(deposit{1});
  it.retire(departure::at_once);
  CHECK(error_to(sent) == errc::not_owner);
  CHECK(it.retired == 0);
  CHECK(error_to(it.send(deposit{2})) == errc::not_owner);
  SUBCASE("recovered") { it.recover(); }
  SUBCASE("not recovered") {
    it.give_tail(fail(errc::unavailable, "away"));
    it.give_snapshot();
    CHECK(!it.retry_wanted);
  }
  SUBCASE("quarantined") {
    it.give_tail(fail(errc::corrupt_history, "damaged"));
    it.give_snapshot();
  }
  CHECK(it.retired == 1);
}

TEST_CASE("entity: told to go while it backs off, it refuses what waits and goes") {
  entity_script<account> it;
  auto& sent = it.send(deposit{1});
  it.give_tail(fail(errc::unavailable, "away"));
  it.give_snapshot();
  it.retire(departure::if_idle);
  CHECK(it.retired == 0);
  it.retire(departure::at_once);
  CHECK(error_to(sent) == errc::not_owner);
  CHECK(it.retired == 1);
}

TEST_CASE("entity: a quarantined one goes when it is told to, in either way") {
  for (const bool forced : {false, true}) {
    entity_script<account> it;
    it.give_tail(fail(errc::corrupt_history, "damaged"));
    it.give_snapshot();
    it.retire(forced ? departure::at_once : departure::if_idle);
    CHECK(it.retired == 1);
    auto& sent = it.send(get_balance{});
    if (forced)
      CHECK(error_to(sent) == errc::not_owner);
    else
      CHECK(it.under_test.now() == phase::recovering);  // it could not go, and tries again
  }
}

TEST_CASE(
    "entity: one that lost its state while a snapshot is in flight never decides without it") {
  entity_script<trickster> it;
  it.recover();
  write(it, 10);
  REQUIRE(it.save.has_value());
  it.send(trick::note{}, {.deadline = it.now + 1s});
  it.append_fails(errc::version_conflict);
  SUBCASE("it could not read it back") {
    it.give_tail(fail(errc::unavailable, "away"));
    it.give_snapshot();
    it.now += 1s;
    it.retry();
    CHECK(it.under_test.now() == phase::leaving);
    auto& sent = it.send(trick::count{});
    CHECK(it.under_test.now() == phase::recovering);
    it.save_succeeds();
    it.recover();
    CHECK(reply_to<trick::tally>(sent).events == 10);
  }
  SUBCASE("its history is damaged") {
    it.give_tail(fail(errc::corrupt_history, "damaged"));
    it.give_snapshot();
    it.retire(departure::if_idle);
    CHECK(it.under_test.now() == phase::leaving);
    auto& sent = it.send(trick::count{});
    CHECK(it.under_test.now() == phase::recovering);
    it.save_succeeds();
    CHECK(it.retired == 0);
    it.recover();
    CHECK(reply_to<trick::tally>(sent).events == 10);
  }
}

TEST_CASE("entity: told to go while it leaves, it takes no more commands") {
  dirty_account it;
  it.retire(departure::if_idle);
  it.retire(departure::at_once);
  CHECK(error_to(it.send(deposit{1})) == errc::not_owner);
  it.save_succeeds();
  CHECK(it.retired == 1);
}
