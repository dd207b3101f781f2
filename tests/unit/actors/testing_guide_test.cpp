#include <aether/actors/actor_host.hpp>
#include <aether/actors/testing.hpp>
#include <aether/persistence/memory_store.hpp>
#include <aether/persistence/scripted_store.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

// The examples of docs/testing.md.

using namespace std::chrono_literals;
using aether::testing::given;

namespace theatre {

struct seats {
  bool on_sale = false;
  std::map<std::string, bool> sold;  // held, as long as false
  AETHER_MESSAGE("theatre.seats", on_sale, sold)
};

struct put_on_sale {
  AETHER_MESSAGE("theatre.put_on_sale")
};
struct held {
  std::string seat;
  AETHER_MESSAGE("theatre.held", seat)
};
struct hold {
  std::string seat;
  using reply = held;
  AETHER_MESSAGE("theatre.hold", seat)
};
struct release {
  std::string seat;
  AETHER_MESSAGE("theatre.release", seat)
};
struct buy {
  std::string seat;
  AETHER_MESSAGE("theatre.buy", seat)
};
struct sell {
  std::string seat;
  AETHER_MESSAGE("theatre.sell", seat)
};

struct went_on_sale {
  AETHER_MESSAGE("theatre.went_on_sale")
};
struct seat_held {
  std::string seat;
  AETHER_MESSAGE("theatre.seat_held", seat)
};
struct seat_released {
  std::string seat;
  AETHER_MESSAGE("theatre.seat_released", seat)
};
struct seat_sold {
  std::string seat;
  AETHER_MESSAGE("theatre.seat_sold", seat)
};

struct seat_taken {
  std::string seat;
  AETHER_MESSAGE("theatre.seat_taken", seat)
};

struct takings {
  std::int64_t cents = 0;
  AETHER_MESSAGE("theatre.takings", cents)
};
struct charge {
  std::int64_t cents = 0;
  using reply = takings;
  AETHER_MESSAGE("theatre.charge", cents)
};
struct print {
  std::string seat;
  AETHER_MESSAGE("theatre.print", seat)
};

class till : public aether::event_sourced_actor<till> {
 public:
  static constexpr std::string_view type_name = "till";
  using state = takings;
  using commands = aether::messages<charge, print>;
  using events = aether::messages<>;
  static aether::effect<takings> on(const charge&, const state& now) { return reply(now); }
  static aether::effect<void> on(const print&, const state&) { return none(); }
};

class show : public aether::event_sourced_actor<show> {
 public:
  static constexpr std::string_view type_name = "show";
  using state = seats;
  using commands = aether::messages<put_on_sale, hold, release, buy, sell>;
  using events = aether::messages<went_on_sale, seat_held, seat_released, seat_sold>;
  using context = aether::actor_context<show>;

  static aether::effect<void> on(const put_on_sale&, const state&) {
    return persist(went_on_sale{});
  }
  static aether::effect<held> on(const hold& command, const state& now) {
    if (!now.on_sale) return defer();
    if (now.sold.contains(command.seat)) return reject(seat_taken{command.seat}, "taken");
    return persist(seat_held{command.seat})
        .then(
            [seat = command.seat](context& self) { self.start_timer(seat, 15min, release{seat}); })
        .reply(held{command.seat});
  }
  static aether::effect<void> on(const release& command, const state& now) {
    const auto found = now.sold.find(command.seat);
    if (found == now.sold.end() || found->second) return none();
    return persist(seat_released{command.seat});
  }
  static aether::effect<void> on(const buy& command, const state&) {
    return none().then([seat = command.seat](context& self) {
      self.ask(self.actor<till>("main"), charge{30'00}, 2s,
               [seat](const aether::result<takings>& got) { return sell{got ? seat : ""}; });
    });
  }
  static aether::effect<void> on(const sell& command, const state& now) {
    if (!now.sold.contains(command.seat)) return none();
    return persist(seat_sold{command.seat}).then([seat = command.seat](context& self) {
      self.cancel_timer(seat);
      (void)self.actor<till>("main").tell(print{seat});
    });
  }

  static void apply(state& now, const went_on_sale&) { now.on_sale = true; }
  static void apply(state& now, const seat_held& event) { now.sold[event.seat] = false; }
  static void apply(state& now, const seat_released& event) { now.sold.erase(event.seat); }
  static void apply(state& now, const seat_sold& event) { now.sold[event.seat] = true; }
};

}  // namespace theatre

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
