#pragma once

#include <aether/persistence/event_store.hpp>
#include <aether/persistence/snapshot_store.hpp>
#include <aether/runtime/subjects.hpp>
#include "place.hpp"
#include "scan_operation.hpp"
#include "stream_watch.hpp"

#include <memory>

/// What the stores make of the messages that a scan finds.
namespace aether {

/// A stored snapshot, checked against its headers.
/// @param owner the mark of the actor whose it must be, if it says so.
/// @errors `corrupt_history`
[[nodiscard]] result<snapshot> snapshot_of(const stored_record& record, std::uint64_t owner);

/// Everything on one actor's subject.
[[nodiscard]] std::unique_ptr<scan_sink> records_sink(commit_place place,
                                                      event_store::records_handler handler);

/// Whose commits a scan is to collect.
struct wanted_shards {
  shard_range which;
  /// Of how many.
  std::uint32_t shards;
  std::string stream;
  std::uint32_t stream_index;
  /// See `shard_page`.
  bool up_to_date;
};

/// The commits of some shards, out of those of a whole stream perhaps; a message on a subject that
/// is no actor's is left out, and reported. Tells `watch` how far the stream reached.
[[nodiscard]] std::unique_ptr<scan_sink> shards_sink(subjects names, wanted_shards wanted,
                                                     std::shared_ptr<stream_watch> watch,
                                                     event_store::shard_handler handler);

/// The newest snapshot of each actor of these shards, out of those of all perhaps; unreadable ones
/// are left out, and reported.
/// @param shards of how many.
[[nodiscard]] std::unique_ptr<scan_sink> snapshots_sink(subjects names, shard_range which,
                                                        std::uint32_t shards,
                                                        snapshot_store::shard_handler handler);

/// The snapshots of one actor: the newest readable one that covers nothing after `at_most`.
/// @param owner the actor's mark.
[[nodiscard]] std::unique_ptr<scan_sink> snapshot_sink(event_version at_most, std::uint64_t owner,
                                                       snapshot_store::load_handler handler);

}  // namespace aether
