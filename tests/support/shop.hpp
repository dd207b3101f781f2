#pragma once

#include <aether/actors/caf.hpp>
#include <aether/actors/event_sourced_actor.hpp>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

/// An actor that does everything an effect can: asks and tells others and itself, sets timers, puts
/// commands off, leaves.
namespace shop {

struct salesroom {
  bool open = false;
  std::int64_t sold = 0;
  friend bool operator==(const salesroom&, const salesroom&) = default;
  AETHER_MESSAGE("shop.salesroom", open, sold)
};
struct receipt {
  std::int64_t sold = 0;
  AETHER_MESSAGE("shop.receipt", sold)
};
struct too_many {
  std::int64_t at_most = 0;
  AETHER_MESSAGE("shop.too_many", at_most)
};
struct opened {
  AETHER_MESSAGE("shop.opened")
};
struct closed {
  AETHER_MESSAGE("shop.closed")
};
struct sold {
  std::int64_t count = 0;
  AETHER_MESSAGE("shop.sold", count)
};

struct reserved {
  std::int64_t left = 0;
  AETHER_MESSAGE("shop.reserved", left)
};
struct reserve {
  std::int64_t count = 0;
  using reply = reserved;
  AETHER_MESSAGE("shop.reserve", count)
};
struct restock {
  std::int64_t count = 0;
  AETHER_MESSAGE("shop.restock", count)
};

/// The shop's supplier.
class stock : public aether::event_sourced_actor<stock> {
 public:
  static constexpr std::string_view type_name = "stock";
  using state = reserved;
  using commands = aether::messages<reserve, restock>;
  using events = aether::messages<>;
  static aether::effect<reserved> on(const reserve&, const state& now) { return reply(now); }
  static aether::effect<void> on(const restock&, const state&) { return none(); }
};

struct open_up {
  AETHER_MESSAGE("shop.open_up")
};
struct close_up {
  AETHER_MESSAGE("shop.close_up")
};
/// Waits until the shop is open.
struct buy {
  std::int64_t count = 1;
  using reply = receipt;
  AETHER_MESSAGE("shop.buy", count)
};
/// Asks the supplier first, twice as many where `twice`.
struct order {
  std::int64_t count = 1;
  bool twice = false;
  AETHER_MESSAGE("shop.order", count, twice)
};
/// Passes itself on, one word less.
struct chat {
  std::int64_t words = 0;
  AETHER_MESSAGE("shop.chat", words)
};
/// Asks itself to `buy`, and rings with the answer.
struct ask_yourself {
  std::int64_t count = 1;
  AETHER_MESSAGE("shop.ask_yourself", count)
};
struct ring_in {
  std::int64_t ms = 0;
  std::string name;
  AETHER_MESSAGE("shop.ring_in", ms, name)
};
/// Answered with the milliseconds of the time.
struct ring {
  std::string name;
  using reply = receipt;
  AETHER_MESSAGE("shop.ring", name)
};
/// Starts over, again and again.
struct tick {
  std::int64_t ms = 0;
  AETHER_MESSAGE("shop.tick", ms)
};
struct use_caf {
  AETHER_MESSAGE("shop.use_caf")
};
struct go_home {
  AETHER_MESSAGE("shop.go_home")
};
struct trip_over {
  AETHER_MESSAGE("shop.trip_over")
};
struct look {
  using reply = salesroom;
  AETHER_MESSAGE("shop.look")
};
struct surroundings {
  std::string self;
  std::string sender;
  std::string command;
  std::string story;
  std::uint64_t version = 0;
  std::int64_t seconds = 0;
  AETHER_MESSAGE("shop.surroundings", self, sender, command, story, version, seconds)
};
struct look_around {
  using reply = surroundings;
  AETHER_MESSAGE("shop.look_around")
};
struct count_looks {
  using reply = receipt;
  AETHER_MESSAGE("shop.count_looks")
};

class keeper : public aether::event_sourced_actor<keeper> {
 public:
  static constexpr std::string_view type_name = "keeper";
  static constexpr std::size_t deferred_max = 2;
  using state = salesroom;
  using context = aether::actor_context<keeper>;
  using commands =
      aether::messages<open_up, close_up, buy, order, chat, ask_yourself, ring_in, ring, tick,
                       use_caf, go_home, trip_over, look, look_around, count_looks>;
  using events = aether::messages<opened, closed, sold>;

  static aether::effect<void> on(const open_up&, const state&) {
    return persist(opened{}).then(
        [](context& self) { self.start_timer("closing", std::chrono::hours{8}, close_up{}); });
  }
  static aether::effect<void> on(const close_up&, const state&) {
    return persist(closed{}).then([](context& self) {
      self.cancel_timer("closing");
      (void)self.actor<stock>("apples").tell(
          restock{static_cast<std::int64_t>(self.version().value())});
    });
  }
  static aether::effect<receipt> on(const buy& command, const state& now) {
    if (command.count > 10) return reject(too_many{10});
    if (!now.open) return defer();
    return persist(sold{command.count})
        .then([count = command.count](context& self) {
          (void)self.actor<stock>("apples").tell(restock{count});
        })
        .reply([](const state& then) { return receipt{then.sold}; });
  }
  static aether::effect<void> on(const order& command, const state&) {
    return none().then([command](context& self) {
      const auto ask = [&](std::int64_t count) {
        self.ask(self.actor<stock>("apples"), reserve{count}, std::chrono::seconds{2},
                 [](const aether::result<reserved>& got) { return buy{got ? got->left : 11}; });
      };
      ask(command.count);
      if (command.twice) ask(2 * command.count);
    });
  }
  static aether::effect<void> on(const chat& command, const state&) {
    if (command.words == 0) return none();
    return none().then([words = command.words](context& self) { self.tell_self(chat{words - 1}); });
  }
  static aether::effect<void> on(const ask_yourself& command, const state&) {
    return none().then([count = command.count](context& self) {
      self.ask(self.actor<keeper>(self.self().id.str()), buy{count}, std::chrono::seconds{2},
               [](const aether::result<receipt>& got) {
                 return ring{got ? "bought" : got.error().text()};
               });
    });
  }
  static aether::effect<void> on(const ring_in& command, const state&) {
    return none().then([command](context& self) {
      self.start_timer(command.name, std::chrono::milliseconds{command.ms}, ring{command.name});
    });
  }
  static aether::effect<receipt> on(const ring&, const state&,
                                    const aether::command_context& known) {
    return reply(receipt{
        std::chrono::floor<std::chrono::milliseconds>(known.now()).time_since_epoch().count()});
  }
  static aether::effect<void> on(const tick& command, const state&) {
    return none().then([ms = command.ms](context& self) {
      self.start_timer("tick", std::chrono::milliseconds{ms}, tick{ms});
    });
  }
  static aether::effect<void> on(const use_caf&, const state&) {
    return none().then([](context& self) { aether::in_caf(self, [](caf::event_based_actor&) {}); });
  }
  static aether::effect<void> on(const go_home&, const state&) { return none().stop(); }
  static aether::effect<void> on(const trip_over&, const state&) {
    return none().then([] { throw std::runtime_error{"ouch"}; });
  }
  static aether::read_only_effect<salesroom> on(const look&, const state& now) {
    return reply(now);
  }
  static aether::effect<surroundings> on(const look_around&, const state&,
                                         const aether::command_context& known) {
    return reply(surroundings{
        to_string(known.self()), known.sender() == nullptr ? "" : to_string(*known.sender()),
        known.command().hex(), known.correlation().hex(), known.version().value(),
        std::chrono::floor<std::chrono::seconds>(known.now()).time_since_epoch().count()});
  }
  /// Of this object, that is.
  aether::effect<receipt> on(const count_looks&, const state&) { return reply(receipt{++looks_}); }

  static void apply(state& now, const opened&) { now.open = true; }
  static void apply(state& now, const closed&) { now.open = false; }
  static void apply(state& now, const sold& event) { now.sold += event.count; }

 private:
  std::int64_t looks_ = 0;
};

}  // namespace shop
