#pragma once

#include <aether/persistence/commit.hpp>
#include <aether/runtime/error.hpp>
#include <aether/runtime/ids.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace aether {

class projection_positions;  // <aether/persistence/projection_positions.hpp>

/// A projection's name: `[A-Za-z0-9_-]{1,32}`.
[[nodiscard]] bool valid_projection_name(std::string_view name) noexcept;

/// One part of one version of a projection. A partition is one event stream of the namespace: its
/// sequence is the only offset, and each actor's events are in one partition, in order.
struct projection_key {
  std::string name;
  std::uint32_t version = 1;
  std::uint32_t partition = 0;
  friend auto operator<=>(const projection_key&, const projection_key&) = default;
};

/// `balances v2, partition 3`, for logs.
[[nodiscard]] std::string to_string(const projection_key& key);

/// How far a partition is.
struct projection_position {
  /// The last commit that is handled, or was passed over; 0: none yet.
  stream_sequence sequence;
  /// That commit's id, the witness that it is the same log; nil where it is not known.
  commit_id commit{};
  /// What the next store of the position must expect.
  std::uint64_t revision = 0;
};

/// One commit of one actor, as it was stored. Events whose type begins with `reserved_names` are no
/// events; `read_events` of the actors' layer makes typed ones of the others.
struct projected_commit {
  actor_address address;
  recorded_commit record;
};

/// What a handler gets: commits in the order of the stream, each actor's in the order of its
/// versions.
struct projection_batch {
  projection_key key;
  /// Not empty.
  std::vector<projected_commit> commits;
  /// Where the partition stands, and where it does when this batch is handled.
  projection_position after;
  projection_position through;
  /// These are commits that were parked, handled again because somebody asked for it: they lie
  /// before `after`, which equals `through`.
  bool replay = false;
};

/// What becomes of the events behind one that cannot be handled.
enum class poison_policy : std::uint8_t {
  /// Later events of the same actor are handled: the view lacks one commit until it is replayed,
  /// which then comes out of order.
  park_commit,
  /// They wait behind it, so that order is kept: the view stands still for this one actor.
  park_actor,
};

/// Outside its domain a value is refused (`check`).
struct projection_options {
  /// Commits in one batch, 1..10,000.
  std::size_t batch_commits_max = 500;
  /// Commits of a partition that are read ahead, 1..1,000,000, and one page of the log (1,000)
  /// more.
  std::size_t ahead_commits_max = 4'000;
  /// Threads on which the handlers of a process run, 0..`workers_bound`; 0: one for each partition,
  /// 4 at most. A handler that blocks holds one of them up: where as many block, the other
  /// partitions stand still.
  std::size_t workers = 0;
  /// How long it waits where nothing came, without a hint; doubles up to the second. Above 0, and
  /// at most the second.
  std::chrono::milliseconds poll_interval{250};
  std::chrono::milliseconds poll_interval_max{1'000};
  /// Waits before a failed batch is tried again; doubles up to the second. As above.
  std::chrono::milliseconds retry_min{50};
  std::chrono::milliseconds retry_max{5'000};
  /// How often a batch is tried before its commits are tried one by one, and then each of these
  /// before it is parked; at least 1. Not counted: `unavailable`, `overloaded`, `timed_out` and
  /// `not_running`, which are no fault of an event and are retried for ever.
  unsigned attempts_max = 5;
  poison_policy on_poison = poison_policy::park_commit;
  /// Entries parked in one partition, 1..`parked_bound`. Where they are as many, the partition
  /// stands still, and says so, until some are replayed or discarded.
  std::size_t parked_max = 500;
};

inline constexpr std::size_t parked_bound = 500;
inline constexpr std::size_t workers_bound = 256;

/// Handles a batch: applies it to the view. Called by one thread at a time for each partition; may
/// block (`projection_options::workers`). At least once: after a crash the last batch comes again.
/// An exception counts as `handler_failed`.
/// @errors what it returns decides: see `projection_options::attempts_max`. `version_conflict` and
///         `outcome_unknown` have the position loaded again, and go on from there.
using projection_handler = std::function<result<void>(const projection_batch&)>;

/// A durable subscription to the events of a namespace.
struct projection_definition {
  std::string name;
  /// Each version has positions of its own and starts from the first event: a new one is a rebuild
  /// beside the old one. At least 1.
  std::uint32_t version = 1;
  /// Commits of other actor types are passed over; none: all types.
  std::vector<actor_type> types{};
  projection_handler handler;
  /// Where its positions are; null: with the runner's records.
  ///
  /// **Effectively once.** With `handler_stores_position` the handler itself stores the position,
  /// in the transaction in which it changes the view, on the condition that the position stored
  /// there is still `after.sequence`:
  ///
  ///     update position set sequence = :through where partition = :p and sequence = :after
  ///
  /// Where that changes no row it rolls back and returns `version_conflict`: another owner was
  /// there. The revision of such a position is its sequence, in `positions` too. A `replay` moves
  /// no position.
  std::shared_ptr<projection_positions> positions{};
  bool handler_stores_position = false;
  projection_options options{};
};

/// @errors `invalid_argument`: something is outside its domain, the text says what.
[[nodiscard]] result<void> check(const projection_definition& wanted);

}  // namespace aether
