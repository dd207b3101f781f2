#pragma once

#include <aether/persistence/commit.hpp>

#include <functional>
#include <optional>

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

/// Keeps the newest snapshot of each actor. Threads and handlers as for `event_store`.
class snapshot_store {
 public:
  using save_handler = std::move_only_function<void(result<void>)>;
  using load_handler = std::move_only_function<void(result<std::optional<snapshot>>)>;

  virtual ~snapshot_store() = default;

  /// Stores `taken` in place of the one before.
  /// @errors `unavailable`, `timed_out`, `store_failed`, `commit_too_large`: the one before may
  /// still
  ///         be there, or not; either is fine. `invalid_argument`: it names no state type, or
  ///         covers no event.
  virtual void save(const actor_address& address, snapshot taken, save_handler handler) = 0;

  /// The newest snapshot, or none. It may be a little behind the history, never ahead of it.
  /// @errors `unavailable`, `timed_out`: ask again. `corrupt_history`: unreadable; go without.
  virtual void load(const actor_address& address, load_handler handler) = 0;
};

}  // namespace aether
