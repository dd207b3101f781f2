#pragma once

#include <aether/runtime/bytes.hpp>
#include <aether/runtime/ids.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aether {

/// At most so many events in one commit.
inline constexpr std::size_t commit_events_max = 256;
/// At most so many commands answered by one commit.
inline constexpr std::size_t commit_commands_max = 256;
/// At most so many bytes of one encoded commit, unless the server allows less.
inline constexpr std::size_t commit_bytes_max = 1'000'000;

/// Event types that begin with "aether." are the runtime's own. These two stand for no event of the
/// actor: the place of one that an operator skipped, and the operator's own mark.
inline constexpr std::string_view skipped_event = "aether.skipped";
inline constexpr std::string_view skip_marker = "aether.skip";

/// One event as it is stored: the wire name of its type and its msgpack fields.
struct event_record {
  std::string type;
  bytes data;
  friend bool operator==(const event_record&, const event_record&) = default;
};

/// A command that a commit answers: kept so that the same command, sent again, gets the same answer
/// instead of a second effect.
struct command_record {
  command_id id;
  /// How many of the commit's events, in order, this command caused.
  std::uint32_t events = 0;
  /// Wire name and fields of the reply; both empty when the command has none.
  std::string reply_type;
  bytes reply;
  friend bool operator==(const command_record&, const command_record&) = default;
};

/// The unit of append: 1..`commit_events_max` events of one actor, stored all or none.
struct commit {
  commit_id id;
  /// Version of the first event; the last one's is `first + events.size() - 1`.
  event_version first;
  std::vector<event_record> events;
  /// In the order in which they were decided.
  std::vector<command_record> commands;
  /// What the first command was sent on behalf of; nil when it began a story of its own.
  command_id correlation;
  /// The writer's wall clock.
  std::chrono::sys_time<std::chrono::milliseconds> at;
  /// Who wrote it; empty outside a cluster.
  std::string writer;
  writer_epoch epoch;

  [[nodiscard]] event_version last() const noexcept {
    return event_version{first.value() + events.size() - 1};
  }
  friend bool operator==(const commit&, const commit&) = default;
};

/// The end of an actor's history as someone knows it. Default: no events yet.
struct log_position {
  /// The newest event's version.
  event_version version;
  /// The newest commit's sequence in its stream.
  stream_sequence sequence;
  friend bool operator==(const log_position&, const log_position&) = default;
};

/// A commit that was read back.
struct recorded_commit {
  aether::commit commit;
  stream_sequence sequence;

  [[nodiscard]] log_position position() const noexcept { return {commit.last(), sequence}; }
};

}  // namespace aether
