// A query of an actor on another node, beside a plain request to another process.

#include "benchmarks.hpp"
#include "child.hpp"
#include "cluster_node.hpp"
#include "raw_nats.hpp"
#include "tests/support/nats_server.hpp"
#include "timing.hpp"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <vector>

namespace aether::perf {

namespace {

constexpr std::size_t actors = 100;

/// A server, two other processes that answer, and this one that asks both.
struct two_processes {
  testing_support::nats_server server;
  child responder{{"respond-raw", server.url()}};
  child owner{{"own-counters", server.url(), "perf", "owner"}};
  raw_connection raw{server.url()};
  std::unique_ptr<node> asking = join(server.url(), "perf", 0);
  std::vector<actor_ref<counter>> all = awake(*asking, actors);
};

double ask_p50(const std::vector<actor_ref<counter>>& all, std::size_t total) {
  std::vector<double> times;
  for (std::size_t i = 0; i < total; ++i) {
    const auto begin = clock::now();
    const auto now = all[i % all.size()].ask(read_count{}, std::chrono::seconds{5}).get();
    times.push_back(microseconds_since(begin));
    if (!now) throw std::runtime_error{now.error().message()};
  }
  return spread_of(std::move(times)).median;
}

}  // namespace

benchmark remote_ask_p50(const scale& scale) {
  const auto both = std::make_shared<two_processes>();
  const std::size_t total = scale.of(8'000);
  return {.unit = "us",
          .target = 1.4,
          .lower_is_better = true,
          .limit = [=] { return both->raw.request_p50(total); },
          .subject = [=] { return ask_p50(both->all, total); }};
}

}  // namespace aether::perf
