#include "cluster/src/core/shard_table.hpp"

#include "support/cluster_samples.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

namespace aether::cluster {

namespace {

using samples::node;
using nodes = std::vector<shard_table::entry>;

std::uint64_t total_weight(const nodes& up) {
  std::uint64_t total = 0;
  for (const auto& one : up) total += one.weight;
  return total;
}

std::size_t owned(const shard_table& table, const node_id& who) {
  return table.owned_by(who).size();
}

/// The fewest moves any even table needs: every shard without an owner, and what each node has
/// above its share rounded up; or, seen from the other side, what the others lack of their share
/// rounded down. Neither bound alone is always reached, the greater of the two is.
std::size_t fewest_moves(const shard_table& before, const nodes& up) {
  const auto total = total_weight(up);
  std::size_t kept_at_most = 0;
  std::size_t above_floor = 0;
  std::size_t floors = 0;
  for (const auto& one : up) {
    const std::size_t have = owned(before, one.node);
    const std::size_t floor = before.shards() * one.weight / total;
    const bool exact = before.shards() * one.weight % total == 0;
    floors += floor;
    kept_at_most += std::min(have, floor);
    if (have > floor && !exact) ++above_floor;
  }
  kept_at_most += std::min(above_floor, before.shards() - floors);
  return before.shards() - kept_at_most;
}

void check_table(const shard_table& before, const nodes& up, const shard_table& after) {
  const auto total = total_weight(up);
  if (total == 0) {
    REQUIRE(same_assignment(before, after));
    return;
  }
  std::size_t sum = 0;
  for (const auto& one : up) {
    const double share = double(before.shards()) * one.weight / double(total);
    const auto have = owned(after, one.node);
    REQUIRE(std::abs(double(have) - share) < 1.0);
    sum += have;
  }
  REQUIRE(sum == before.shards());  // every shard has an owner, and the owner is up
  REQUIRE(moved_between(before, after) == fewest_moves(before, up));
  REQUIRE(same_assignment(rebalance(after, up, 9), after));
  REQUIRE(same_assignment(rebalance(before, up, 9), after));
}

}  // namespace

TEST_CASE(
    "rebalance: over random histories every table is even, complete and reached by the "
    "fewest moves") {
  std::mt19937_64 random{samples::seed()};
  const auto below = [&](std::uint64_t n) { return random() % n; };
  for (int history = 0; history < 300; ++history) {
    const auto shards = static_cast<std::uint32_t>(1 + below(300));
    shard_table table{shards};
    std::map<node_id, std::uint32_t> weights;
    for (int step = 0; step < 20; ++step) {
      const auto who = node("n" + std::to_string(below(12)));
      if (below(3) == 0)
        weights.erase(who);
      else
        weights[who] = static_cast<std::uint32_t>(below(2) == 0 ? 1 : below(6));
      nodes up;
      for (const auto& [name, weight] : weights) up.push_back({name, weight});
      const auto next = rebalance(table, up, 1);
      check_table(table, up, next);
      table = next;
    }
  }
}

TEST_CASE("rebalance: a node that joins takes its share and nothing else moves") {
  const nodes two{{node("a"), 1}, {node("b"), 1}};
  const nodes three{{node("a"), 1}, {node("b"), 1}, {node("c"), 1}};
  const auto before = rebalance(shard_table{256}, two, 1);
  const auto after = rebalance(before, three, 2);
  CHECK(after.term() == 2);
  CHECK(moved_between(before, after) == 85);
  CHECK(owned(after, node("c")) == 85);
  for (const auto shard : after.owned_by(node("a"))) CHECK(*before.owner(shard) == node("a"));
  for (const auto shard : after.owned_by(node("b"))) CHECK(*before.owner(shard) == node("b"));
}

TEST_CASE("rebalance: a node that goes loses its shards and nobody else loses one") {
  const nodes three{{node("a"), 1}, {node("b"), 1}, {node("c"), 1}};
  const auto before = rebalance(shard_table{256}, three, 1);
  const auto after = rebalance(before, {{node("a"), 1}, {node("c"), 1}}, 1);
  CHECK(moved_between(before, after) == owned(before, node("b")));
  CHECK(owned(after, node("a")) == 128);
  CHECK(owned(after, node("c")) == 128);
}

TEST_CASE("rebalance: weight decides the share, and weight 0 hosts nothing") {
  const auto table =
      rebalance(shard_table{256}, {{node("a"), 1}, {node("b"), 3}, {node("c"), 0}}, 1);
  CHECK(owned(table, node("a")) == 64);
  CHECK(owned(table, node("b")) == 192);
  CHECK(owned(table, node("c")) == 0);
  CHECK(table.nodes().size() == 2);
}

TEST_CASE("rebalance: with nobody to own them shards stay where they are") {
  const auto before = rebalance(shard_table{16}, {{node("a"), 1}}, 1);
  const auto after = rebalance(before, {{node("b"), 0}}, 7);
  CHECK(same_assignment(before, after));
  CHECK(after.term() == 7);
}

TEST_CASE("shard table: what is encoded is what is decoded, without the revision") {
  auto table = rebalance(shard_table{7}, {{node("a"), 1}, {node("b"), 2}}, 5);
  table.set_revision(99);
  const auto back = decode_table(encode_table(table), 7).value();
  CHECK(same_assignment(table, back));
  CHECK(back.term() == 5);
  CHECK(back.revision() == 0);
}

TEST_CASE("shard table: a shard without an owner has none") {
  const shard_table empty{3};
  CHECK(empty.owner(shard_id{2}) == nullptr);
  CHECK(empty.owned_by(node("a")).empty());
}

TEST_CASE("shard table: bytes that are no table of this namespace are refused") {
  const auto table = rebalance(shard_table{8}, {{node("a"), 1}}, 1);
  CHECK(decode_table(encode_table(table), 9).error().code() == errc::decode_failed);
  CHECK(decode_table({}, 8).error().code() == errc::decode_failed);
  auto cut = encode_table(table);
  cut.pop_back();
  CHECK(decode_table(cut, 8).error().code() == errc::decode_failed);
  auto strange_owner = encode_table(table);
  strange_owner.back() = std::byte{5};  // the last owner's index; there is one node
  CHECK(decode_table(strange_owner, 8).error().code() == errc::decode_failed);
}

}  // namespace aether::cluster
