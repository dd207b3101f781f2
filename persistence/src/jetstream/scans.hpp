#pragma once

#include <aether/persistence/event_store.hpp>
#include <aether/persistence/snapshot_store.hpp>
#include <aether/runtime/subjects.hpp>
#include "place.hpp"
#include "scan_operation.hpp"

#include <memory>

/// What the stores make of the messages that a scan finds.
namespace aether {

/// Everything on one actor's subject.
[[nodiscard]] std::unique_ptr<scan_sink> records_sink(commit_place place,
                                                      event_store::records_handler handler);

/// The commits of a shard; a message on a subject that is no actor's of that shard is left out, and
/// reported.
[[nodiscard]] std::unique_ptr<scan_sink> shard_sink(subjects names, std::uint32_t shards,
                                                    std::string stream,
                                                    event_store::shard_handler handler);

/// The newest snapshot of each actor of a shard; unreadable ones are left out, and reported.
[[nodiscard]] std::unique_ptr<scan_sink> snapshots_sink(subjects names,
                                                        snapshot_store::shard_handler handler);

/// The snapshots of one actor: the newest readable one that covers nothing after `at_most`.
[[nodiscard]] std::unique_ptr<scan_sink> snapshot_sink(event_version at_most,
                                                       snapshot_store::load_handler handler);

}  // namespace aether
