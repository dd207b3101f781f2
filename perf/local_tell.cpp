// Commands to actors in the same process whose events go to memory, beside plain CAF messages.

#include <aether/actors/actor_host.hpp>
#include <aether/persistence/memory_store.hpp>
#include "benchmarks.hpp"
#include "counter.hpp"
#include "raw_caf.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>

#include <atomic>
#include <chrono>
#include <latch>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace aether::perf {

namespace {

constexpr std::size_t actors = 10'000;

using seconds = std::chrono::duration<double>;
using clock = std::chrono::steady_clock;

struct small_state {
  std::int64_t value = 0;
  void add(std::int64_t by) { value += by; }
};

void await(const std::atomic<std::size_t>& done, std::size_t wanted) {
  while (done.load(std::memory_order_acquire) < wanted)
    std::this_thread::sleep_for(std::chrono::microseconds{50});
}

double raw_messages_per_second(std::size_t rounds) {
  raw_config config;
  caf::actor_system system{config};
  std::atomic<std::size_t> done{0};
  std::vector<caf::actor> all;
  for (std::size_t i = 0; i < actors; ++i)
    all.push_back(system.spawn<raw_counter<small_state>>(rounds, done));
  const auto begin = clock::now();
  for (std::size_t round = 0; round < rounds; ++round)
    for (const auto& to : all) caf::anon_send(to, raw_add{1});
  await(done, actors);
  const seconds took = clock::now() - begin;
  for (const auto& one : all) caf::anon_send_exit(one, caf::exit_reason::kill);
  return static_cast<double>(rounds * actors) / took.count();
}

void tell_all(const std::vector<actor_ref<counter>>& all) {
  for (const auto& to : all)
    while (!to.tell(add{1})) std::this_thread::yield();
}

/// A query is answered when all before it is stored: so these answers say that everything is.
void await_all(const std::vector<actor_ref<counter>>& all, std::size_t each) {
  std::latch answered{static_cast<std::ptrdiff_t>(all.size())};
  std::atomic<std::size_t> wrong{0};
  for (const auto& one : all)
    one.ask(read_count{}, std::chrono::minutes{1}, [&](const result<count>& now) {
      if (!now || now->value != static_cast<std::int64_t>(each)) ++wrong;
      answered.count_down();
    });
  answered.wait();
  if (wrong != 0) throw std::runtime_error{std::to_string(wrong) + " actors counted wrong"};
}

double commands_per_second(std::size_t rounds) {
  timers clock_thread;
  actor_host host{{},
                  std::make_shared<memory_event_store>(),
                  std::make_shared<memory_snapshot_store>(),
                  clock_thread};
  host.host<counter>();
  std::vector<actor_ref<counter>> all;
  for (std::size_t i = 0; i < actors; ++i) all.push_back(host.actor<counter>(std::to_string(i)));
  await_all(all, 0);  // as with the limit, being born is not what is measured
  const auto begin = clock::now();
  for (std::size_t round = 0; round < rounds; ++round) tell_all(all);
  await_all(all, rounds);
  const seconds took = clock::now() - begin;
  return static_cast<double>(rounds * actors) / took.count();
}

}  // namespace

benchmark local_tell_memory(const scale& scale) {
  const std::size_t rounds = scale.of(100);
  return {.unit = "commands/s",
          .target = 0.3,
          .limit = [rounds] { return raw_messages_per_second(rounds); },
          .subject = [rounds] { return commands_per_second(rounds); }};
}

}  // namespace aether::perf
