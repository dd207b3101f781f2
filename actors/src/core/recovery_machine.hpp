#pragma once

#include <aether/persistence/commit.hpp>
#include <aether/persistence/snapshot_store.hpp>

#include <algorithm>
#include <optional>
#include <variant>
#include <vector>

namespace aether {

/// How an actor comes back from its history: the newest snapshot, then the commits after it, up to
/// the tail of the log as it was when recovery began.
///
///     asking --tail and snapshot in, nothing between--> done
///     asking --tail and snapshot in, commits between--> replaying --reached the tail--> done
///     asking --both in, the tail behind what was stored--> asking (the tail again, once)
///     asking --both in, either an error--> failed; replaying --an error--> failed
///
/// - The tail and the snapshot are asked for at once; the tail is linearizable, so what it names
/// was
///   there, and a history that is read and ends before it is stale (`unavailable`: read again).
/// - A tail behind a version that is known to have been stored, from a snapshot or from the owner's
///   own acknowledgement, is asked for again: another owner may have gone on between the two reads.
///   Behind still, the log has lost its end: `stream_regressed`.
/// - Commits must follow each other without a gap: `corrupt_history` otherwise.
/// - A snapshot that cannot be read, or that another build wrote, is skipped by the owner (who then
///   says `none`): history is the truth.
/// Pure: no clock, no I/O, no threads.
class recovery_machine {
 public:
  enum class phase { asking, replaying, done, failed };
  static constexpr std::size_t page_commits = 256;

  /// What the owner must do, in this order.
  struct restore {
    snapshot from;
  };
  struct replay {
    commit next;
  };
  struct read {
    event_version from;
    stream_sequence after;
  };
  struct read_tail {};
  using step = std::variant<restore, replay, read, read_tail>;
  using steps = std::vector<step>;

  /// Begins: the owner asks for the tail and the snapshot.
  /// @param stored the newest version that the owner knows to have been stored.
  explicit recovery_machine(event_version stored = {}) : stored_{stored} {}

  [[nodiscard]] phase now() const noexcept { return phase_; }
  /// @pre `now()` is `done`: the end of the history that the state now stands for.
  [[nodiscard]] log_position position() const noexcept { return at_; }
  /// The version that the restored snapshot covers; 0 without one.
  [[nodiscard]] event_version restored() const noexcept { return restored_; }
  /// @pre `now()` is `failed`.
  [[nodiscard]] const error& why() const noexcept { return *why_; }

  /// @pre `now()` is `asking`, for both; each once, the tail once more after `read_tail`.
  [[nodiscard]] steps tail_read(result<std::optional<recorded_commit>> tail);
  /// @param usable the snapshot, or none where there is none or it was skipped; of one that was
  ///        skipped, say first which version it covers: `was_stored`.
  [[nodiscard]] steps snapshot_read(result<std::optional<snapshot>> usable);
  /// That version was stored, whatever the log says now.
  void was_stored(event_version version) { stored_ = std::max(stored_, version); }
  /// @pre `now()` is `replaying`.
  [[nodiscard]] steps page_read(result<std::vector<recorded_commit>> page);
  /// The owner could not replay an event.
  void replay_failed(error why);

 private:
  [[nodiscard]] steps compare();
  [[nodiscard]] steps behind();
  [[nodiscard]] steps fail_with(error why);
  bool take(recorded_commit next, steps& out);

  phase phase_ = phase::asking;
  bool tail_known_ = false;
  bool snapshot_known_ = false;
  bool tail_asked_again_ = false;
  std::optional<recorded_commit> tail_;
  std::optional<snapshot> snapshot_;
  event_version stored_;
  event_version goal_;
  log_position at_;
  event_version restored_;
  std::optional<error> why_;
};

}  // namespace aether
