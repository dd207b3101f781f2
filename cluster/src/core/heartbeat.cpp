#include "heartbeat.hpp"

#include <aether/runtime/codec.hpp>

#include <string>

namespace aether::cluster {

namespace {

constexpr std::uint32_t format_version = 1;

struct heartbeat_record {
  std::uint32_t format = format_version;
  std::string node;
  std::string incarnation;
  std::uint8_t state = 0;
  std::uint32_t weight = 0;
  std::uint32_t shards = 0;
  std::uint64_t types_hash = 0;
  std::uint64_t table_revision = 0;
  std::int64_t sent_at = 0;
  AETHER_MESSAGE("aether.heartbeat", format, node, incarnation, state, weight, shards, types_hash,
                 table_revision, sent_at)
};

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
  return encode(heartbeat_record{.node = from.node.str(),
                                 .incarnation = from.incarnation.hex(),
                                 .state = static_cast<std::uint8_t>(from.state),
                                 .weight = from.weight,
                                 .shards = from.shards,
                                 .types_hash = from.types_hash,
                                 .table_revision = from.table_revision,
                                 .sent_at = from.sent_at});
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
  return heartbeat{.node = std::move(*node),
                   .incarnation = *incarnation,
                   .state = static_cast<member_state>(record->state),
                   .weight = record->weight,
                   .shards = record->shards,
                   .types_hash = record->types_hash,
                   .table_revision = record->table_revision,
                   .sent_at = record->sent_at};
}

}  // namespace aether::cluster
