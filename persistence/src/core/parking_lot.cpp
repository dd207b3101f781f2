#include "parking_lot.hpp"

#include <aether/runtime/codec.hpp>

#include <algorithm>

namespace aether {

namespace {

constexpr std::uint32_t lot_format = 1;

struct entry_record {
  std::uint64_t sequence = 0, first = 0, last = 0;
  std::string type, id;
  std::uint16_t code = 0;
  std::string reason;
  std::int64_t at = 0;
  std::uint32_t replays = 0;
  bool actor = false;
  std::uint8_t wish = 0;
  AETHER_MESSAGE("aether.parked", sequence, first, last, type, id, code, reason, at, replays, actor,
                 wish)
};
struct lot_record {
  std::uint32_t format = lot_format;
  std::vector<entry_record> parked;
  bool retired = false;
  std::uint64_t claim = 0;
  AETHER_MESSAGE("aether.parking_lot", format, parked, retired, claim)
};

entry_record record_of(const parked_commit& from) {
  return {from.sequence.value(),
          from.first.value(),
          from.last.value(),
          from.address.type.str(),
          from.address.id.str(),
          static_cast<std::uint16_t>(from.code),
          from.reason,
          from.at.time_since_epoch().count(),
          from.replays,
          from.whole_actor,
          static_cast<std::uint8_t>(from.wish)};
}

result<parked_commit> entry_of(const entry_record& from, std::uint32_t partition) {
  auto type = actor_type::parse(from.type);
  auto id = actor_id::parse(from.id);
  if (!type || !id || from.sequence == 0 || from.wish > 2)
    return fail(errc::decode_failed, "a parked commit's record is damaged");
  return parked_commit{
      partition,
      stream_sequence{from.sequence},
      event_version{from.first},
      event_version{from.last},
      {std::move(*type), std::move(*id)},
      static_cast<errc>(from.code),
      from.reason,
      std::chrono::sys_time<std::chrono::milliseconds>{std::chrono::milliseconds{from.at}},
      from.replays,
      from.actor,
      static_cast<parked_wish>(from.wish)};
}

}  // namespace

bool parking_lot::covers(const actor_address& address, stream_sequence sequence) const {
  return std::ranges::any_of(entries_, [&](const parked_commit& one) {
    return one.sequence == sequence ||
           (one.whole_actor && one.sequence < sequence && one.address == address);
  });
}

void parking_lot::add(parked_commit entry) {
  if (entry.reason.size() > reason_bytes_max) entry.reason.resize(reason_bytes_max);
  remove(entry.sequence);
  const auto place =
      std::ranges::lower_bound(entries_, entry.sequence, {}, &parked_commit::sequence);
  entries_.insert(place, std::move(entry));
}

void parking_lot::remove(stream_sequence sequence) {
  std::erase_if(entries_, [&](const auto& one) { return one.sequence == sequence; });
}

parked_commit* parking_lot::find(stream_sequence sequence) {
  const auto found = std::ranges::find(entries_, sequence, &parked_commit::sequence);
  return found == entries_.end() ? nullptr : &*found;
}

const parked_commit* parking_lot::wished(stream_sequence reached) const {
  const auto found = std::ranges::find_if(entries_, [&](const auto& one) {
    return one.wish != parked_wish::none && one.sequence <= reached;
  });
  return found == entries_.end() ? nullptr : &*found;
}

bytes parking_lot::encode() const {
  if (empty() && !retired && claim == 0) return {};
  lot_record made;
  made.retired = retired;
  made.claim = claim;
  for (const auto& one : entries_) made.parked.push_back(record_of(one));
  return aether::encode(made);
}

result<parking_lot> parking_lot::decode(bytes_view data, std::uint32_t partition) {
  parking_lot made;
  if (data.empty()) return made;
  const auto read = aether::decode<lot_record>(data);
  if (!read) return std::unexpected(read.error());
  if (read->format != lot_format)
    return fail(errc::decode_failed, "a parking lot of format " + std::to_string(read->format) +
                                         ": deploy a build that knows it");
  made.retired = read->retired;
  made.claim = read->claim;
  for (const auto& one : read->parked) {
    auto entry = entry_of(one, partition);
    if (!entry) return std::unexpected(std::move(entry).error());
    made.add(std::move(*entry));
  }
  return made;
}

}  // namespace aether
