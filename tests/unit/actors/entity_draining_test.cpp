// How an entity goes that is told to finish first, and what goes with one that may not.

#include "support/bank.hpp"
#include "support/entity_script.hpp"
#include "support/juggler.hpp"

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
using juggle::balls;
using juggle::juggler;
using phase = aether::entity::phase;

namespace {

template <class Actor>
void cannot_come_back(entity_script<Actor>& it) {
  it.give_tail(fail(errc::unavailable, "away"));
  it.give_snapshot();
}

}  // namespace

TEST_CASE("entity: told to finish, it decides all that waits, saves its state and goes") {
  entity_script<account> it;
  it.recover();
  auto& being_stored = it.send(deposit{1});
  auto& waiting = it.send(deposit{2});
  it.tell(deposit{4});
  it.retire(departure::when_done);
  it.append_succeeds();
  CHECK(reply_to<balance>(being_stored).cents == 1);
  REQUIRE(it.append.has_value());
  it.append_succeeds();
  CHECK(reply_to<balance>(waiting).cents == 3);
  CHECK(it.told.size() == 1);
  REQUIRE(it.save.has_value());
  CHECK(it.save->taken.position == it.log.back().position());
  CHECK(it.retired == 0);
  it.save_succeeds();
  CHECK(it.retired == 1);
  CHECK(it.left.empty());
}

TEST_CASE("entity: told to finish, it goes at once when nothing waits") {
  entity_script<account> it;
  it.recover();
  it.retire(departure::when_done);
  CHECK(it.retired == 1);
}

TEST_CASE("entity: told to finish while it comes back, it decides what waits first") {
  entity_script<account> it;
  auto& sent = it.send(get_balance{});
  it.retire(departure::when_done);
  SUBCASE("at the first attempt") {}
  SUBCASE("at the second") {
    cannot_come_back(it);
    CHECK(it.retired == 0);
    it.retry();
  }
  it.recover();
  CHECK(reply_to<balance>(sent).cents == 0);
  CHECK(it.retired == 1);
}

TEST_CASE("entity: told to finish, it tries to come back only as long as somebody waits") {
  entity_script<account> it;
  SUBCASE("nobody does") {
    it.retire(departure::when_done);
    cannot_come_back(it);
  }
  SUBCASE("told while it pauses") {
    auto& sent = it.send(get_balance{}, {.deadline = it.now + 1s});
    cannot_come_back(it);
    it.retire(departure::when_done);
    CHECK(it.retired == 0);
    it.now += 1s;
    it.retry();
    CHECK(error_to(sent) == errc::unavailable);
  }
  CHECK(it.retired == 1);
}

TEST_CASE("entity: told to finish, a quarantined one goes") {
  entity_script<account> it;
  auto& sent = it.send(get_balance{});
  const auto damage = [&] {
    it.give_tail(fail(errc::corrupt_history, "damaged"));
    it.give_snapshot();
  };
  SUBCASE("quarantined before") {
    damage();
    it.retire(departure::when_done);
  }
  SUBCASE("quarantined after") {
    it.retire(departure::when_done);
    damage();
  }
  CHECK(error_to(sent) == errc::quarantined);
  CHECK(it.retired == 1);
}

TEST_CASE("entity: told to finish, it decides again after a lost race") {
  entity_script<account> it;
  it.recover();
  auto& sent = it.send(deposit{1});
  it.retire(departure::when_done);
  it.append_fails(errc::version_conflict);
  it.recover();
  it.append_succeeds();
  CHECK(reply_to<balance>(sent).cents == 1);
  it.save_succeeds();
  CHECK(it.retired == 1);
}

TEST_CASE("entity: told to finish, what it has put off is finished elsewhere") {
  juggle::stage stage;
  entity_script<juggler> it;
  it.recover();
  auto& asked = it.send(juggle::wait_for{3});
  it.tell(juggle::wait_for{4});
  it.send(juggle::throw_up{1});
  SUBCASE("unless its event comes first") {
    auto& enough = it.send(juggle::throw_up{2});
    it.retire(departure::when_done);
    it.append_succeeds();
    it.append_succeeds();
    CHECK(reply_to<balls>(asked).up == 3);
    CHECK(reply_to<balls>(enough).up == 3);
  }
  SUBCASE("when nothing else waits") {
    it.retire(departure::when_done);
    CHECK(asked.answers.empty());
    it.append_succeeds();
    CHECK(error_to(asked) == errc::not_owner);
  }
  it.save_succeeds();
  CHECK(it.retired == 1);
  CHECK(!it.ended);
  REQUIRE(it.left.size() == 1);
  CHECK(it.left[0].command.get_if<juggle::wait_for>()->count == 4);
  CHECK(it.told.empty());
}

TEST_CASE("entity: told to finish, one that stops itself leaves the rest to its next incarnation") {
  juggle::stage stage;
  entity_script<juggler> it;
  it.recover();
  it.send(juggle::throw_up{1});
  it.send(juggle::bow{0});
  it.send(juggle::look{.stumble = true});
  it.send(juggle::throw_up{1});
  it.retire(departure::when_done);
  it.append_succeeds();
  it.save_succeeds();
  CHECK(it.ended);
  CHECK(it.left.size() == 1);
}

TEST_CASE("entity: told to finish, it serves who comes all the same, and goes then") {
  entity_script<account> it;
  it.recover();
  it.send(deposit{1});
  it.retire(departure::when_done);
  it.append_succeeds();
  CHECK(it.under_test.now() == phase::leaving);
  auto& sent = it.send(deposit{1});
  it.append_succeeds();
  CHECK(reply_to<balance>(sent).cents == 2);
  it.save_succeeds();
  it.save_succeeds();
  CHECK(it.retired == 1);
}

TEST_CASE("entity: told to finish and then to go, it goes") {
  entity_script<account> it;
  it.recover();
  auto& being_stored = it.send(deposit{1});
  auto& waiting = it.send(deposit{2});
  it.retire(departure::when_done);
  it.retire(departure::at_once);
  it.append_succeeds();
  CHECK(reply_to<balance>(being_stored).cents == 1);
  CHECK(error_to(waiting) == errc::not_owner);
  it.save_succeeds();
  CHECK(it.retired == 1);
}

TEST_CASE("entity: told to go, it takes with it what it was told, in order") {
  entity_script<account> it;
  const auto tell_three = [&] {
    for (const int cents : {1, 2, 3}) it.tell(deposit{cents});
  };
  SUBCASE("while it comes back") {
    tell_three();
    it.retire(departure::at_once);
    it.recover();
  }
  SUBCASE("while it cannot come back") {
    tell_three();
    cannot_come_back(it);
    it.retire(departure::at_once);
  }
  SUBCASE("quarantined") {
    tell_three();
    it.retire(departure::at_once);
    it.give_tail(fail(errc::corrupt_history, "damaged"));
    it.give_snapshot();
  }
  SUBCASE("behind an append") {
    it.recover();
    it.send(deposit{9});
    it.tell(deposit{1});
    it.retire(departure::at_once);
    it.tell(deposit{2});
    it.append_succeeds();
    CHECK(it.retired == 0);
    it.tell(deposit{3});
    it.save_succeeds();
  }
  SUBCASE("with an append that another owner came before") {
    it.recover();
    tell_three();
    it.retire(departure::at_once);
    it.append_fails(errc::version_conflict);
  }
  CHECK(it.retired == 1);
  CHECK(!it.ended);
  CHECK(it.told.empty());
  REQUIRE(it.left.size() == 3);
  for (int i = 0; i < 3; ++i) CHECK(it.left[i].command.get_if<deposit>()->cents == i + 1);
}

TEST_CASE("entity: gone, it takes with it what it is told after that") {
  entity_script<account> it;
  it.recover();
  it.retire(departure::at_once);
  CHECK(it.retired == 1);
  it.tell(deposit{1});
  CHECK(it.retired == 2);
  CHECK(it.left.size() == 1);
}
