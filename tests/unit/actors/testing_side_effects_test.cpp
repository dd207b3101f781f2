#include <aether/actors/testing.hpp>
#include "support/complaint.hpp"
#include "support/shop.hpp"

#include <doctest/doctest.h>

using namespace shop;
using namespace std::chrono_literals;
using aether::errc;
using aether::error;
using aether::testing::given;
using aether::testing_support::complaint;

TEST_CASE("fixture: what an actor tells others is seen, and met once") {
  given<keeper>(opened{})
      .when(buy{2})
      .then_told<stock>("apples", restock{2})
      .then_no_side_effects();
  CHECK(complaint(
            [] { given<keeper>(opened{}).when(buy{2}).then_told<stock>("apples", restock{3}); }) ==
        "side effects: expected told stock/apples shop.restock{count: 3}; found told stock/apples "
        "shop.restock{count: 2}");
  CHECK(complaint(
            [] { given<keeper>(opened{}).when(buy{2}).then_told<stock>("pears", restock{2}); }) ==
        "side effects: expected told stock/pears shop.restock{count: 2}; found told stock/apples "
        "shop.restock{count: 2}");
  CHECK(complaint([] {
          given<keeper>(opened{})
              .when(buy{2})
              .then_told<stock>("apples", restock{2})
              .then_told<stock>("apples", restock{2});
        }) == "side effects: expected told stock/apples shop.restock{count: 2}; found none");
  CHECK(complaint([] { given<keeper>(opened{}).when(buy{2}).then_no_side_effects(); }) ==
        "side effects: expected none; found told stock/apples shop.restock{count: 2}");
}

TEST_CASE("fixture: a rejected, failed or deferred command has no side effects") {
  given<keeper>(opened{}).when(buy{11}).then_no_side_effects();
  given<keeper>().when(buy{1}).then_deferred().then_no_side_effects();
}

TEST_CASE("fixture: a question is answered, and what was to happen then is decided") {
  given<keeper>(opened{})
      .when(order{3})
      .then_persisted_nothing()
      .then_asked<stock>("apples", reserve{3})
      .then_no_side_effects()
      .answered(reserved{2})
      .then_decided(buy{2})
      .then_persisted(sold{2})
      .then_told<stock>("apples", restock{2});
  given<keeper>(opened{})
      .when(order{3})
      .then_asked<stock>("apples", reserve{3})
      .answered(error{errc::outcome_unknown, "no answer"})
      .then_decided(buy{11})
      .then_rejected(too_many{10});
}

TEST_CASE("fixture: several questions are answered in any order, later too") {
  auto story = given<keeper>(opened{});
  story.when(order{1, true})
      .then_asked<stock>("apples", reserve{2})
      .answered(reserved{5})
      .then_asked<stock>("apples", reserve{1})
      .then_decided(buy{5})
      .then_replied(receipt{5});
  story.when(look{})
      .then_asked<stock>("apples", reserve{1})
      .answered(reserved{4})
      .then_decided(buy{4})
      .then_replied(receipt{9});
}

TEST_CASE("fixture: a question that was not asked, or not so, is told") {
  CHECK(complaint([] { given<keeper>().when(order{3}).then_asked<stock>("apples", reserve{4}); }) ==
        "side effects: expected asked stock/apples shop.reserve{count: 4}; found asked "
        "stock/apples shop.reserve{count: 3}");
  CHECK(complaint([] { given<keeper>().when(order{3}).answered(reserved{}); }) ==
        "answer: expected a then_asked(...) before it; found none");
  auto story = given<keeper>(opened{});
  story.when(order{3}).then_asked<stock>("apples", reserve{3});
  CHECK(complaint([&] { story.answered(receipt{1}); }) ==
        "answer to asked stock/apples shop.reserve{count: 3}: expected shop.reserved; found "
        "shop.receipt");
  CHECK(complaint([&] { story.answered(); }) ==
        "answer to asked stock/apples shop.reserve{count: 3}: expected shop.reserved; found none");
  story.answered(reserved{1});
  CHECK(complaint([&] { story.answered(reserved{1}); }) ==
        "answer: expected a question without one; found asked stock/apples "
        "shop.reserve{count: 3}");
  CHECK(complaint([&] { story.when(look{}).then_asked<stock>("apples", reserve{3}); }) ==
        "side effects: expected asked stock/apples shop.reserve{count: 3}; found none");
}

TEST_CASE("fixture: an answer that comes after a crash finds nobody") {
  auto story = given<keeper>(opened{});
  story.when(order{3}).restart().when(look{}).then_decided_nothing_more();
  CHECK(complaint([&] { story.then_asked<stock>("apples", reserve{3}); }) ==
        "side effects: expected asked stock/apples shop.reserve{count: 3}; found none");
}

TEST_CASE("fixture: what an actor tells itself is decided behind the command") {
  given<keeper>()
      .when(chat{2})
      .then_told_itself(chat{1})
      .then_no_side_effects()
      .then_decided(chat{1})
      .then_told<keeper>("test", chat{0})
      .then_decided(chat{0})
      .then_no_side_effects()
      .then_decided_nothing_more();
  CHECK(complaint([] { given<keeper>().when(chat{0}).then_told_itself(chat{0}); }) ==
        "side effects: expected told itself shop.chat{words: 0}; found none");
}

TEST_CASE("fixture: commands to itself without an end are cut off") {
  CHECK(complaint([] { given<keeper>().when(chat{5'000}); }) ==
        "commands that follow from one another: expected at most 1000; found one more: "
        "shop.chat{words: 4000}");
  given<keeper>().when(chat{999}).then_told_itself(chat{998});
}

TEST_CASE("fixture: an actor that asks itself is answered by itself") {
  given<keeper>(opened{})
      .when(ask_yourself{})
      .then_asked<keeper>("test", buy{1})
      .then_no_side_effects()
      .then_decided(buy{1})
      .then_replied(receipt{1})
      .then_decided(ring{"bought"})
      .then_decided_nothing_more();
  CHECK(complaint([] {
          given<keeper>(opened{})
              .when(ask_yourself{})
              .then_asked<keeper>("test", buy{1})
              .answered(receipt{1});
        }) ==
        "answer: expected a question without one; found asked keeper/test shop.buy{count: 1}");
}

TEST_CASE(
    "fixture: an actor that asks itself is answered whatever the outcome, and when it is there") {
  given<keeper>()
      .when(ask_yourself{11})
      .then_decided(buy{11})
      .then_decided(ring{"shop.too_many{at_most: 10}"});
  given<keeper>()
      .when(ask_yourself{1})
      .then_decided(buy{1})
      .then_deferred()
      .then_decided_nothing_more()
      .when(open_up{})
      .then_decided(buy{1})
      .then_replied(receipt{1})
      .then_decided(ring{"bought"});
  given<keeper>()
      .when(buy{1})
      .when(buy{2})
      .when(ask_yourself{3})
      .then_decided(buy{3})
      .then_failed(errc::overloaded)
      .then_decided(ring{"too many commands are deferred"});
}

TEST_CASE("fixture: timers are side effects, with name, delay and command") {
  CHECK(complaint([] {
          given<keeper>().when(ring_in{20, "bell"}).then_timer("bell", 21ms, ring{"bell"});
        }) ==
        "side effects: expected timer 'bell' in 21 ms with shop.ring{name: \"bell\"}; found timer "
        "'bell' in 20 ms with shop.ring{name: \"bell\"}");
  CHECK(complaint([] { given<keeper>().when(close_up{}).then_timer_cancelled("bell"); }) ==
        "side effects: expected timer 'bell' cancelled; found timer 'closing' cancelled, "
        "told stock/apples shop.restock{count: 1}");
}

TEST_CASE("fixture: work in CAF is seen and not run") {
  given<keeper>().when(use_caf{}).then_used_caf().then_no_side_effects();
  CHECK(complaint([] { given<keeper>().when(use_caf{}).then_no_side_effects(); }) ==
        "side effects: expected none; found work in CAF");
  CHECK(complaint([] { given<keeper>().when(look{}).then_used_caf(); }) ==
        "side effects: expected work in CAF; found none");
}

TEST_CASE("fixture: a side effect that throws fails the test") {
  CHECK(complaint([] { given<keeper>().when(trip_over{}); }) ==
        "side effects of shop.trip_over{}: expected no exception; found ouch");
}
