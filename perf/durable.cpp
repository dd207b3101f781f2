// Commands through the queue: stored, delivered, decided, their events stored, acknowledged.

#include "benchmarks.hpp"
#include "cluster_node.hpp"
#include "raw_queue.hpp"
#include "tests/support/nats_server.hpp"
#include "timing.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <semaphore>
#include <stdexcept>
#include <thread>
#include <vector>

namespace aether::perf {

namespace {

constexpr std::size_t actors = 1'000;
constexpr std::ptrdiff_t window = 1'000;

struct one_node {
  testing_support::nats_server server;
  std::unique_ptr<node> home = join(server.url(), "perf", 1);
  std::vector<actor_ref<counter>> all = awake(*home, actors);
  /// What each has counted to.
  std::int64_t rounds = 0;
};

void await_counts(const std::vector<actor_ref<counter>>& all, std::int64_t value) {
  const auto begin = clock::now();
  for (const auto& one : all)
    while (true) {
      const auto now = one.ask(read_count{}, std::chrono::seconds{5}).get();
      if (now && now->value == value) break;
      if ((now && now->value > value) || clock::now() - begin > std::chrono::minutes{2})
        throw std::runtime_error{"an actor counted wrong"};
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
}

double sent_and_decided(one_node& in, std::size_t total) {
  std::counting_semaphore<> free{window};
  std::atomic<std::size_t> failed{0};
  const auto begin = clock::now();
  for (std::size_t i = 0; i < total; ++i) {
    free.acquire();
    in.all[i % actors].send_durable(add{1}, {}, [&](const result<durable_receipt>& stored) {
      if (!stored) ++failed;
      free.release();
    });
  }
  for (std::ptrdiff_t i = 0; i < window; ++i) free.acquire();
  if (failed != 0) throw std::runtime_error{std::to_string(failed) + " sends failed"};
  in.rounds += static_cast<std::int64_t>(total / actors);
  await_counts(in.all, in.rounds);
  return per_second(total, begin);
}

}  // namespace

benchmark durable_sends(const scale& scale) {
  const auto node = std::make_shared<one_node>();
  const std::size_t total = scale.of(80'000);
  constexpr std::size_t payload = 64;
  return {.unit = "commands/s",
          .target = 0.5,
          .limit = [=] { return raw_work_queue(node->server.url(), total, window, payload); },
          .subject = [=] { return sent_and_decided(*node, total); }};
}

}  // namespace aether::perf
