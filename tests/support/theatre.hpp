#pragma once

#include <aether/actors/actor_context.hpp>
#include <aether/actors/event_sourced_actor.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

/// The actors of docs/testing.md.
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

  explicit show(std::int64_t cents = 30'00) : cents_{cents} {}

  static aether::effect<void> on(const put_on_sale&, const state&) {
    return persist(went_on_sale{});
  }
  static aether::effect<held> on(const hold& command, const state& now) {
    if (!now.on_sale) return defer();
    if (now.sold.contains(command.seat)) return reject(seat_taken{command.seat}, "taken");
    return persist(seat_held{command.seat})
        .then([seat = command.seat](context& self) {
          self.start_timer(seat, std::chrono::minutes{15}, release{seat});
        })
        .reply(held{command.seat});
  }
  static aether::effect<void> on(const release& command, const state& now) {
    const auto found = now.sold.find(command.seat);
    if (found == now.sold.end() || found->second) return none();
    return persist(seat_released{command.seat});
  }
  aether::effect<void> on(const buy& command, const state&) {
    return none().then([seat = command.seat, cents = cents_](context& self) {
      self.ask(self.actor<till>("main"), charge{cents}, std::chrono::seconds{2},
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

 private:
  std::int64_t cents_;
};

}  // namespace theatre
