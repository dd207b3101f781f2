#pragma once

#include <aether/persistence/event_store.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

/// Looking into histories, without activating the actors they belong to; and repairing one.
namespace aether {

/// One event with what its commit says about it.
struct recorded_event {
  event_id id;
  event_version version;
  /// Of its commit.
  stream_sequence sequence;
  /// When its commit was written, by the writer's clock.
  std::chrono::sys_time<std::chrono::milliseconds> at;
  /// As stored: one that its actor has retired under its old name, see `event_reader`.
  event_record event;
  /// The command that caused it; nil when none did.
  command_id cause;
  /// What the first command of its commit was sent on behalf of; nil when that began a story of its
  /// own.
  command_id correlation;
  /// The node that wrote its commit; empty outside a cluster.
  std::string writer;
};

/// Which part of a history. All conditions hold together.
struct history_query {
  event_version from{1};
  event_version to{~std::uint64_t{0}};
  /// Only what was written at this time or later, and before that one, by the writers' clocks.
  /// Clocks may differ: reading ends at the first commit, in reading order, that is out of bounds
  /// on the far side, and begins at the first that is within on the near side.
  std::optional<std::chrono::sys_time<std::chrono::milliseconds>> since{};
  std::optional<std::chrono::sys_time<std::chrono::milliseconds>> until{};
  /// At most so many events, at least 1: with 0 there are none, and `more`.
  std::size_t limit = 1'000;
  bool newest_first = false;
  /// Where the part before ended: the `sequence` of its last event. Saves searching; 0: none.
  stream_sequence resume{};
  /// Heed the markers by which an operator had something skipped: reads the whole history first.
  /// Without it they are heeded only where the history cannot be read otherwise.
  bool careful = false;
};

struct history_part {
  /// In reading order.
  std::vector<recorded_event> events;
  /// The limit cut it short. Go on with the last one's version plus 1 as `from`; newest first, with
  /// it minus 1 as `to`.
  bool more = false;
};

using history_handler = std::move_only_function<void(result<history_part>)>;

/// Reads a part of an actor's history. With `careful`, events that an operator had skipped appear
/// as `skipped_event`. The newest are found through the commits' back-pointers, wherever they lie.
/// @param store outlives the call of `handler`.
/// @errors (to the handler) as for `event_store::read`; `stream_regressed` with `newest_first`, as
///         for `event_store::latest`.
void read_history(event_store& store, const actor_address& address, const history_query& query,
                  history_handler handler);

/// What is to be skipped: an event that cannot be applied, a record that cannot be read, versions
/// that are gone. Nothing is deleted: a marker is appended, and whoever cannot read or apply the
/// history without it heeds it.
struct skip_request {
  /// The events to take for nothing, both inclusive; 0 for none. At most `skipped_events_max`.
  event_version first{};
  event_version last{};
  /// The record to take for no commit of this actor; 0 for none.
  stream_sequence sequence{};
  /// For those who read the history later; not empty, at most 1,000 bytes.
  std::string reason;
};

inline constexpr std::uint64_t skipped_events_max = 65'536;

/// Appends the marker that has others skip what `request` names. The actor must be quarantined or
/// nowhere in memory, else this may be a conflict; a quarantined one tries again by itself within a
/// minute.
///
/// Markers are heeded only where a history cannot be read or applied without them, and there all of
/// them are (and by `history_query::careful`). To name an event that can be applied therefore
/// succeeds and does nothing, until something else in that history has to be skipped: name only
/// what stands in the way. To undo an event, have the actor persist one that compensates it.
/// @param store outlives the call of `handler`.
/// @returns where the marker is.
/// @errors (to the handler) `invalid_argument`: nothing of the kind is in the history, a range is
///         too long, or the reason is missing or too long. Others as for `event_store::append` and
///         `records`.
void skip_events(event_store& store, const actor_address& address, skip_request request,
                 event_store::append_handler handler);

/// The history that the records of an actor amount to, with the markers among them heeded: records
/// to be skipped are left out, skipped events and versions that are gone are `skipped_event`s.
/// @errors `corrupt_history`: something is damaged or missing that no marker names; the text has
///         the place.
[[nodiscard]] result<std::vector<recorded_commit>> repaired(std::vector<history_record> records);

}  // namespace aether
