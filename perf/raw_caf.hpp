#pragma once

#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

/// The limit that CAF sets: actors that add numbers, with nothing of Aether's about them.
namespace aether::perf {

/// CAF as `actor_host` sets it up.
struct raw_config : caf::actor_system_config {
  raw_config();
};

struct raw_add {
  std::int64_t by = 0;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, raw_add& command) {
  return f(command.by);
}

/// Makes sure that an actor is up.
struct raw_wake {};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, raw_wake&) {
  return f();
}

struct small_state {
  std::int64_t value = 0;
  void add(std::int64_t by) { value += by; }
};

/// Adds numbers to a state of `State`'s size. Counts up `finished` after each `expected` of them,
/// and when it is woken.
template <class State>
class raw_counter : public caf::event_based_actor {
 public:
  raw_counter(caf::actor_config& config, std::size_t expected, std::atomic<std::size_t>& finished)
      : caf::event_based_actor{config}, expected_{expected}, done_{finished} {}

  caf::behavior make_behavior() override {
    return {[this](const raw_add& command) {
              state_.add(command.by);
              if (++seen_ % expected_ == 0) done_.fetch_add(1, std::memory_order_release);
            },
            [this](raw_wake) { done_.fetch_add(1, std::memory_order_release); }};
  }

 private:
  State state_{};
  std::size_t seen_ = 0;
  const std::size_t expected_;
  std::atomic<std::size_t>& done_;
};

/// Requests from one actor to another and back in a second, the next after the answer to the one
/// before.
[[nodiscard]] double raw_round_trips_per_second(std::size_t total);

}  // namespace aether::perf
