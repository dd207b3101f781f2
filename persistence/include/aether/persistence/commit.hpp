#pragma once

#include <aether/runtime/bytes.hpp>
#include <aether/runtime/ids.hpp>

#include <chrono>
#include <compare>
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
/// At most so many back-pointers in one commit.
inline constexpr std::size_t commit_back_pointers_max = 128;

/// Wire names that begin with this are Aether's own.
inline constexpr std::string_view reserved_names = "aether.";
/// Stands in a history for an event that an operator had skipped; changes nothing.
inline constexpr std::string_view skipped_event = "aether.skipped";
/// The event by which an operator has others skipped, see `skip_events`; changes nothing itself.
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
  /// Where earlier commits of the actor are: their sequences, ascending, without a gap, up to and
  /// with the one that this one follows. They let a reader fetch them all at once instead of
  /// searching the stream for them. Hints: a reader checks what it finds there. May be empty.
  std::vector<stream_sequence> back_pointers{};

  [[nodiscard]] event_version last() const noexcept {
    return event_version{first.value() + events.size() - 1};
  }
  friend bool operator==(const commit&, const commit&) = default;
};

/// An event's id: unique, and sortable by the time of its commit, then by its place in it.
struct event_id {
  commit_id commit;
  /// From 0.
  std::uint32_t index = 0;
  /// `<commit's 32 hexadecimal digits>-<index>`.
  [[nodiscard]] std::string str() const { return commit.hex() + "-" + std::to_string(index); }
  friend auto operator<=>(const event_id&, const event_id&) = default;
};

/// The end of an actor's history as someone knows it. Default: no events yet.
struct log_position {
  /// The newest event's version.
  event_version version;
  /// The newest commit's sequence in its stream.
  stream_sequence sequence;
  /// That commit's id, the witness that it is the same log; nil where it is not known.
  commit_id commit{};
  /// The witness does not count.
  friend bool operator==(const log_position& a, const log_position& b) noexcept {
    return a.version == b.version && a.sequence == b.sequence;
  }
};

/// A commit that was read back.
struct recorded_commit {
  aether::commit commit;
  stream_sequence sequence;
  /// The id of the commit that its writer knew to be before it; nil where the writer did not say.
  commit_id previous{};
  /// The end of the actor's history, of which the store made sure when it appended this; 0 for
  /// none. Without a value the store does not know: whoever else writes to it need not have had a
  /// condition.
  std::optional<stream_sequence> after{};

  [[nodiscard]] log_position position() const noexcept {
    return {commit.last(), sequence, commit.id};
  }
  /// Whether it may directly follow `before`: the next version, and nobody else's history.
  [[nodiscard]] bool follows(const log_position& before) const noexcept {
    return commit.first.value() == before.version.value() + 1 &&
           (previous.is_nil() || before.commit.is_nil() || previous == before.commit);
  }
  /// The same, and the store made sure of it: nothing lies between the two.
  [[nodiscard]] bool surely_follows(const log_position& before) const noexcept {
    return follows(before) && after == before.sequence;
  }
  /// The back-pointers, where they end with the commit that this one surely follows; else none.
  [[nodiscard]] std::vector<stream_sequence> believable_back_pointers() const {
    const auto& all = commit.back_pointers;
    if (all.empty() || after != all.back() || *after >= sequence) return {};
    return all;
  }
};

}  // namespace aether
