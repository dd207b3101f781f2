#include "cluster_world.hpp"
#include "support/cluster_samples.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace aether::cluster::sim {

namespace {

using namespace std::chrono_literals;

/// From the end of the last fault until everything must be in order again: a leader gone wrong is
/// found by its lease, a node by its silence, a node cut off by its next connection.
constexpr auto time_to_heal = 12s;

void must_agree(world& cluster, const char* when) {
  const auto why = cluster.disagreement();
  INFO(when << ": " << why);
  REQUIRE(why.empty());
}

/// One thing that goes wrong, or right, with some process or the server.
void something_happens(world& cluster, int& nodes) {
  auto running = cluster.running();
  if (running.empty()) running.push_back(&cluster.add("n" + std::to_string(++nodes)));
  auto& one = *running[cluster.below(running.size())];
  switch (cluster.below(9)) {
    case 0:
      if (running.size() > 1) cluster.kill(one);
      return;
    case 1:
      cluster.pause(one, cluster.between(0ms, 5s));
      return;
    case 2:
      cluster.cut_off(one, cluster.between(0ms, 6s));
      return;
    case 3:
      if (running.size() > 2) one.leave();
      return;
    case 4:
      if (running.size() > 2) one.announce_leaving();
      return;
    case 5:
      cluster.add("n" + std::to_string(++nodes));
      return;
    case 6:
      cluster.add("n" + std::to_string(++nodes), static_cast<std::uint32_t>(cluster.below(4)));
      return;
    case 7:  // killed, and started again under its name
      cluster.kill(one);
      cluster.add(one.name, one.weight);
      return;
    case 8:  // stopped, and started a second time under its name
      cluster.pause(one, cluster.between(1s, 6s));
      cluster.add(one.name, one.weight);
      return;
  }
}

}  // namespace

TEST_CASE(
    "cluster: whatever is killed, paused, cut off or restarted, the invariants hold, and soon "
    "after the last fault all agree") {
  std::size_t terms = 0;
  std::size_t tables = 0;
  for (std::uint64_t round = 0; round < 40; ++round) {
    const auto seed = samples::seed() + round;
    CAPTURE(seed);
    world cluster{seed};
    int nodes = 0;
    for (; nodes < 4; ++nodes) cluster.add("n" + std::to_string(nodes));
    cluster.run_for(3s);
    must_agree(cluster, "at the start");
    for (int calm = 0; calm < 4; ++calm) {
      for (int fault = 0; fault < 8; ++fault) {
        something_happens(cluster, nodes);
        cluster.run_for(cluster.between(0ms, 1500ms));
      }
      cluster.run_for(time_to_heal);
      must_agree(cluster, "after faults of processes");
      cluster.restart_server(cluster.between(100ms, 5s));
      cluster.run_for(5s + time_to_heal);
      must_agree(cluster, "after a restart of the server");
    }
    terms += cluster.terms();
    tables += cluster.tables();
  }
  MESSAGE("terms: " << terms << ", tables: " << tables);
}

TEST_CASE("cluster: a killed follower's shards have a new owner within half a second") {
  for (std::uint64_t round = 0; round < 50; ++round) {
    const auto seed = samples::seed() + round;
    CAPTURE(seed);
    world cluster{seed};
    for (const auto* name : {"a", "b", "c"}) cluster.add(name);
    cluster.run_for(3s);
    must_agree(cluster, "before");
    for (auto* one : cluster.running())
      if (one != cluster.leader()) {
        cluster.kill(*one);
        break;
      }
    cluster.run_for(500ms);
    must_agree(cluster, "after the kill");
  }
}

TEST_CASE("cluster: a killed leader's shards have a new owner within three seconds") {
  for (std::uint64_t round = 0; round < 50; ++round) {
    const auto seed = samples::seed() + round;
    CAPTURE(seed);
    world cluster{seed};
    for (const auto* name : {"a", "b", "c"}) cluster.add(name);
    cluster.run_for(3s + cluster.between(0ms, 1s));
    cluster.kill(*cluster.leader());
    cluster.run_for(3s);
    must_agree(cluster, "after the kill");
  }
}

TEST_CASE("cluster: a restarting server costs no node its membership and moves no shard") {
  for (std::uint64_t round = 0; round < 50; ++round) {
    const auto seed = samples::seed() + round;
    CAPTURE(seed);
    world cluster{seed};
    for (const auto* name : {"a", "b", "c"}) cluster.add(name);
    cluster.run_for(3s);
    const auto before = cluster.table();
    cluster.restart_server(cluster.between(100ms, 20s));
    cluster.run_for(30s);
    must_agree(cluster, "after the restart");
    CHECK(same_assignment(before, cluster.table()));
  }
}

TEST_CASE("cluster: with nothing but lost heartbeats nothing changes for an hour") {
  world cluster{samples::seed()};
  cluster.heartbeats_lost = 0.01;  // four in a row, of any of six pairs: once in 2,000 hours
  for (const auto* name : {"a", "b", "c"}) cluster.add(name);
  cluster.run_for(3s);
  const auto before = cluster.table().revision();
  cluster.run_for(1h);
  must_agree(cluster, "after an hour");
  CHECK(cluster.table().revision() == before);
  CHECK(cluster.terms() == 1);
}

}  // namespace aether::cluster::sim
