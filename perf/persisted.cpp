// Commands whose events are stored by JetStream, beside plain conditional publishes.

#include "benchmarks.hpp"
#include "cluster_node.hpp"
#include "commands.hpp"
#include "raw_nats.hpp"
#include "tests/support/nats_server.hpp"
#include "timing.hpp"

#include <chrono>
#include <memory>

namespace aether::perf {

namespace {

constexpr std::size_t actors = 10'000;
/// Commands, or publishes, without an acknowledgement at one time.
constexpr std::ptrdiff_t window = 1'000;
/// As many streams as Aether makes by default.
constexpr std::size_t streams = 8;

/// A server of its own for each pair of runs.
struct fresh_server {
  std::unique_ptr<testing_support::nats_server> running;

  void start() {
    running.reset();
    running = std::make_unique<testing_support::nats_server>();
  }
  [[nodiscard]] double raw_publishes(std::size_t total) const {
    raw_connection raw{running->url()};
    raw.make_streams(streams);
    return raw.publish({.subjects = actors, .window = window, .total = total});
  }
  [[nodiscard]] double raw_one_at_a_time(std::size_t total) const {
    raw_connection raw{running->url()};
    raw.make_streams(1);
    return raw.publish_one_at_a_time(total);
  }
  [[nodiscard]] double commands(std::size_t to_actors, std::size_t total) const {
    const auto alone = join(running->url(), "perf", 1);
    return acknowledged_per_second(awake(*alone, to_actors), total, window);
  }
};

}  // namespace

benchmark persisted_10k_actors_jetstream(const scale& scale) {
  const auto server = std::make_shared<fresh_server>();
  const std::size_t total = scale.of(120'000);
  return {.unit = "commands/s",
          .target = 0.85,
          .limit = [=] { return server->raw_publishes(total); },
          .subject = [=] { return server->commands(actors, total); },
          .prepare = [=] { server->start(); }};
}

benchmark persisted_hot_actor_jetstream(const scale& scale) {
  const auto server = std::make_shared<fresh_server>();
  const std::size_t one_by_one = scale.of(6'000), total = scale.of(200'000);
  return {.unit = "commands/s",
          .target = 30,
          .limit = [=] { return server->raw_one_at_a_time(one_by_one); },
          .subject = [=] { return server->commands(1, total); },
          .prepare = [=] { server->start(); }};
}

}  // namespace aether::perf
