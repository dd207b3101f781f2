#pragma once

#include "cluster/src/core/table_plan.hpp"
#include "support/cluster_samples.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

/// Shard tables for the tests of the cluster's machines.
namespace aether::cluster::samples {

[[nodiscard]] inline actor_type type(std::string_view name) {
  return actor_type::parse(name).value();
}

/// A node that is up and hosts `account`, unless told otherwise; its process has `number`.
[[nodiscard]] inline present_node there(std::string_view name, std::uint32_t weight = 1,
                                        std::uint64_t number = 1) {
  return {.who = {node(name), process(number), weight},
          .able = weight > 0,
          .types = {type("account")},
          .labels = {},
          .version = {},
          .settled = 0};
}

[[nodiscard]] inline table_plan plan(const shard_table& before, std::vector<present_node> present,
                                     std::size_t moves_max = 1'000'000, std::uint64_t term = 1) {
  std::ranges::sort(present, {}, [](const present_node& one) {
    return std::pair{one.who.node, one.who.incarnation};
  });
  return plan_table(before, present, {even_allocation().get(), moves_max, term});
}

/// The table when all moves are made: everybody has settled, again and again.
[[nodiscard]] inline shard_table planned(shard_table before, std::vector<present_node> present,
                                         std::uint64_t term = 1) {
  while (true) {
    for (auto& one : present) one.settled = before.revision();
    auto next = plan(before, present, 1'000'000, term).table;
    next.set_revision(before.revision() + 1);
    if (same_assignment(before, next)) return next;
    before = std::move(next);
  }
}

[[nodiscard]] inline std::size_t owned(const shard_table& table, std::string_view name,
                                       std::uint64_t number = 1) {
  return table.owned_by(node(name), process(number));
}

}  // namespace aether::cluster::samples
