#include "hand_over.hpp"

#include <aether/runtime/codec.hpp>

#include <optional>
#include <string>

namespace aether::cluster {

namespace {

constexpr std::uint32_t format_version = 1;

struct slot_record {
  std::string type;
  std::uint32_t shard = 0;
  AETHER_MESSAGE("aether.hand_over.slot", type, shard)
};

struct request_record {
  std::uint32_t format = format_version;
  std::uint8_t step = 0;
  std::string node;
  std::string incarnation;
  std::uint64_t table_revision = 0;
  std::vector<slot_record> slots;
  AETHER_MESSAGE("aether.hand_over.request", format, step, node, incarnation, table_revision, slots)
};

struct done_record {
  std::string type;
  std::uint32_t shard = 0;
  bool complete = false;
  std::vector<command_id> got;
  AETHER_MESSAGE("aether.hand_over.done", type, shard, complete, got)
};

struct answer_record {
  std::uint32_t format = format_version;
  std::uint8_t step = 0;
  std::vector<done_record> done;
  AETHER_MESSAGE("aether.hand_over.answer", format, step, done)
};

std::optional<hand_over_step> step_of(std::uint8_t number) {
  const auto step = static_cast<hand_over_step>(number);
  const bool known = step == hand_over_step::record || step == hand_over_step::release;
  return known ? std::optional{step} : std::nullopt;
}

std::optional<slot> slot_of(const std::string& type, std::uint32_t shard) {
  auto parsed = actor_type::parse(type);
  if (!parsed) return std::nullopt;
  return slot{std::move(*parsed), shard_id{shard}};
}

std::unexpected<error> refuse(const char* what) {
  return fail(errc::decode_failed, std::string{"hand-over "} + what +
                                       " of another format, or with a value out of range");
}

}  // namespace

bytes encode_hand_request(const hand_request& from) {
  request_record record{.step = static_cast<std::uint8_t>(from.step),
                        .node = from.taker.node.str(),
                        .incarnation = from.taker.incarnation.hex(),
                        .table_revision = from.table_revision,
                        .slots = {}};
  for (const auto& one : from.slots)
    record.slots.push_back({one.type.str(), static_cast<std::uint32_t>(one.shard.value())});
  return encode(record);
}

result<hand_request> decode_hand_request(bytes_view data) {
  const auto record = decode<request_record>(data);
  if (!record) return std::unexpected(record.error());
  auto node = node_id::parse(record->node);
  const auto incarnation = incarnation_id::from_hex(record->incarnation);
  const auto step = step_of(record->step);
  if (record->format != format_version || !step || !node || !incarnation || incarnation->is_nil() ||
      record->slots.size() > hand_request::slots_max)
    return refuse("request");
  hand_request made{.step = *step,
                    .taker = {std::move(*node), *incarnation},
                    .table_revision = record->table_revision};
  for (const auto& one : record->slots) {
    auto which = slot_of(one.type, one.shard);
    if (!which) return refuse("request");
    made.slots.push_back(std::move(*which));
  }
  return made;
}

bytes encode_hand_answer(hand_over_step step, const std::vector<hand_done>& done) {
  answer_record record{.step = static_cast<std::uint8_t>(step), .done = {}};
  for (const auto& one : done)
    record.done.push_back({one.which.type.str(),
                           static_cast<std::uint32_t>(one.which.shard.value()), one.complete,
                           one.got});
  return encode(record);
}

result<hand_answer> decode_hand_answer(bytes_view data) {
  auto record = decode<answer_record>(data);
  if (!record) return std::unexpected(std::move(record).error());
  const auto step = step_of(record->step);
  if (record->format != format_version || !step) return refuse("answer");
  hand_answer made{*step, {}};
  for (auto& one : record->done) {
    auto which = slot_of(one.type, one.shard);
    if (!which) return refuse("answer");
    made.done.push_back({std::move(*which), one.complete, std::move(one.got)});
  }
  return made;
}

}  // namespace aether::cluster
