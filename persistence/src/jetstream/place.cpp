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

namespace {

error at(std::string_view subject, std::string_view stream, const error& why) {
  return {why.code(),
          std::string{subject}.append(" in stream ").append(stream) + ": " + why.text()};
}

/// Its place makes a text only where the record is damaged: this is a hot path.
result<recorded_commit> decode_at(const stored_record& record, std::string_view subject,
                                  std::string_view stream, std::uint64_t owner) {
  auto read = decode_framed(record.payload, record.format, owner);
  if (read)
    return recorded_commit{std::move(read->commit), record.sequence, read->frame.previous,
                           condition_of(record.header(condition_header))};
  const auto sequence = std::to_string(record.sequence.value());
  return std::unexpected(
      at(subject, stream,
         {read.error().code(), "stream sequence " + sequence + ": " + read.error().text()}));
}

}  // namespace

error at_place(const commit_place& place, const error& why) {
  return at(place.subject, place.stream, why);
}

result<recorded_commit> decode_record(const stored_record& record, const commit_place& place) {
  return decode_at(record, place.subject, place.stream, place.owner);
}

history_record history_record_of(const stored_record& record, const commit_place& place) {
  return {record.sequence, decode_record(record, place)};
}

history_record history_record_of(const stored_record& record, std::string_view stream,
                                 std::uint64_t owner) {
  return {record.sequence, decode_at(record, record.subject, stream, owner)};
}

}  // namespace aether
