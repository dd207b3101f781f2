// Answers that no append vouches for, while nobody knows whether another owner has gone on.

#include "support/bank.hpp"
#include "support/entity_script.hpp"
#include "support/juggler.hpp"
#include "support/trickster.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <string>

using namespace aether;
using namespace std::chrono_literals;
using aether::testing::entity_script;
using aether::testing::error_to;
using aether::testing::reply_to;
using bank::account;
using bank::balance;
using bank::deposit;
using bank::get_balance;
using bank::withdraw;
using juggle::balls;
using juggle::careful_juggler;
using juggle::juggler;
using phase = aether::entity::phase;

namespace {

template <class Actor>
void lose_contact(entity_script<Actor>& it) {
  it.contact.until = it.now;
}

/// An actor that is back from its history, and out of contact.
template <class Actor>
struct unsure : entity_script<Actor> {
  unsure() {
    this->recover();
    lose_contact(*this);
  }
};

/// One more commit, by another owner.
template <class Actor, message Event>
void another_stores(entity_script<Actor>& it, Event event) {
  commit foreign;
  foreign.id = commit_id::make();
  foreign.first = event_version{(it.log.empty() ? 0 : it.log.back().commit.last().value()) + 1};
  foreign.events.push_back({std::string{Event::aether_wire_name}, encode(event)});
  it.put(std::move(foreign));
}

}  // namespace

TEST_CASE("entity: out of contact, what no append vouches for waits until the log's end is seen") {
  juggle::stage stage;
  const auto check = [](auto& it, auto command, const char* what) {
    CAPTURE(what);
    lose_contact(it);
    auto& sent = it.send(std::move(command));
    CHECK(sent.answers.empty());
    CHECK(it.under_test.now() == phase::confirming);
    it.confirm();
    CHECK(sent.answers.size() == 1);
    CHECK(it.under_test.now() == phase::ready);
    CHECK(!it.append);
  };
  entity_script<account> bank;
  bank.recover();
  check(bank, get_balance{}, "a query, of an actor without events");
  bank.contact = {};
  bank.send(deposit{1});
  bank.append_succeeds();
  check(bank, get_balance{}, "a query");
  check(bank, withdraw{100}, "a rejection");
  entity_script<juggle::juggler> jugglers;
  jugglers.recover();
  check(jugglers, juggle::look{}, "one that only reads");
  check(jugglers, juggle::look{.stumble = true}, "one whose handler throws");
  check(jugglers, juggle::show{0}, "no events, no reply, but a side effect");
  check(jugglers, juggle::fumble{}, "a reply that cannot be made");
  entity_script<trick::trickster> tricks;
  tricks.recover();
  check(tricks, trick::ignore{}, "nothing");
}

TEST_CASE("entity: out of contact, a command that persists needs nothing but its append") {
  unsure<account> it;
  auto& stored = it.send(deposit{1});
  REQUIRE(it.append.has_value());
  auto& rejected = it.send(withdraw{100});
  auto& more = it.send(deposit{1});
  it.append_succeeds();
  CHECK(reply_to<balance>(stored).cents == 1);
  REQUIRE(it.append.has_value());
  CHECK(rejected.answers.empty());
  it.append_succeeds();  // of the same batch: it vouches for both
  CHECK(error_to(rejected) == errc::rejected);
  CHECK(reply_to<balance>(more).cents == 2);
  CHECK(!it.tail_doubted);
}

TEST_CASE("entity: out of contact, a repeated command that the window knows is answered at once") {
  entity_script<account> it;
  it.recover();
  const auto id = it.send(deposit{1}).id;
  it.append_succeeds();
  lose_contact(it);
  CHECK(reply_to<balance>(it.send(deposit{1}, {.id = id, .repeated = true})).cents == 1);
  CHECK(!it.tail_doubted);
}

TEST_CASE("entity: what another owner has stored is seen before anything is answered") {
  unsure<account> it;
  auto& query = it.send(get_balance{});
  auto& rejected = it.send(withdraw{5});  // waits: it is decided on what is read back
  another_stores(it, bank::deposited{7});
  it.confirm();
  CHECK(it.reported("state_outdated"));
  CHECK(it.under_test.now() == phase::recovering);
  CHECK(query.answers.empty());
  it.recover();
  REQUIRE(it.append.has_value());
  CHECK(query.answers.empty());
  it.append_succeeds();
  CHECK(reply_to<balance>(query).cents == 7);
  CHECK(reply_to<balance>(rejected).cents == 2);
}

TEST_CASE("entity: a log of the same length that is not the same one is read back too") {
  entity_script<account> it;
  it.recover();
  it.send(deposit{1});
  it.append_succeeds();
  lose_contact(it);
  it.send(get_balance{});
  auto tail = it.log.back();
  tail.commit.id = commit_id::make();
  it.confirm(tail);
  CHECK(it.under_test.now() == phase::recovering);
}

TEST_CASE("entity: where the log's end cannot be seen, nobody is told anything else") {
  juggle::stage stage;
  entity_script<juggler> it;
  it.recover();
  const auto known = it.send(juggle::throw_up{1}).id;
  it.append_succeeds();
  lose_contact(it);
  it.acts.clear();
  auto& first = it.send(juggle::who_asks{});
  auto& query = it.send(juggle::who_asks{});
  auto& acts = it.send(juggle::show{0});
  auto& stops = it.send(juggle::bow{0});
  it.confirm();
  CHECK(reply_to<balls>(first).up == 1);
  it.confirm(fail(errc::timed_out, "no answer"));
  CHECK(error_to(query) == errc::unavailable);
  CHECK(error_to(acts) == errc::unavailable);
  CHECK(error_to(stops) == errc::unavailable);
  CHECK(it.acts.empty());
  CHECK(it.under_test.now() == phase::ready);  // it did not stop
  CHECK(reply_to<balls>(it.send(juggle::throw_up{1}, {.id = known, .repeated = true})).up == 1);
  it.send(juggle::throw_up{1});
  CHECK(it.append.has_value());
}

TEST_CASE("entity: while it confirms, what comes waits, and is decided in its turn") {
  unsure<account> it;
  auto& query = it.send(get_balance{});
  auto& stored = it.send(deposit{5});
  auto& after = it.send(get_balance{});
  CHECK(!it.append);
  it.confirm();
  CHECK(reply_to<balance>(query).cents == 0);
  it.append_succeeds();
  CHECK(reply_to<balance>(stored).cents == 5);
  CHECK(reply_to<balance>(after).cents == 5);
  CHECK(!it.tail_doubted);
}

TEST_CASE("entity: many wait for one look at the log") {
  unsure<account> it;
  it.send(get_balance{});
  for (int i = 0; i < 10; ++i) it.send(get_balance{});
  it.confirm();
  CHECK(it.tail_doubted);
  it.confirm();
  CHECK(!it.tail_doubted);
  for (const auto& one : it.commands) CHECK(one.answers.size() == 1);
}

TEST_CASE("entity: out of contact, who only reads is not answered while others are stored") {
  juggle::stage stage;
  entity_script<juggler> it;
  it.recover();
  it.send(juggle::throw_up{1});
  CHECK(reply_to<balls>(it.send(juggle::look{})).up == 0);
  lose_contact(it);
  auto& look = it.send(juggle::look{});
  CHECK(look.answers.empty());
  it.append_succeeds();
  CHECK(look.answers.empty());  // it may have been sent after that was stored
  it.confirm();
  CHECK(reply_to<balls>(look).up == 1);
}

TEST_CASE("entity: who may be told what is stale is told what is in memory") {
  juggle::stage stage;
  entity_script<juggler> it;
  it.contact.until = it.now;
  auto& early = it.send(juggle::look{}, {.stale = true});
  CHECK(early.answers.empty());
  it.recover();
  CHECK(reply_to<balls>(early).up == 0);
  const auto look_at = [&] { return reply_to<balls>(it.send(juggle::look{}, {.stale = true})).up; };
  CHECK(look_at() == 0);
  auto& query = it.send(juggle::who_asks{}, {.stale = true});  // not one that only reads
  CHECK(it.under_test.now() == phase::confirming);
  CHECK(look_at() == 0);
  it.confirm();
  CHECK(query.answers.size() == 1);
  it.send(juggle::throw_up{1});
  CHECK(look_at() == 0);
  it.append_succeeds();
  CHECK(look_at() == 1);
  CHECK(!it.tail_doubted);
  it.now += 1s;
  CHECK(error_to(it.send(juggle::look{}, {.stale = true, .deadline = it.now})) ==
        errc::unavailable);
}

TEST_CASE("entity: back in contact, it makes sure once of what it knew before") {
  entity_script<account> it;
  it.recover();
  it.now += 1s;
  it.contact.since = it.now;
  SUBCASE("by a look at the log's end") {
    auto& first = it.send(get_balance{});
    it.confirm();
    CHECK(first.answers.size() == 1);
  }
  SUBCASE("by an append") {
    it.send(deposit{1});
    it.append_succeeds();
  }
  SUBCASE("by reading its history") {
    it.send(deposit{1});
    it.append_fails(errc::outcome_unknown);
    it.recover();
  }
  CHECK(it.send(get_balance{}).answers.size() == 1);
}

TEST_CASE("entity: what was asked before contact came back proves nothing of the time since") {
  entity_script<account> it;
  it.recover();
  lose_contact(it);
  const auto back_in_contact = [&] {
    it.now += 1s;
    it.contact = {it.now, it.now + 1s};
  };
  SUBCASE("by an append") {
    it.send(deposit{1});
    back_in_contact();
    it.append_succeeds();
  }
  SUBCASE("by a look at the log's end") {
    it.send(get_balance{});
    back_in_contact();
    it.confirm();
  }
  SUBCASE("by reading its history") {
    it.send(deposit{1});
    it.append_fails(errc::outcome_unknown);
    back_in_contact();
    it.recover();
  }
  CHECK(it.send(get_balance{}).answers.empty());
  CHECK(it.tail_doubted);
}

TEST_CASE("entity: what it puts off on a state that may be outdated is looked at again") {
  juggle::stage stage;
  unsure<juggler> it;
  auto& waits = it.send(juggle::wait_for{3});
  SUBCASE("the state is outdated") {
    another_stores(it, juggle::thrown_up{3});
    it.confirm();
    it.recover();
    it.confirm();
    CHECK(reply_to<balls>(waits).up == 3);
  }
  SUBCASE("it is not") {
    it.confirm();
    CHECK(waits.answers.empty());
    it.send(juggle::throw_up{3});
    it.append_succeeds();
    it.confirm();
    CHECK(reply_to<balls>(waits).up == 3);
  }
  SUBCASE("nobody knows: it stays put off") {
    it.confirm(fail(errc::unavailable, "away"));
    CHECK(waits.answers.empty());
    CHECK(it.under_test.held() == 1);
  }
}

TEST_CASE("entity: a writer that keeps coming first is told to the sender, some time") {
  unsure<account> it;
  auto& query = it.send(get_balance{});
  for (unsigned i = 0; i < entity::conflicts_max; ++i) {
    CHECK(query.answers.empty());
    another_stores(it, bank::deposited{1});
    it.confirm();
    it.recover();
  }
  CHECK(error_to(query) == errc::unavailable);
}

TEST_CASE("entity: a log's end that speaks of damage is looked into, and not answered from") {
  for (const auto code : {errc::corrupt_history, errc::stream_regressed}) {
    unsure<account> it;
    auto& query = it.send(get_balance{});
    it.confirm(fail(code, "damaged"));
    CHECK(it.under_test.now() == phase::recovering);
    it.give_tail(fail(code, "damaged"));
    it.give_snapshot();
    CHECK(error_to(query) == errc::quarantined);
  }
}

TEST_CASE("entity: one that stops itself does so when its answer is confirmed") {
  juggle::stage stage;
  unsure<juggler> it;
  auto& last = it.send(juggle::bow{0});
  it.send(juggle::throw_up{1});
  CHECK(it.retired == 0);
  it.confirm();
  CHECK(reply_to<balls>(last).up == 0);
  CHECK(it.ended);
  CHECK(it.left.size() == 1);
}

TEST_CASE("entity: a failure while it confirms has it made anew, once the answers have left") {
  juggle::stage stage;
  for (const bool in_side_effect : {true, false})
    for (const bool is_outdated : {true, false}) {
      CAPTURE(in_side_effect);
      CAPTURE(is_outdated);
      unsure<careful_juggler> it;
      const unsigned made = it.times_made;
      auto& query = it.send(juggle::who_asks{});
      if (in_side_effect)
        it.side_effect_threw();
      else
        CHECK(error_to(it.send(juggle::look{.stumble = true}, {.stale = true})) ==
              errc::handler_failed);
      CHECK(it.under_test.now() == phase::confirming);
      if (is_outdated) another_stores(it, juggle::thrown_up{3});
      it.confirm();
      CHECK(query.answers.empty() == is_outdated);
      CHECK(it.reported("restarted") == !is_outdated);
      CHECK(it.under_test.now() == phase::recovering);
      CHECK(it.times_made == made + 1);
    }
}

TEST_CASE("entity: told to leave while it confirms, it answers first where it can") {
  unsure<account> it;
  auto& query = it.send(get_balance{});
  auto& waiting = it.send(deposit{1});
  it.tell(deposit{2});
  const auto gone = [&] {
    CHECK(error_to(waiting) == errc::not_owner);
    CHECK(it.retired == 1);
    CHECK(it.left.size() == 1);
    CHECK(!it.append);
    CHECK(it.tails_wanted == 0);
  };
  SUBCASE("at once, and confirmed") {
    it.retire(departure::at_once);
    CHECK(it.retired == 0);
    it.confirm();
    CHECK(error_to(query) == errc::unavailable);  // the next owner may be at work
    gone();
  }
  SUBCASE("at once, without a cluster, and confirmed") {
    it.contact.until = std::chrono::steady_clock::time_point::max();
    it.retire(departure::at_once);
    it.confirm();
    CHECK(reply_to<balance>(query).cents == 0);
    gone();
  }
  SUBCASE("at once, and outdated") {
    it.retire(departure::at_once);
    another_stores(it, bank::deposited{1});
    it.confirm();
    CHECK(error_to(query) == errc::not_owner);
    gone();
  }
  SUBCASE("at once, and nobody knows") {
    it.retire(departure::at_once);
    it.confirm(fail(errc::unavailable, "away"));
    CHECK(error_to(query) == errc::unavailable);
    gone();
  }
  SUBCASE("when all is done") {
    it.retire(departure::when_done);
    it.confirm();
    CHECK(query.answers.size() == 1);
    it.append_succeeds();
    CHECK(waiting.answers.size() == 1);
    it.save_succeeds();
    CHECK(it.retired == 1);
    CHECK(it.left.empty());
  }
  SUBCASE("if idle, which it is not") {
    it.retire(departure::if_idle);
    it.confirm();
    CHECK(it.under_test.now() == phase::appending);
  }
}

TEST_CASE("entity: where another owner may be at work unheard, nothing that it decides is said") {
  entity_script<account> it;
  it.recover();
  const auto known = it.send(deposit{1}).id;
  it.append_succeeds();
  const auto lose_cluster = [&] { it.contact.until = it.contact.serves_until = it.now; };
  SUBCASE("what is stored is not known to be its own owner's") {
    auto& begun_before = it.send(deposit{1});
    lose_cluster();
    it.append_succeeds();
    CHECK(error_to(begun_before) == errc::outcome_unknown);
  }
  SUBCASE("a rejection decided before is not told, and is no rejection for its copies then") {
    it.send(deposit{1});
    it.contact.until = it.now;
    auto& rejected = it.send(withdraw{100});
    it.append_succeeds();
    it.contact.serves_until = it.now;
    it.confirm();
    CHECK(error_to(rejected) == errc::unavailable);
    it.contact = {};
    it.send(deposit{200});
    it.append_succeeds();
    it.send(withdraw{100}, {.id = rejected.id, .repeated = true});
    CHECK(it.append);
  }
  SUBCASE("nor what is stored when it was sent away by force") {
    auto& begun_before = it.send(deposit{1});
    it.contact.until = it.contact.serves_until = it.now + 1s;
    it.retire(departure::at_once);
    it.append_succeeds();
    CHECK(error_to(begun_before) == errc::outcome_unknown);
  }
  SUBCASE("what it had not begun is not decided") {
    lose_cluster();
    CHECK(error_to(it.send(deposit{1})) == errc::outcome_unknown);  // another may have a copy
    CHECK(!it.append);
  }
  SUBCASE("what was told goes on: nobody hears of it") {
    lose_cluster();
    it.tell(deposit{1});
    CHECK(it.append);
  }
  SUBCASE("a query tells nothing") {
    lose_cluster();
    auto& sent = it.send(get_balance{});
    CHECK(error_to(sent) == errc::outcome_unknown);
  }
  SUBCASE("nor does a command that is repeated") {
    lose_cluster();
    CHECK(error_to(it.send(deposit{1}, {.id = known, .repeated = true})) == errc::outcome_unknown);
  }
  SUBCASE("out of contact alone, it speaks") {
    lose_contact(it);
    auto& sent = it.send(deposit{1});
    it.append_succeeds();
    CHECK(reply_to<balance>(sent).cents == 2);
  }
}
