#include <aether/cluster/allocation.hpp>
#include <aether/runtime/error.hpp>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <optional>

namespace aether::cluster {

namespace {

constexpr std::int32_t none = -1;
using counts = std::vector<std::size_t>;

counts count(const std::vector<std::int32_t>& owners, std::size_t nodes) {
  counts have(nodes);
  for (const auto owner : owners)
    if (owner != none) ++have[static_cast<std::size_t>(owner)];
  return have;
}

/// How many shards each node should have: its share rounded down, and one more for as many as the
/// rounding left over: first for those that already have it, which saves a move each.
counts targets(std::span<const allocation_node> nodes, std::size_t shards, const counts& have) {
  const auto total =
      std::accumulate(nodes.begin(), nodes.end(), std::uint64_t{0},
                      [](auto sum, const allocation_node& one) { return sum + one.weight; });
  counts wanted(nodes.size());
  counts rounded_down;
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

/// Takes from those with too many, gives to those with too few, the neediest first.
void even_out(std::vector<std::int32_t>& owners, const counts& wanted, counts have) {
  for (auto owner = owners.rbegin(); owner != owners.rend(); ++owner) {
    if (*owner == none) continue;
    const auto index = static_cast<std::size_t>(*owner);
    if (have[index] <= wanted[index]) continue;
    --have[index];
    *owner = none;
  }
  const auto missing = [&](std::size_t i) {
    return static_cast<std::int64_t>(wanted[i]) - static_cast<std::int64_t>(have[i]);
  };
  for (auto& owner : owners) {
    if (owner != none) continue;
    std::size_t neediest = 0;
    for (std::size_t i = 1; i < wanted.size(); ++i)
      if (missing(i) > missing(neediest)) neediest = i;
    ++have[neediest];
    owner = static_cast<std::int32_t>(neediest);
  }
}

/// Gives what nobody has to the newest nodes, to those with the least for their weight first.
void place_homeless(std::vector<std::int32_t>& owners, std::span<const allocation_node> nodes) {
  counts have = count(owners, nodes.size());
  const bool some_new = std::ranges::any_of(nodes, &allocation_node::newest);
  for (auto& owner : owners) {
    if (owner != none) continue;
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (some_new && !nodes[i].newest) continue;
      // have[i] / weight[i] < have[best] / weight[best], without rounding
      if (!best || have[i] * nodes[*best].weight < have[*best] * nodes[i].weight) best = i;
    }
    ++have[*best];
    owner = static_cast<std::int32_t>(*best);
  }
}

class even final : public allocation_strategy {
 public:
  [[nodiscard]] std::vector<std::int32_t> allocate(
      const allocation_request& request) const override {
    std::vector<std::int32_t> owners{request.owners.begin(), request.owners.end()};
    if (request.rolling) {
      place_homeless(owners, request.nodes);
      return owners;
    }
    auto have = count(owners, request.nodes.size());
    const auto wanted = targets(request.nodes, owners.size(), have);
    even_out(owners, wanted, std::move(have));
    return owners;
  }
};

}  // namespace

std::shared_ptr<const allocation_strategy> even_allocation() {
  static const auto made = std::make_shared<const even>();
  return made;
}

}  // namespace aether::cluster
