#include "place.hpp"

#include "../commit_format.hpp"

namespace aether {

commit_place place_of(const subjects& names, const jetstream_layout& layout,
                      const actor_address& address) {
  const shard_id shard = shard_of(address, layout.shards);
  const std::uint32_t k = stream_of(shard, layout.shards, layout.streams);
  return {names.event_stream(k), names.commits(shard, address), owner_mark(names.name(), address),
          k};
}

error at_place(const commit_place& place, const error& why) {
  return error{why.code(), place.subject + " in stream " + place.stream + ": " + why.text()};
}

result<recorded_commit> decode_record(const stored_record& record, const commit_place& place) {
  auto read = decode_framed(record.payload, record.format, place.owner);
  if (read)
    return recorded_commit{std::move(read->commit), record.sequence, read->frame.previous,
                           condition_of(record.header(condition_header))};
  const auto sequence = std::to_string(record.sequence.value());
  return std::unexpected(at_place(
      place, {read.error().code(), "stream sequence " + sequence + ": " + read.error().text()}));
}

history_record history_record_of(const stored_record& record, const commit_place& place) {
  return {record.sequence, decode_record(record, place)};
}

}  // namespace aether
