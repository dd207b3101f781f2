#include "shard_table.hpp"

#include <algorithm>
#include <numeric>

namespace aether::cluster {

namespace {

using entry = shard_table::entry;

/// The nodes that may own shards.
std::vector<entry> with_weight(std::vector<entry> nodes) {
  std::erase_if(nodes, [](const entry& one) { return one.weight == 0; });
  return nodes;
}

/// Owners as indices into `nodes`; `none` for a shard whose owner is not among them.
std::vector<std::int32_t> kept_owners(const shard_table& before, const std::vector<entry>& nodes) {
  std::vector<std::int32_t> new_index;
  for (const auto& old : before.nodes()) {
    const auto found = std::ranges::lower_bound(nodes, old.node, {}, &entry::node);
    const bool stays = found != nodes.end() && found->node == old.node;
    new_index.push_back(stays ? static_cast<std::int32_t>(found - nodes.begin())
                              : shard_table::none);
  }
  std::vector<std::int32_t> owners = before.owners();
  for (auto& owner : owners)
    if (owner != shard_table::none) owner = new_index[static_cast<std::size_t>(owner)];
  return owners;
}

/// How many shards each node should have: its share rounded down, and one more for as many as the
/// rounding left over: first for those that already have it, which saves a move each.
std::vector<std::size_t> targets(const std::vector<entry>& nodes, std::size_t shards,
                                 const std::vector<std::size_t>& have) {
  const auto total = std::accumulate(nodes.begin(), nodes.end(), std::uint64_t{0},
                                     [](auto sum, const entry& one) { return sum + one.weight; });
  std::vector<std::size_t> wanted(nodes.size());
  std::vector<std::size_t> rounded_down;
  std::size_t left = shards;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    wanted[i] = shards * nodes[i].weight / total;
    left -= wanted[i];
    if (shards * nodes[i].weight % total != 0) rounded_down.push_back(i);
  }
  std::ranges::stable_partition(rounded_down, [&](std::size_t i) { return have[i] > wanted[i]; });
  AETHER_ASSERT(left <= rounded_down.size());
  for (std::size_t i = 0; i < left; ++i) ++wanted[rounded_down[i]];
  return wanted;
}

std::vector<std::size_t> count(const std::vector<std::int32_t>& owners, std::size_t nodes) {
  std::vector<std::size_t> have(nodes);
  for (const auto owner : owners)
    if (owner != shard_table::none) ++have[static_cast<std::size_t>(owner)];
  return have;
}

/// Takes from those with too many, gives to those with too few, the neediest first.
void even_out(std::vector<std::int32_t>& owners, const std::vector<std::size_t>& wanted,
              std::vector<std::size_t> have) {
  for (auto owner = owners.rbegin(); owner != owners.rend(); ++owner) {
    if (*owner == shard_table::none) continue;
    const auto index = static_cast<std::size_t>(*owner);
    if (have[index] <= wanted[index]) continue;
    --have[index];
    *owner = shard_table::none;
  }
  const auto missing = [&](std::size_t i) { return wanted[i] - have[i]; };
  for (auto& owner : owners) {
    if (owner != shard_table::none) continue;
    std::size_t neediest = 0;
    for (std::size_t i = 1; i < wanted.size(); ++i)
      if (missing(i) > missing(neediest)) neediest = i;
    ++have[neediest];
    owner = static_cast<std::int32_t>(neediest);
  }
}

}  // namespace

shard_table rebalance(const shard_table& before, const std::vector<entry>& up, std::uint64_t term) {
  auto nodes = with_weight(up);
  if (nodes.empty()) return {term, before.nodes(), before.owners()};
  auto owners = kept_owners(before, nodes);
  auto have = count(owners, nodes.size());
  const auto wanted = targets(nodes, before.shards(), have);
  even_out(owners, wanted, std::move(have));
  return {term, std::move(nodes), std::move(owners)};
}

}  // namespace aether::cluster
