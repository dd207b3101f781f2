#pragma once

#include <aether/persistence/commit.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace aether {

/// An actor's state as of a version. A shortcut, never the truth: losing one costs time only.
struct snapshot {
  /// The last event it covers, and that event's commit.
  log_position position;
  /// Wire name and schema version of the state, checked before decoding.
  std::string state_type;
  std::uint32_t schema = 1;
  bytes state;
  /// The window of recent command ids, encoded by the actor layer.
  bytes window;
  friend bool operator==(const snapshot&, const snapshot&) = default;
};

/// Covers every version: `snapshot_store::load` then gives the newest.
inline constexpr event_version any_version{~std::uint64_t{0}};

/// Keeps the newest snapshots of each actor: one, unless it was told to keep more. The newest is
/// the one saved last: whoever saves one of an earlier version after it replaces it. Threads and
/// handlers as for `event_store`.
class snapshot_store {
 public:
  using save_handler = std::move_only_function<void(result<void>)>;
  using load_handler = std::move_only_function<void(result<std::optional<snapshot>>)>;
  struct placed {
    actor_address address;
    snapshot taken;
  };
  using shard_handler = std::move_only_function<void(result<std::vector<placed>>)>;

  virtual ~snapshot_store() = default;

  /// Stores `taken`; the oldest one beyond those to be kept goes.
  /// @errors `unavailable`, `timed_out`, `store_failed`, `commit_too_large`: it may be stored, or
  ///         not; either is fine. `invalid_argument`: it names no state type, or covers no event.
  virtual void save(const actor_address& address, snapshot taken, save_handler handler) = 0;

  /// The newest readable snapshot that covers no version after `at_most`, or none. Where the one
  /// saved last will not do, and older ones are kept, a store may give the one of the greatest
  /// version among them.
  /// It may be a little behind the history, never ahead of it.
  /// @errors `unavailable`, `timed_out`: ask again. `corrupt_history`: there is one, but none that
  ///         can be read; go without.
  virtual void load(const actor_address& address, event_version at_most, load_handler handler) = 0;

  /// The newest snapshot of each actor in these shards. A store need not look for an older one
  /// where that cannot be read (JetStream does not): the actor is then left out.
  /// @errors `unavailable`, `timed_out`: ask again. `invalid_argument`: no such shards.
  virtual void load_shards(shard_range which, shard_handler handler) = 0;
};

}  // namespace aether
