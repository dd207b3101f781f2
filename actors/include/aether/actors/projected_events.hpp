#pragma once

#include <aether/actors/event_reader.hpp>
#include <aether/persistence/projection.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace aether {

/// Where an event that a projection got comes from.
struct projected_event {
  const actor_address& actor;
  /// Unique: what a view notes to handle nothing twice, where it has to.
  event_id id;
  event_version version;
  /// Of its commit, in the event stream of the actor's shard.
  stream_sequence sequence;
  /// When its commit was written, by the writer's clock.
  std::chrono::sys_time<std::chrono::milliseconds> at;
};

/// Hands the events of a commit to `to(const projected_event&, Event&)`, in order, as the types
/// that `Actor` has today: old ones are upcast, and all that one stored event became has its place.
/// Of another type's actor it hands over none. What `to` throws comes through.
/// @errors as of `event_reader::each`: a projection's handler returns them, and the commit is
///         parked. `to` may have got some events before.
template <class Actor, class To>
[[nodiscard]] result<void> read_events(const projected_commit& from, To&& to) {
  if (from.address.type.str() != Actor::type_name) return {};
  const auto& commit = from.record.commit;
  for (std::uint32_t i = 0; i < commit.events.size(); ++i) {
    const projected_event where{from.address,
                                {commit.id, i},
                                event_version{commit.first.value() + i},
                                from.record.sequence,
                                commit.at};
    auto read = event_reader<Actor>::each(commit.events[i], [&](auto& event) { to(where, event); });
    if (!read)
      return fail(read.error().code(), to_string(from.address) + ", version " +
                                           std::to_string(where.version.value()) + ": " +
                                           read.error().text());
  }
  return {};
}

}  // namespace aether
