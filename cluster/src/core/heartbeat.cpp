#include "heartbeat.hpp"

#include <aether/runtime/codec.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace aether::cluster {

namespace {

constexpr std::uint32_t format_version = 2;

struct acknowledgement_record {
  incarnation_id of;
  std::int64_t sent_at = 0;
  AETHER_MESSAGE("aether.heartbeat.heard", of, sent_at)
};

struct heartbeat_record {
  std::uint32_t format = format_version;
  std::string node;
  std::string incarnation;
  std::uint8_t state = 0;
  std::uint32_t weight = 0;
  std::uint32_t shards = 0;
  std::uint64_t types_hash = 0;
  std::vector<std::string> types;
  std::vector<std::string> labels;
  std::string version;
  std::uint64_t table_revision = 0;
  std::uint64_t settled = 0;
  std::int64_t sent_at = 0;
  std::uint64_t term = 0;
  std::vector<acknowledgement_record> heard;
  AETHER_MESSAGE("aether.heartbeat", format, node, incarnation, state, weight, shards, types_hash,
                 types, labels, version, table_revision, settled, sent_at, term, heard)
};

result<std::vector<actor_type>> types_of(const heartbeat_record& record) {
  std::vector<actor_type> types;
  for (const auto& name : record.types) {
    auto type = actor_type::parse(name);
    if (!type) return fail(errc::decode_failed, "heartbeat names no actor type: " + name);
    types.push_back(std::move(*type));
  }
  std::ranges::sort(types);
  return types;
}

}  // namespace

std::string_view to_string(member_state state) noexcept {
  switch (state) {
    case member_state::joining:
      return "joining";
    case member_state::up:
      return "up";
    case member_state::leaving:
      return "leaving";
    case member_state::down:
      return "down";
  }
  return "unknown";
}

bytes encode_heartbeat(const heartbeat& from) {
  heartbeat_record record{.node = from.node.str(),
                          .incarnation = from.incarnation.hex(),
                          .state = static_cast<std::uint8_t>(from.state),
                          .weight = from.weight,
                          .shards = from.shards,
                          .types_hash = from.types_hash,
                          .types = {},
                          .labels = from.labels,
                          .version = from.version,
                          .table_revision = from.table_revision,
                          .settled = from.settled,
                          .sent_at = from.sent_at,
                          .term = from.term,
                          .heard = {}};
  for (const auto& type : from.types) record.types.push_back(type.str());
  for (const auto& one : from.heard) record.heard.push_back({one.of, one.sent_at});
  return encode(record);
}

result<heartbeat> decode_heartbeat(bytes_view data) {
  auto record = decode<heartbeat_record>(data);
  if (!record) return std::unexpected(std::move(record).error());
  if (record->format != format_version)
    return fail(errc::decode_failed, "heartbeat of format " + std::to_string(record->format));
  auto node = node_id::parse(record->node);
  const auto incarnation = incarnation_id::from_hex(record->incarnation);
  const bool known_state = record->state >= 1 && record->state <= 4;
  if (!node || !incarnation || incarnation->is_nil() || !known_state)
    return fail(errc::decode_failed, "heartbeat with a node, incarnation or state out of range");
  auto types = types_of(*record);
  if (!types) return std::unexpected(std::move(types).error());
  heartbeat made{.node = std::move(*node), .incarnation = *incarnation};
  made.state = static_cast<member_state>(record->state);
  made.weight = record->weight;
  made.shards = record->shards;
  made.types_hash = record->types_hash;
  made.types = std::move(*types);
  made.labels = std::move(record->labels);
  made.version = std::move(record->version);
  made.table_revision = record->table_revision;
  made.settled = record->settled;
  made.sent_at = record->sent_at;
  made.term = record->term;
  for (const auto& one : record->heard) made.heard.push_back({one.of, one.sent_at});
  return made;
}

}  // namespace aether::cluster
