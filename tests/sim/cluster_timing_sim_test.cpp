// How soon a cluster is whole again, in virtual time.

#include "sim/world.hpp"
#include "support/cluster_samples.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>

namespace aether::sim {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t rounds = 40;

/// Three nodes and one NATS server that have agreed on everything.
std::unique_ptr<world> three_nodes(std::uint64_t seed) {
  settings how;
  how.seed = seed;
  how.kind = profile::planned;
  auto made = std::make_unique<world>(how);
  for (int i = 0; i < 3; ++i) made->add_node(made->new_node(), 1);
  REQUIRE(made->run_until(4s));
  REQUIRE(made->disagreement() == "");
  return made;
}

/// Slots whose owner in the table serves them.
std::size_t served(const world& in) {
  std::size_t count = 0;
  for (std::uint32_t slot = 0; slot < in.slots(); ++slot) {
    const auto* owner = in.owner_of(in.keys.table(), slot);
    if (owner == nullptr) continue;
    const auto* there = in.find(world::number_of(owner->incarnation));
    if (there->alive && there->actors.accepts(slot)) ++count;
  }
  return count;
}

/// Kills the leader or another, and wants all slots served so long after.
void check_served_after_kill(bool leader, real_time within) {
  for (std::uint64_t round = 0; round < rounds; ++round) {
    const auto seed = cluster::samples::seed() + round;
    CAPTURE(seed);
    const auto all = three_nodes(seed);
    for (auto* one : all->live())
      if (one->core.leading() == leader) {
        one->kill();
        break;
      }
    all->bury();
    REQUIRE(all->run_until(all->time.now() + within));
    CHECK(served(*all) == all->slots());
  }
}

}  // namespace

TEST_CASE("cluster: a killed follower's slots are served by others within half a second") {
  check_served_after_kill(false, 500ms);
}

TEST_CASE("cluster: a killed leader's slots are served by others within a second and a half") {
  check_served_after_kill(true, 1500ms);
}

TEST_CASE("cluster: a restarting server costs no node its membership and moves no slot") {
  for (std::uint64_t round = 0; round < rounds; ++round) {
    const auto seed = cluster::samples::seed() + round;
    CAPTURE(seed);
    const auto all = three_nodes(seed);
    const auto before = all->keys.table();
    all->nats.kill_server(0);
    REQUIRE(all->run_until(all->time.now() + all->chance.between(100ms, 20s)));
    all->nats.start_server(0);
    REQUIRE(all->run_until(all->time.now() + 30s));
    CHECK(all->disagreement() == "");
    CHECK(cluster::same_assignment(before, all->keys.table()));
  }
}

TEST_CASE("cluster: with nothing going wrong nothing changes for an hour") {
  const auto all = three_nodes(cluster::samples::seed());
  const auto before = all->keys.table().revision();
  REQUIRE(all->run_until(all->time.now() + 1h));
  CHECK(all->disagreement() == "");
  CHECK(all->keys.table().revision() == before);
  CHECK(all->judge.terms() == 1);
}

}  // namespace aether::sim
