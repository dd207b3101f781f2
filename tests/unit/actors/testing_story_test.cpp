#include <aether/actors/testing.hpp>
#include "support/bank.hpp"
#include "support/complaint.hpp"
#include "support/shop.hpp"
#include "support/trickster.hpp"

#include <doctest/doctest.h>

#include <string>

// A story that goes on: further commands, restarts, deferral, time.

using namespace shop;
using namespace std::chrono_literals;
using aether::errc;
using aether::testing::given;
using aether::testing::scenario;
using aether::testing_support::complaint;

namespace {

std::string id_of(int number) {
  const std::string digits = std::to_string(number);
  return std::string(32 - digits.size(), '0') + digits;
}

}  // namespace

TEST_CASE("fixture: events of one command are the history of the next") {
  given<bank::account>(bank::deposited{50})
      .when(bank::withdraw{30})
      .then_replied(bank::balance{20})
      .when(bank::withdraw{30})
      .then_rejected("insufficient funds")
      .when(bank::deposit{10})
      .then_persisted(bank::deposited{10})
      .and_event(bank::deposited{1})
      .then_state(bank::balance{31})
      .when(bank::withdraw{31})
      .then_state(bank::balance{0});
}

TEST_CASE("fixture: after a restart the object is another, and the state the same") {
  auto story = given<keeper>(opened{}, sold{3});
  story.when(count_looks{}).when(count_looks{}).then_replied(receipt{2});
  story.restart().then_state({true, 3}).when(count_looks{}).then_replied(receipt{1});
  story.restart_from_snapshot().then_state({true, 3}).when(count_looks{}).then_replied(receipt{1});
  story.when(buy{2}).then_persisted(sold{2}).then_replied(receipt{5});
}

TEST_CASE("fixture: the object under test can be made otherwise, and has an id") {
  keeper experienced;
  (void)scenario<keeper>{experienced}.when(count_looks{}).then_replied(receipt{1});
  int made = 0;
  scenario<keeper> bob{[&made] {
                         ++made;
                         return keeper{};
                       },
                       "bob"};
  bob.when(look_around{}).then_replied(surroundings{"keeper/bob", "", id_of(1), id_of(1), 0, 0});
  CHECK(made == 1);
  bob.restart();
  CHECK(made == 2);
}

TEST_CASE("fixture: the test says who asks, on whose behalf and when, and for one command only") {
  const auto story = aether::command_id::make();
  given<keeper>(opened{}, sold{1})
      .from<stock>("apples")
      .on_behalf_of(story)
      .at(std::chrono::sys_days{std::chrono::year{2026} / 7 / 8})
      .when(look_around{})
      .then_replied(
          surroundings{"keeper/test", "stock/apples", id_of(1), story.hex(), 2, 1'783'468'800})
      .advance(90s)
      .when(look_around{})
      .then_replied(surroundings{"keeper/test", "", id_of(2), id_of(2), 2, 1'783'468'890});
}

TEST_CASE("fixture: a handler that only reads is asked like any other") {
  given<keeper>(opened{}, sold{3}).when(look{}).then_replied(salesroom{true, 3}).then_persisted();
  CHECK(complaint([] {
          given<keeper>().when(look{}).then_replied(salesroom{true, 0});
        }) ==
        "reply: expected shop.salesroom{open: true, sold: 0}; found shop.salesroom{open: false, "
        "sold: 0}");
}

TEST_CASE("fixture: a deferred command is decided again after the next event") {
  given<keeper>()
      .when(buy{2})
      .then_deferred()
      .then_persisted_nothing()
      .when(look{})
      .then_decided_nothing_more()
      .when(open_up{})
      .then_persisted(opened{})
      .then_state({true, 0})
      .then_decided(buy{2})
      .then_persisted(sold{2})
      .then_replied(receipt{2})
      .then_decided_nothing_more();
}

TEST_CASE("fixture: deferred commands keep their order, and may be deferred again") {
  given<keeper>()
      .when(buy{1})
      .when(buy{2})
      .then_deferred()
      .when(close_up{})
      .then_decided(buy{1})
      .then_deferred()
      .then_decided(buy{2})
      .then_deferred()
      .then_decided_nothing_more()
      .and_event(opened{})
      .then_decided(buy{1})
      .then_replied(receipt{1})
      .then_decided(buy{2})
      .then_replied(receipt{3});
}

TEST_CASE("fixture: more deferred commands than the actor's deferred_max are refused") {
  given<keeper>()
      .when(buy{1})
      .when(buy{2})
      .then_deferred()
      .when(buy{3})
      .then_failed(errc::overloaded)
      .when(open_up{})
      .then_decided(buy{1})
      .then_decided(buy{2})
      .then_decided_nothing_more();
}

TEST_CASE("fixture: what was deferred and not as expected is told") {
  CHECK(complaint([] { given<keeper>().when(buy{1}).then_replied(receipt{1}); }) ==
        "reply: expected shop.receipt{sold: 1}; found deferred");
  CHECK(complaint([] { given<keeper>().when(buy{1}).then_persisted(sold{1}); }) ==
        "events: expected shop.sold{count: 1}; found deferred");
  CHECK(complaint([] { given<keeper>().when(look{}).then_deferred(); }) ==
        "outcome: expected deferred; found accepted, with events none");
  CHECK(complaint([] { given<keeper>().when(look{}).then_decided(look{}); }) ==
        "decided next: expected shop.look{}; found no further command");
  auto story = given<keeper>();
  story.when(buy{1}).when(open_up{});
  CHECK(complaint([&] { story.then_decided(buy{2}); }) ==
        "decided next: expected shop.buy{count: 2}; found shop.buy{count: 1}");
  CHECK(complaint([&] { story.then_decided_nothing_more(); }) ==
        "decided next: expected no further command; found shop.buy{count: 1}");
}

TEST_CASE("fixture: an actor that stops is another object afterwards, in the same state") {
  given<keeper>(opened{})
      .when(count_looks{})
      .when(ring_in{5, "bell"})
      .when(go_home{})
      .then_stopped()
      .when(count_looks{})
      .then_replied(receipt{1})
      .then_state({true, 0})
      .advance(1h)
      .then_decided_nothing_more();
  given<keeper>().when(buy{1}).when(go_home{}).then_stopped().then_decided(buy{1}).then_deferred();
  CHECK(complaint([] { given<keeper>().when(look{}).then_stopped(); }) ==
        "outcome: expected stopped; found accepted, with events none");
}

TEST_CASE("fixture: a crash takes timers and deferred commands with it") {
  given<keeper>()
      .when(buy{1})
      .when(ring_in{5, "bell"})
      .restart()
      .when(open_up{})
      .then_decided_nothing_more()
      .advance(5ms)
      .then_decided_nothing_more();
}

TEST_CASE("fixture: timers go off in order, when they are due and not before") {
  given<keeper>()
      .when(ring_in{50, "late"})
      .then_timer("late", 50ms, ring{"late"})
      .when(ring_in{20, "early"})
      .when(ring_in{20, "second"})
      .advance(19ms)
      .then_decided_nothing_more()
      .advance(31ms)
      .then_decided(ring{"early"})
      .then_replied(receipt{20})
      .then_decided(ring{"second"})
      .then_replied(receipt{20})
      .then_decided(ring{"late"})
      .then_replied(receipt{50})
      .then_persisted_nothing()
      .then_decided_nothing_more()
      .advance(1h)
      .then_decided_nothing_more();
}

TEST_CASE("fixture: a timer of no time, or less, goes off with the next advance") {
  given<keeper>()
      .when(ring_in{0, "first"})
      .when(ring_in{-5, "second"})
      .then_decided_nothing_more()
      .advance(0s)
      .then_decided(ring{"first"})
      .then_decided(ring{"second"})
      .then_decided_nothing_more();
}

TEST_CASE("fixture: of two timers of one name the later counts, and one cancelled is gone") {
  given<keeper>()
      .when(ring_in{20, "bell"})
      .when(ring_in{30, "bell"})
      .advance(29ms)
      .then_decided_nothing_more()
      .advance(1ms)
      .then_decided(ring{"bell"});
  given<keeper>()
      .when(open_up{})
      .then_timer("closing", 8h, close_up{})
      .then_no_side_effects()
      .when(close_up{})
      .then_timer_cancelled("closing")
      .then_told<stock>("apples", restock{2})
      .then_no_side_effects()
      .advance(24h)
      .then_decided_nothing_more();
}

TEST_CASE("fixture: a timer may start another, for as long as time goes on") {
  auto story = given<keeper>();
  story.when(tick{1'000}).advance(4s);
  for (int i = 0; i < 4; ++i) story.then_decided(tick{1'000});
  story.then_decided_nothing_more().advance(24h);
  CHECK(complaint([] { given<keeper>().when(tick{0}).advance(0s); }) ==
        "commands that follow from one another: expected at most 1000; found one more: "
        "shop.tick{ms: 0}");
}

TEST_CASE("fixture: a timer's events are as any other") {
  given<keeper>()
      .when(open_up{})
      .when(buy{1})
      .advance(9h)
      .then_decided(close_up{})
      .then_persisted(closed{})
      .then_state({false, 1})
      .when(look_around{})
      .then_replied(surroundings{"keeper/test", "", id_of(3), id_of(3), 3, 9 * 3600});
}

TEST_CASE("fixture: what is answered with an error of the runtime's is told apart") {
  using trick::trickster;
  given<trickster>().when(trick::write{257}).then_failed(errc::commit_too_large);
  given<trickster>().when(trick::write{256, 1}).then_state(trick::tally{256});
  given<trickster>()
      .when(trick::write{2, 600'000})
      .then_failed(errc::commit_too_large)
      .then_persisted_nothing()
      .then_state(trick::tally{0});
  for (const auto where : {trick::place::on, trick::place::apply, trick::place::reply})
    given<trickster>()
        .when(trick::blow_up{where})
        .then_failed(errc::handler_failed)
        .then_persisted_nothing()
        .then_state(trick::tally{0})
        .when(trick::count{})
        .then_replied(trick::tally{0});
  CHECK(complaint([] { given<keeper>().when(look{}).then_failed(errc::overloaded); }) ==
        "outcome: expected overloaded; found accepted, with events none");
}

TEST_CASE("fixture: a reason that a program can read") {
  given<keeper>().when(buy{11}).then_rejected(too_many{10}).then_failed(errc::rejected);
  CHECK(complaint([] { given<keeper>().when(buy{11}).then_rejected(too_many{9}); }) ==
        "outcome: expected rejected (reason shop.too_many{at_most: 9}); found rejected: "
        "shop.too_many{at_most: 10} (reason shop.too_many{at_most: 10})");
  CHECK(complaint(
            [] { given<bank::account>().when(bank::withdraw{1}).then_rejected(too_many{9}); }) ==
        "outcome: expected rejected (reason shop.too_many{at_most: 9}); found rejected: "
        "insufficient funds");
}

TEST_CASE("fixture: an expectation without a command says what is missing") {
  const std::string missing =
      "no command that it is about: say when(...) or then_decided(...) first";
  CHECK(complaint([] { given<keeper>().then_persisted_nothing(); }) ==
        "events: expected none; found " + missing);
  CHECK(complaint([] { given<keeper>().when(look{}).advance(1s).then_replied(salesroom{}); }) ==
        "reply: expected shop.salesroom{open: false, sold: 0}; found " + missing);
}
