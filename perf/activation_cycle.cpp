// Actors that come to memory for one command and leave it, beside CAF actors that live as long.

#include "benchmarks.hpp"
#include "commands.hpp"
#include "memory_host.hpp"
#include "raw_caf.hpp"
#include "timing.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>

namespace aether::perf {

namespace {

class passer : public event_sourced_actor<passer> {
 public:
  static constexpr std::string_view type_name = "passer";
  using state = count;
  using commands = messages<add>;
  using events = messages<added>;

  effect<void> on(const add& command, const state&) { return persist(added{command.by}).stop(); }
  static void apply(state& now, const added& event) { now.value += event.by; }
};

/// Ends after one message.
class raw_passer : public caf::event_based_actor {
 public:
  raw_passer(caf::actor_config& config, std::atomic<std::size_t>& gone)
      : caf::event_based_actor{config}, gone_{gone} {}
  ~raw_passer() override { gone_.fetch_add(1, std::memory_order_release); }

  caf::behavior make_behavior() override {
    return {[this](const raw_add& command) {
      state_.add(command.by);
      quit();
    }};
  }

 private:
  small_state state_{};
  std::atomic<std::size_t>& gone_;
};

double raw_lives_per_second(std::size_t actors) {
  std::atomic<std::size_t> gone{0};  // outlives the actors
  raw_config config;
  caf::actor_system system{config};
  const auto begin = clock::now();
  for (std::size_t i = 0; i < actors; ++i)
    caf::anon_send(system.spawn<raw_passer>(gone), raw_add{1});
  await(gone, actors);
  return per_second(actors, begin);
}

double lives_per_second(std::size_t actors) {
  memory_host<passer> on;
  const auto begin = clock::now();
  for (std::size_t i = 0; i < actors; ++i) add_one(on.host.actor<passer>(std::to_string(i)));
  await_that([&] { return on.host.stats().passivations >= actors; });
  const double rate = per_second(actors, begin);
  const auto seen = on.host.stats();
  if (seen.activations != actors || seen.commits != actors)
    throw std::runtime_error{"an actor did not live once, for one command"};
  return rate;
}

}  // namespace

benchmark activation_cycle_memory(const scale& scale) {
  const std::size_t actors = scale.of(200'000);
  return {.unit = "actors/s",
          .target = 0.3,
          .limit = [=] { return raw_lives_per_second(actors); },
          .subject = [=] { return lives_per_second(actors); }};
}

}  // namespace aether::perf
