// Commands to actors in the same process whose events go to memory, beside plain CAF messages.

#include "benchmarks.hpp"
#include "child.hpp"
#include "commands.hpp"
#include "memory_host.hpp"
#include "raw_caf.hpp"
#include "timing.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

namespace aether::perf {

namespace {

/// A counter that says when it has come to what is expected of it, as `raw_counter` does.
class tallier : public event_sourced_actor<tallier> {
 public:
  static constexpr std::string_view type_name = "tallier";
  using state = count;
  using commands = messages<add, read_count>;
  using events = messages<added>;

  effect<void> on(const add& command, const state&) { return persist(added{command.by}); }
  effect<count> on(const read_count&, const state& now) { return reply(now); }
  static void apply(state& now, const added& event) {
    now.value += event.by;
    if (now.value == expected) done.fetch_add(1, std::memory_order_release);
  }

  /// Written while no actor is alive.
  static inline std::int64_t expected = 0;
  static inline std::atomic<std::size_t> done{0};
};

benchmark telling(std::size_t actors, std::size_t rounds) {
  return {.unit = "commands/s",
          .target = 0.5,
          .limit = [=] { return raw_tells_per_second(actors, rounds); },
          .subject = [=] { return tells_per_second(actors, rounds); }};
}

}  // namespace

double raw_tells_per_second(std::size_t actors, std::size_t rounds) {
  std::atomic<std::size_t> done{0};  // outlives the actors
  raw_config config;
  caf::actor_system system{config};
  std::vector<caf::actor> all;
  for (std::size_t i = 0; i < actors; ++i) {
    all.push_back(system.spawn<raw_counter<small_state>>(rounds, done));
    caf::anon_send(all.back(), raw_wake{});
  }
  await(done, actors);
  done = 0;
  const auto begin = clock::now();
  for (std::size_t round = 0; round < rounds; ++round)
    for (const auto& to : all) caf::anon_send(to, raw_add{1});
  await(done, actors);
  const double rate = per_second(rounds * actors, begin);
  for (const auto& one : all) caf::anon_send_exit(one, caf::exit_reason::kill);
  return rate;
}

double tells_per_second(std::size_t actors, std::size_t rounds) {
  tallier::expected = static_cast<std::int64_t>(rounds);
  tallier::done = 0;
  memory_host<tallier> on{{.passivate_after = std::chrono::hours{1}}};
  std::vector<actor_ref<tallier>> all;
  for (std::size_t i = 0; i < actors; ++i) all.push_back(on.host.actor<tallier>(std::to_string(i)));
  expect_counts(all, 0);
  const auto begin = clock::now();
  for (std::size_t round = 0; round < rounds; ++round)
    for (const auto& to : all) add_one(to);
  await(tallier::done, actors);
  const double rate = per_second(rounds * actors, begin);
  expect_counts(all, tallier::expected);
  return rate;
}

benchmark local_tell_memory_1(const scale& scale) { return telling(1, scale.of(2'000'000)); }

benchmark local_tell_memory_10k(const scale& scale) { return telling(10'000, scale.of(100)); }

benchmark local_tell_memory_1m(const scale& scale) {
  const std::string actors = "1000000", rounds = scale.quick ? "1" : "3";
  auto row = telling(0, 0);
  row.limit = [=] { return number_from_child({"tell-raw-actors", actors, rounds}); };
  row.subject = [=] { return number_from_child({"tell-actors", actors, rounds}); };
  row.pairs_cold = scale.quick ? 1U : 3U;  // a process of its own has nothing to warm up
  return row;
}

}  // namespace aether::perf
