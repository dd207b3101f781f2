#include "shard_table.hpp"

#include <aether/runtime/codec.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <tuple>
#include <utility>

namespace aether::cluster {

namespace {

constexpr std::uint32_t format_version = 2;

struct node_record {
  std::string node;
  incarnation_id incarnation;
  std::uint32_t weight = 0;
  AETHER_MESSAGE("aether.shard_table.node", node, incarnation, weight)
};

struct assignment_record {
  std::vector<std::string> types;
  std::vector<std::int32_t> owners;
  std::vector<std::int32_t> givers;
  AETHER_MESSAGE("aether.shard_table.assignment", types, owners, givers)
};

struct table_record {
  std::uint32_t format = format_version;
  std::uint64_t term = 0;
  std::uint32_t shards = 0;
  std::vector<node_record> nodes;
  std::vector<assignment_record> assignments;
  AETHER_MESSAGE("aether.shard_table", format, term, shards, nodes, assignments)
};

bool before(const shard_table::entry& a, const shard_table::entry& b) {
  return std::tie(a.node, a.incarnation) < std::tie(b.node, b.incarnation);
}

bool sorted_and_distinct(const std::vector<shard_table::entry>& nodes) {
  return std::ranges::adjacent_find(
             nodes, [](const auto& a, const auto& b) { return !before(a, b); }) == nodes.end();
}

bool in_range(const std::vector<std::int32_t>& indices, std::size_t nodes) {
  return std::ranges::all_of(indices, [&](std::int32_t index) {
    return index >= shard_table::none && index < static_cast<std::int64_t>(nodes);
  });
}

bool gives_to_itself(const shard_table::assignment& one) {
  for (std::size_t i = 0; i < one.givers.size(); ++i)
    if (one.givers[i] != shard_table::none && one.givers[i] == one.owners[i]) return true;
  return false;
}

bool well_formed(const std::vector<shard_table::assignment>& all, std::uint32_t shards,
                 std::size_t nodes) {
  std::set<actor_type> seen;
  for (const auto& one : all) {
    const bool sized = one.owners.size() == shards &&
                       (one.givers.empty() || one.givers.size() == shards) && !one.types.empty();
    if (!sized || !in_range(one.owners, nodes) || !in_range(one.givers, nodes)) return false;
    if (gives_to_itself(one) || !std::ranges::is_sorted(one.types)) return false;
    for (const auto& type : one.types)
      if (!seen.insert(type).second) return false;
  }
  return true;
}

result<std::vector<shard_table::entry>> nodes_of(const table_record& record) {
  std::vector<shard_table::entry> nodes;
  for (const auto& one : record.nodes) {
    auto node = node_id::parse(one.node);
    if (!node || one.incarnation.is_nil())
      return fail(errc::decode_failed, "shard table names no node: " + one.node);
    nodes.push_back({std::move(*node), one.incarnation, one.weight});
  }
  return nodes;
}

result<std::vector<shard_table::assignment>> assignments_of(table_record& record) {
  std::vector<shard_table::assignment> all;
  for (auto& one : record.assignments) {
    auto& made = all.emplace_back();
    for (const auto& name : one.types) {
      auto type = actor_type::parse(name);
      if (!type) return fail(errc::decode_failed, "shard table names no actor type: " + name);
      made.types.push_back(std::move(*type));
    }
    made.owners = std::move(one.owners);
    made.givers = std::move(one.givers);
  }
  return all;
}

/// The types of both tables, each once.
std::set<actor_type> types_of(const shard_table& a, const shard_table& b) {
  std::set<actor_type> types;
  for (const auto* table : {&a, &b})
    for (const auto& one : table->assignments()) types.insert(one.types.begin(), one.types.end());
  return types;
}

}  // namespace

shard_table::shard_table(std::uint64_t term, std::uint32_t shards, std::vector<entry> nodes,
                         std::vector<assignment> assignments)
    : term_{term}, shards_{shards}, nodes_{std::move(nodes)}, assignments_{std::move(assignments)} {
  AETHER_ASSERT(sorted_and_distinct(nodes_));
  AETHER_ASSERT(well_formed(assignments_, shards_, nodes_.size()));
}

const shard_table::assignment* shard_table::find(const actor_type& type) const noexcept {
  for (const auto& one : assignments_)
    if (std::ranges::binary_search(one.types, type)) return &one;
  return nullptr;
}

const shard_table::entry* shard_table::owner(const actor_type& type,
                                             shard_id shard) const noexcept {
  AETHER_ASSERT(shard.value() < shards_);
  const auto* found = find(type);
  return found == nullptr ? nullptr : node_at(found->owners[shard.value()]);
}

const shard_table::entry* shard_table::giver(const actor_type& type,
                                             shard_id shard) const noexcept {
  AETHER_ASSERT(shard.value() < shards_);
  const auto* found = find(type);
  if (found == nullptr || found->givers.empty()) return nullptr;
  return node_at(found->givers[shard.value()]);
}

std::size_t shard_table::owned_by(const node_id& node, const incarnation_id& incarnation) const {
  const auto found = std::ranges::find_if(
      nodes_, [&](const entry& one) { return one.node == node && one.incarnation == incarnation; });
  if (found == nodes_.end()) return 0;
  const auto index = static_cast<std::int32_t>(found - nodes_.begin());
  std::size_t owned = 0;
  for (const auto& one : assignments_)
    owned += one.types.size() * static_cast<std::size_t>(std::ranges::count(one.owners, index));
  return owned;
}

std::size_t shard_table::in_hand_over() const noexcept {
  std::size_t moving = 0;
  for (const auto& one : assignments_)
    moving += one.types.size() *
              (one.givers.size() - static_cast<std::size_t>(std::ranges::count(one.givers, none)));
  return moving;
}

std::size_t moved_between(const shard_table& before, const shard_table& after) {
  AETHER_ASSERT(before.shards() == after.shards());
  std::size_t moved = 0;
  for (const auto& type : types_of(before, after))
    for (std::uint64_t i = 0; i < before.shards(); ++i) {
      const auto* from = before.owner(type, shard_id{i});
      const auto* to = after.owner(type, shard_id{i});
      const bool same = from == nullptr || to == nullptr
                            ? from == to
                            : from->node == to->node && from->incarnation == to->incarnation;
      if (!same) ++moved;
    }
  return moved;
}

bool same_assignment(const shard_table& a, const shard_table& b) {
  return a.nodes() == b.nodes() && a.assignments() == b.assignments();
}

bytes encode_table(const shard_table& table) {
  table_record record{
      .term = table.term(), .shards = table.shards(), .nodes = {}, .assignments = {}};
  for (const auto& one : table.nodes())
    record.nodes.push_back({one.node.str(), one.incarnation, one.weight});
  for (const auto& one : table.assignments()) {
    auto& made = record.assignments.emplace_back();
    for (const auto& type : one.types) made.types.push_back(type.str());
    made.owners = one.owners;
    made.givers = one.givers;
  }
  return encode(record);
}

result<shard_table> decode_table(bytes_view data, std::uint32_t shards) {
  auto record = decode<table_record>(data);
  if (!record) return std::unexpected(std::move(record).error());
  // Of format 1 nothing can be taken over: it knew no processes. The next leader writes a new one.
  if (record->format == 1) return shard_table{shards};
  if (record->format != format_version)
    return fail(errc::decode_failed, "shard table of format " + std::to_string(record->format));
  if (record->shards != shards)
    return fail(errc::decode_failed, "shard table of " + std::to_string(record->shards) +
                                         " shards, not " + std::to_string(shards));
  auto nodes = nodes_of(*record);
  if (!nodes) return std::unexpected(std::move(nodes).error());
  auto assignments = assignments_of(*record);
  if (!assignments) return std::unexpected(std::move(assignments).error());
  if (!sorted_and_distinct(*nodes) || !well_formed(*assignments, shards, nodes->size()))
    return fail(errc::decode_failed, "shard table with nodes, types or owners out of order");
  return shard_table{record->term, shards, std::move(*nodes), std::move(*assignments)};
}

}  // namespace aether::cluster
