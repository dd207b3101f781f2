#include "shard_table.hpp"

#include <aether/runtime/codec.hpp>

#include <algorithm>
#include <utility>

namespace aether::cluster {

namespace {

constexpr std::uint32_t format_version = 1;

struct node_record {
  std::string node;
  std::uint32_t weight = 0;
  AETHER_MESSAGE("aether.shard_table.node", node, weight)
};

struct table_record {
  std::uint32_t format = format_version;
  std::uint64_t term = 0;
  std::uint32_t shards = 0;
  std::vector<node_record> nodes;
  std::vector<std::int32_t> owners;
  AETHER_MESSAGE("aether.shard_table", format, term, shards, nodes, owners)
};

bool sorted_and_distinct(const std::vector<shard_table::entry>& nodes) {
  return std::ranges::adjacent_find(
             nodes, [](const auto& a, const auto& b) { return !(a.node < b.node); }) == nodes.end();
}

bool owners_in_range(const std::vector<std::int32_t>& owners, std::size_t nodes) {
  return std::ranges::all_of(owners, [&](std::int32_t owner) {
    return owner >= shard_table::none && owner < static_cast<std::int64_t>(nodes);
  });
}

}  // namespace

shard_table::shard_table(std::uint64_t term, std::vector<entry> nodes,
                         std::vector<std::int32_t> owners)
    : term_{term}, nodes_{std::move(nodes)}, owners_{std::move(owners)} {
  AETHER_ASSERT(sorted_and_distinct(nodes_));
  AETHER_ASSERT(owners_in_range(owners_, nodes_.size()));
}

const node_id* shard_table::owner(shard_id shard) const noexcept {
  AETHER_ASSERT(shard.value() < owners_.size());
  const std::int32_t index = owners_[shard.value()];
  return index == none ? nullptr : &nodes_[static_cast<std::size_t>(index)].node;
}

std::vector<shard_id> shard_table::owned_by(const node_id& node) const {
  std::vector<shard_id> owned;
  const auto found = std::ranges::lower_bound(nodes_, node, {}, &entry::node);
  if (found == nodes_.end() || found->node != node) return owned;
  const auto index = static_cast<std::int32_t>(found - nodes_.begin());
  for (std::size_t shard = 0; shard < owners_.size(); ++shard)
    if (owners_[shard] == index) owned.emplace_back(shard);
  return owned;
}

std::size_t moved_between(const shard_table& before, const shard_table& after) {
  AETHER_ASSERT(before.shards() == after.shards());
  std::size_t moved = 0;
  for (std::uint64_t shard = 0; shard < before.shards(); ++shard) {
    const node_id* from = before.owner(shard_id{shard});
    const node_id* to = after.owner(shard_id{shard});
    const bool same = from == nullptr || to == nullptr ? from == to : *from == *to;
    if (!same) ++moved;
  }
  return moved;
}

bool same_assignment(const shard_table& a, const shard_table& b) {
  return a.nodes() == b.nodes() && a.owners() == b.owners();
}

bytes encode_table(const shard_table& table) {
  table_record record{
      .term = table.term(), .shards = table.shards(), .nodes = {}, .owners = table.owners()};
  for (const auto& one : table.nodes()) record.nodes.push_back({one.node.str(), one.weight});
  return encode(record);
}

result<shard_table> decode_table(bytes_view data, std::uint32_t shards) {
  auto record = decode<table_record>(data);
  if (!record) return std::unexpected(std::move(record).error());
  if (record->format != format_version)
    return fail(errc::decode_failed, "shard table of format " + std::to_string(record->format));
  if (record->shards != shards || record->owners.size() != shards)
    return fail(errc::decode_failed, "shard table of " + std::to_string(record->owners.size()) +
                                         " shards, not " + std::to_string(shards));
  std::vector<shard_table::entry> nodes;
  for (const auto& one : record->nodes) {
    auto node = node_id::parse(one.node);
    if (!node) return fail(errc::decode_failed, "shard table names no node: " + one.node);
    nodes.push_back({std::move(*node), one.weight});
  }
  if (!sorted_and_distinct(nodes) || !owners_in_range(record->owners, nodes.size()))
    return fail(errc::decode_failed, "shard table with nodes or owners out of order");
  return shard_table{record->term, std::move(nodes), std::move(record->owners)};
}

}  // namespace aether::cluster
