#include "cluster/src/core/table_plan.hpp"

#include "support/tables.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <random>
#include <stdexcept>

namespace aether::cluster {

namespace {

using samples::node;
using samples::owned;
using samples::plan;
using samples::planned;
using samples::process;
using samples::there;
using samples::type;
using nodes = std::vector<present_node>;

std::uint64_t total_weight(const nodes& up) {
  std::uint64_t total = 0;
  for (const auto& one : up) total += one.who.weight;
  return total;
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
    const std::size_t have = before.owned_by(one.who.node, one.who.incarnation);
    const std::size_t floor = before.shards() * one.who.weight / total;
    const bool exact = before.shards() * one.who.weight % total == 0;
    floors += floor;
    kept_at_most += std::min(have, floor);
    if (have > floor && !exact) ++above_floor;
  }
  kept_at_most += std::min(above_floor, before.shards() - floors);
  return before.shards() - kept_at_most;
}

void check_even(const nodes& up, const shard_table& table) {
  std::size_t sum = 0;
  for (const auto& one : up) {
    const double share = double(table.shards()) * one.who.weight / double(total_weight(up));
    const auto have = table.owned_by(one.who.node, one.who.incarnation);
    REQUIRE(std::abs(double(have) - share) < 1.0);
    sum += have;
  }
  REQUIRE(sum == table.shards());  // every shard has an owner, and the owner is up
  REQUIRE(table.in_hand_over() == 0);
}

/// Takes plan after plan, everybody settling in between, until nothing changes.
struct roll {
  shard_table table;
  std::size_t moves = 0;
  std::size_t waves = 0;

  void with(nodes present, std::size_t moves_max) {
    while (true) {
      for (auto& one : present) one.settled = table.revision();
      auto next = plan(table, present, moves_max).table;
      REQUIRE(next.in_hand_over() <= moves_max);
      if (same_assignment(table, next)) return;
      moves += moved_between(table, next);
      waves += next.in_hand_over() > 0 ? 1 : 0;
      next.set_revision(table.revision() + 1);
      table = std::move(next);
    }
  }
};

}  // namespace

TEST_CASE(
    "table plan: over random histories every table is even, complete and reached by the fewest "
    "moves, however small the waves") {
  std::mt19937_64 random{samples::seed()};
  const auto below = [&](std::uint64_t n) { return random() % n; };
  for (int history = 0; history < 100; ++history) {
    roll it{shard_table{static_cast<std::uint32_t>(1 + below(300))}};
    std::map<std::string, std::uint32_t> weights;
    for (int step = 0; step < 12; ++step) {
      const auto who = "n" + std::to_string(below(12));
      if (below(3) == 0)
        weights.erase(who);
      else
        weights[who] = static_cast<std::uint32_t>(1 + (below(2) == 0 ? 0 : below(5)));
      if (weights.empty()) continue;
      nodes up;
      for (const auto& [name, weight] : weights) up.push_back(there(name, weight));
      const auto fewest = fewest_moves(it.table, up);
      it.moves = 0;
      it.with(up, 1 + below(40));
      check_even(up, it.table);
      REQUIRE(it.moves == fewest);
    }
  }
}

TEST_CASE("table plan: a node that joins takes its share, in waves, and nothing else moves") {
  roll it{planned(shard_table{256}, {there("a"), there("b")})};
  const auto before = it.table;
  it.with({there("a"), there("b"), there("c")}, 10);
  CHECK(it.moves == 85);
  CHECK(it.waves == 9);
  CHECK(owned(it.table, "c") == 85);
  for (std::uint64_t i = 0; i < 256; ++i) {
    const auto* now = it.table.owner(type("account"), shard_id{i});
    if (now->node != node("c")) CHECK(*now == *before.owner(type("account"), shard_id{i}));
  }
}

TEST_CASE("table plan: a planned move names who gives, and no other begins before it has ended") {
  const auto before = planned(shard_table{8}, {there("a")});
  auto moving = plan(before, {there("a"), there("b")}, 3).table;
  moving.set_revision(before.revision() + 1);
  CHECK(owned(moving, "b") == 3);
  CHECK(moving.in_hand_over() == 3);
  SUBCASE("as long as the new owner has not settled in this very table") {
    auto b = there("b");
    b.settled = before.revision();
    CHECK(same_assignment(plan(moving, {there("a"), b}, 3).table, moving));
  }
  SUBCASE("then the next begins") {
    auto b = there("b");
    b.settled = moving.revision();
    const auto next = plan(moving, {there("a"), b}, 3).table;
    CHECK(owned(next, "b") == 4);
    CHECK(next.in_hand_over() == 1);
  }
  SUBCASE("a giver that is gone gives nothing") {
    const auto next = plan(moving, {there("b")}, 3).table;
    CHECK(next.in_hand_over() == 0);
    CHECK(owned(next, "b") == 8);
  }
  SUBCASE("where the taker is gone, the next one takes from the same giver") {
    const auto next = plan(moving, {there("a"), there("c")}, 3).table;
    for (std::uint64_t i = 0; i < 8; ++i) {
      const auto* was = moving.giver(type("account"), shard_id{i});
      if (was == nullptr) continue;
      const auto* owner = next.owner(type("account"), shard_id{i});
      const auto* giver = next.giver(type("account"), shard_id{i});
      CHECK(owner != nullptr);
      if (owner->node == node("a")) CHECK(giver == nullptr);
      if (owner->node == node("c")) CHECK(giver->node == node("a"));
    }
  }
}

TEST_CASE("table plan: what a node that is gone had, others have at once, whatever else moves") {
  const auto before = planned(shard_table{30}, {there("a"), there("b"), there("c")});
  const auto after = plan(before, {there("a"), there("b")}, 1).table;
  CHECK(owned(after, "a") + owned(after, "b") == 30);
  CHECK(moved_between(before, after) == 10);
}

TEST_CASE("table plan: a node that leaves gives everything, before anything moves for evenness") {
  const auto before = planned(shard_table{30}, {there("a"), there("b")});
  auto leaver = there("a");
  leaver.able = false;
  const auto after = plan(before, {leaver, there("b"), there("c")}, 15).table;
  CHECK(after.in_hand_over() == 15);
  CHECK(owned(after, "a") == 0);
  CHECK(owned(after, "b") + owned(after, "c") == 30);
}

TEST_CASE("table plan: another process of the same node is another owner") {
  const auto before = planned(shard_table{8}, {there("a", 1, 1), there("b")});
  const auto after = plan(before, {there("a", 1, 2), there("b")}).table;
  CHECK(owned(after, "a", 1) == 0);
  CHECK(owned(after, "a", 2) == 4);
  CHECK(after.in_hand_over() == 0);
}

TEST_CASE("table plan: weight decides the share, and weight 0 hosts nothing") {
  const auto table = planned(shard_table{256}, {there("a", 1), there("b", 3), there("c", 0)});
  CHECK(owned(table, "a") == 64);
  CHECK(owned(table, "b") == 192);
  CHECK(owned(table, "c") == 0);
  CHECK(table.nodes().size() == 2);
}

TEST_CASE("table plan: with nobody to own them slots stay where they are") {
  const auto before = planned(shard_table{16}, {there("a")});
  const auto after = plan(before, {there("b", 0)}, 10, 7).table;
  CHECK(same_assignment(before, after));
  CHECK(after.term() == 7);
}

TEST_CASE("table plan: each type is allotted among the nodes that host it") {
  auto a = there("a"), b = there("b"), c = there("c");
  b.types = {type("account"), type("device")};
  c.types = {type("device")};
  const auto table = planned(shard_table{10}, {a, b, c});
  for (std::uint64_t i = 0; i < 10; ++i) {
    CHECK(table.owner(type("account"), shard_id{i})->node != node("c"));
    CHECK(table.owner(type("device"), shard_id{i})->node != node("a"));
  }
  CHECK(owned(table, "a") == 5);
  CHECK(owned(table, "b") == 10);
  CHECK(owned(table, "c") == 5);
  SUBCASE("and moves when another node comes to host it") {
    auto d = there("d");
    d.types = {type("device")};
    const auto after = planned(table, {a, b, c, d});
    CHECK(owned(after, "d") == 3);
    CHECK(owned(after, "a") == 5);
  }
  SUBCASE("and nobody owns a type that nobody hosts any more") {
    CHECK(planned(table, {a}).owner(type("device"), shard_id{0}) == nullptr);
  }
}

TEST_CASE("table plan: types that are hosted alike share their owners") {
  auto a = there("a"), b = there("b");
  a.types = b.types = {type("account"), type("cart"), type("device")};
  const auto table = planned(shard_table{16}, {a, b});
  REQUIRE(table.assignments().size() == 1);
  CHECK(table.assignments().front().types.size() == 3);
}

TEST_CASE("table plan: a roll-out that starts each new node first moves each slot once") {
  const auto build = [](present_node of, const char* version, std::uint64_t number) {
    of.version = version;
    of.who.incarnation = process(number);
    return of;
  };
  nodes now{build(there("a1"), "1", 1), build(there("b1"), "1", 2), build(there("c1"), "1", 3)};
  roll it{planned(shard_table{256}, now)};
  std::uint64_t number = 10;
  for (const char* next : {"a2", "b2", "c2"}) {
    now.push_back(build(there(next), "2", ++number));
    it.with(now, 32);  // nothing moves for evenness
    now.front().able = false;
    it.with(now, 32);
    now.erase(now.begin());
    it.with(now, 32);
  }
  CHECK(it.moves == 256);
  check_even(now, it.table);
}

TEST_CASE("table plan: a strategy that answers nonsense, or throws, is told of and not followed") {
  struct odd final : allocation_strategy {
    [[nodiscard]] std::vector<std::int32_t> allocate(const allocation_request& of) const override {
      if (of.nodes.size() == 1) throw std::runtime_error{"out of ideas"};
      return std::vector<std::int32_t>(of.owners.size(), 7);
    }
  } const strategy;
  const auto one = plan_table(shard_table{4}, {there("a")}, {&strategy, 10, 1});
  CHECK(one.strategy_failed == "out of ideas");
  CHECK(owned(one.table, "a") == 4);
  const auto two = plan_table(shard_table{4}, {there("a"), there("b")}, {&strategy, 10, 1});
  CHECK(two.strategy_failed == "it does not name one of the nodes for each shard");
  CHECK(owned(two.table, "b") == 2);
}

}  // namespace aether::cluster
