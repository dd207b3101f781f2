// What a cluster costs: three nodes beside one, a table for a hundred, a node's start.

#include <aether/runtime/nats.hpp>
#include "benchmarks.hpp"
#include "cluster/src/core/table_plan.hpp"
#include "cluster/src/kv_bucket.hpp"
#include "commands.hpp"
#include "trio.hpp"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

namespace aether::perf {

namespace {

using cluster::present_node;
using cluster::shard_table;

constexpr std::size_t actors = 10'000;
constexpr std::ptrdiff_t window = 1'000;

/// Commands per second through so many nodes on this machine, on a server of their own.
double through_nodes(std::size_t nodes, std::size_t total) {
  const trio cluster{nodes, actors};
  return acknowledged_per_second(cluster.all(), total, window);
}

std::vector<present_node> nodes_up(std::size_t count) {
  std::vector<present_node> up;
  for (std::size_t i = 0; i < count; ++i) {
    up.push_back({.who = {node_id::parse("n" + std::to_string(1'000 + i)).value(),
                          cluster::incarnation_id::make(), 1},
                  .able = true,
                  .types = {actor_type::parse("counter").value()},
                  .labels = {},
                  .version = {}});
  }
  return up;
}

/// The bucket of a namespace on a server of its own.
struct bucket {
  testing_support::nats_server server;
  std::shared_ptr<nats_connection> connection =
      nats_connection::open({.url = server.url()}).value();
  cluster::kv_bucket keys{
      connection,
      {namespace_name::parse("aether").value(), namespace_name::parse("perf").value()},
      std::chrono::seconds{5}};
  std::uint64_t revision = 0;

  bucket() {
    if (auto made = keys.create_wait(1); !made) throw std::runtime_error{made.error().message()};
  }
  void write(bytes_view value) {
    const auto done = keys.write_wait("table", revision, value);
    if (!done || done->outcome != cluster::write_outcome::stored)
      throw std::runtime_error{"the table was not stored"};
    revision = done->revision;
  }
};

/// Milliseconds from the loss of one of a hundred nodes to the stored table for the others.
double plan_and_publish(bucket& to) {
  constexpr std::uint32_t shards = 4'096;
  auto up = nodes_up(100);
  const cluster::plan_options how{cluster::even_allocation().get(), shards, 1};
  const auto before = cluster::plan_table(shard_table{shards}, up, how).table;
  up.erase(up.begin() + 50);
  const auto begin = clock::now();
  to.write(encode_table(cluster::plan_table(before, up, how).table));
  return microseconds_since(begin) / 1'000;
}

/// Milliseconds from nothing to the first answer, in a namespace that is there already.
double start_and_ask(const std::string& url) {
  const auto begin = clock::now();
  const auto fresh = join(url, "perf", 1, "n1");
  const auto done = fresh->actor<counter>("first").ask(add{1}, std::chrono::seconds{10}).get();
  if (!done) throw std::runtime_error{done.error().message()};
  return microseconds_since(begin) / 1'000;
}

}  // namespace

benchmark three_nodes_jetstream(const scale& scale) {
  const std::size_t total = scale.of(120'000);
  return {.unit = "commands/s",
          .target = 0.8,
          .limit = [=] { return through_nodes(1, total); },
          .subject = [=] { return through_nodes(3, total); },
          .pairs_cold = scale.quick ? 1U : 3U};
}

benchmark table_of_100_nodes(const scale&) {
  const auto to = std::make_shared<bucket>();
  return {.unit = "ms",
          .target = 1,
          .lower_is_better = true,
          .limit = [] { return 20.0; },
          .subject = [=] { return plan_and_publish(*to); }};
}

benchmark start_of_a_node(const scale&) {
  const auto server = std::make_shared<testing_support::nats_server>();
  (void)start_and_ask(server->url());  // makes the namespace
  return {.unit = "ms",
          .target = 1,
          .lower_is_better = true,
          .limit = [] { return 300.0; },
          .subject = [=] { return start_and_ask(server->url()); }};
}

}  // namespace aether::perf
