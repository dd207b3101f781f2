#include <aether/actors/actor_host.hpp>
#include <aether/actors/testing.hpp>
#include <aether/persistence/memory_store.hpp>
#include <aether/persistence/scripted_store.hpp>
#include "support/theatre.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>

// The examples of docs/testing.md; that the page's own blocks compile is a test of its own.

using namespace std::chrono_literals;
using aether::testing::given;

using namespace theatre;

TEST_CASE("guide: decisions and state") {
  given<show>(went_on_sale{}, seat_held{"A1"})
      .when(hold{"A2"})
      .then_persisted(seat_held{"A2"})
      .then_replied(held{"A2"})
      .then_state({true, {{"A1", false}, {"A2", false}}})
      .when(hold{"A1"})
      .then_rejected("taken")
      .then_rejected(seat_taken{"A1"})
      .then_persisted_nothing();
}

TEST_CASE("guide: side effects") {
  given<show>(went_on_sale{}, seat_held{"A1"})
      .when(buy{"A1"})
      .then_asked<till>("main", charge{30'00})
      .then_no_side_effects()
      .answered(takings{30'00})
      .then_decided(sell{"A1"})
      .then_persisted(seat_sold{"A1"})
      .then_timer_cancelled("A1")
      .then_told<till>("main", print{"A1"})
      .then_no_side_effects();
  given<show>(went_on_sale{}, seat_held{"A1"})
      .when(buy{"A1"})
      .then_asked<till>("main", charge{30'00})
      .answered(aether::error{aether::errc::outcome_unknown, "no answer"})
      .then_decided(sell{""})
      .then_persisted_nothing();
}

TEST_CASE("guide: time") {
  given<show>(went_on_sale{})
      .at(std::chrono::sys_days{std::chrono::year{2026} / 7 / 8})
      .when(hold{"A1"})
      .then_timer("A1", 15min, release{"A1"})
      .advance(14min)
      .then_decided_nothing_more()
      .advance(1min)
      .then_decided(release{"A1"})
      .then_persisted(seat_released{"A1"});
}

TEST_CASE("guide: what is put off") {
  given<show>()
      .when(hold{"A1"})
      .then_deferred()
      .when(put_on_sale{})
      .then_persisted(went_on_sale{})
      .then_decided(hold{"A1"})
      .then_replied(held{"A1"});
}

TEST_CASE("guide: restarts") {
  given<show>(went_on_sale{})
      .when(hold{"A1"})
      .restart()
      .then_state({true, {{"A1", false}}})
      .advance(1h)
      .then_decided_nothing_more()
      .restart_from_snapshot()
      .when(hold{"A1"})
      .then_rejected(seat_taken{"A1"});
}

TEST_CASE("guide: a store that fails") {
  auto store = std::make_shared<aether::scripted_event_store>(
      std::make_shared<aether::memory_event_store>());
  aether::timers clock;
  aether::actor_host host{{}, store, std::make_shared<aether::memory_snapshot_store>(), clock};
  host.host<show>();
  const auto hamlet = host.actor<show>("hamlet");
  CHECK(hamlet.ask(put_on_sale{}, 5s).get().has_value());

  store->fail_appends(aether::errc::store_failed);
  CHECK(hamlet.ask(hold{"A1"}, 5s).get().error().code() == aether::errc::store_failed);

  store->lose_acknowledgements();
  CHECK(hamlet.ask(hold{"A1"}, 5s).get().error().code() == aether::errc::outcome_unknown);
  // It was stored all the same: the actor has read its history again.
  CHECK(hamlet.ask(hold{"A1"}, 5s).get().error().text() == "taken");
}
