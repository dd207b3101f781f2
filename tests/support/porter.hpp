#pragma once

#include <aether/actors/event_sourced_actor.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

/// An actor for soak runs: it does, with a load of some bytes, what it is told to.
namespace porter {

namespace task {
inline constexpr std::int64_t store = 0, refuse = 1, drop = 2, drop_later = 3, again = 4,
                              remind = 5, rest = 6, look = 7;
}  // namespace task

/// What it carries: `weight` bytes at most are kept.
struct shelf {
  std::int64_t count = 0;
  std::string last;
  AETHER_MESSAGE("porter.shelf", count, last)
};
struct carried {
  std::int64_t count = 0;
  AETHER_MESSAGE("porter.carried", count)
};
struct carry {
  std::int64_t what = task::store;
  std::string load;
  using reply = carried;
  AETHER_MESSAGE("porter.carry", what, load)
};
struct put_down {
  std::string load;
  AETHER_MESSAGE("porter.put_down", load)
};

/// What porters sent themselves, and the timers that they started.
struct diary {
  static inline std::atomic<std::uint64_t> told_self{0}, timers{0};
  static void begin() { told_self = timers = 0; }
};

class porter : public aether::event_sourced_actor<porter> {
 public:
  static constexpr std::string_view type_name = "porter";
  static constexpr auto on_failure = aether::failure_policy::restart;
  static constexpr auto snapshots = aether::snapshot_policy::every(10);
  using state = shelf;
  using commands = aether::messages<carry>;
  using events = aether::messages<put_down>;
  using context = aether::actor_context<porter>;

  static aether::effect<carried> on(const carry& command, const shelf& now) {
    const auto answer = [](const shelf& after) { return carried{after.count}; };
    switch (command.what) {
      case task::refuse:
        return reject("too heavy");
      case task::drop:
        throw std::runtime_error{"dropped"};
      case task::drop_later:
        return persist(put_down{command.load}).reply(answer).then([] {
          throw std::runtime_error{"dropped later"};
        });
      case task::again:
        return persist(put_down{command.load})
            .reply(answer)
            .then([load = command.load](context& self) {
              ++diary::told_self;
              self.tell_self(carry{task::store, load});
            });
      case task::remind:
        return persist(put_down{command.load})
            .reply(answer)
            .then([load = command.load](context& self) {
              ++diary::timers;
              self.start_timer(load.substr(0, 1), std::chrono::milliseconds{2},
                               carry{task::store, load});
            });
      case task::rest:
        return reply(carried{now.count}).stop();
      case task::look:
        return reply(carried{now.count});
      default:
        return persist(put_down{command.load}).reply(answer);
    }
  }
  static void apply(shelf& now, const put_down& event) {
    ++now.count;
    now.last = event.load;
  }
};

}  // namespace porter
