#pragma once

#include <aether/cluster/allocation.hpp>
#include "shard_table.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace aether::cluster {

/// A process that is there, as the leader sees it: it may still serve what it has.
struct present_node {
  shard_table::entry who;
  /// It may get more: it is up, of some weight, and no later process has its name.
  bool able = false;
  /// What it hosts, sorted.
  std::vector<actor_type> types;
  std::vector<std::string> labels;
  std::string version;
  /// The newest table of which it serves everything it owns.
  std::uint64_t settled = 0;
};

struct plan_options {
  /// Not null.
  const allocation_strategy* strategy = nullptr;
  /// Planned moves at once.
  std::size_t moves_max = 32;
  std::uint64_t term = 0;
};

struct table_plan {
  shard_table table;
  /// Why the strategy's answer was not used; empty: it was.
  std::string strategy_failed;
};

/// The table for the nodes that are there, made from the one before:
///  - A slot whose owner is gone gets one at once. It keeps a giver that is still there.
///  - A slot whose owner is there moves as planned, by hand-over, at most `moves_max` at a time:
///  first
///    from those that may no longer own it, then for evenness. No wave begins before the one before
///    has ended: nobody is a giver any more.
///  - A giver goes when the owner has settled in `before`, or when it is gone itself.
///  - Each type is allotted among the nodes that host it. With none of them the slots stay with
///  those
///    that are there.
/// Deterministic; once settled, the same nodes give the same table again.
/// Pure: no clock, no I/O.
/// @param present sorted by node and incarnation.
/// @pre `before` has its revision.
[[nodiscard]] table_plan plan_table(const shard_table& before,
                                    const std::vector<present_node>& present,
                                    const plan_options& how);

}  // namespace aether::cluster
