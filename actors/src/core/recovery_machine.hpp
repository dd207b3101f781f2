#pragma once

#include <aether/persistence/event_store.hpp>
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
///     asking --tail and snapshot in, the tail has back-pointers--> fetching
///     asking --tail and snapshot in, it has none--> replaying
///     asking --both in, the tail behind what was stored--> asking (the tail again, once)
///     fetching --reached the snapshot, or version 1--> done
///     fetching --not there yet, older back-pointers--> fetching, at most `fetches_max` times
///     fetching --nothing usable there, or an error--> replaying
///     replaying --reached the tail--> done
///     asking, replaying --an error--> failed
///
/// - The tail and the snapshot are asked for at once, then all commits between them: two round
///   trips. Neither the tail's version nor its back-pointers are believed by themselves, since
///   whoever can write to the stream can have put them there: only where the store made sure, when
///   it appended each commit, that it came right after the one before (`surely_follows`). Else the
///   history is read in order, up to the tail's place in the stream.
/// - The tail is linearizable, so what it names was there, and a history that is read and ends
///   before it is stale (`unavailable`: read again).
/// - A tail behind a version that is known to have been stored, from a snapshot or from the owner's
///   own acknowledgement, is asked for again: another owner may have gone on between the two reads.
///   Behind still, the log has lost its end: `stream_regressed`. So it has where the tail is the
///   snapshot's version, but another commit. Unless what lies there is no commit that could: then
///   it is `corrupt_history`, with the place.
/// - Commits must follow each other without a gap: `corrupt_history` otherwise.
/// - A snapshot that cannot be read, or that another build wrote, is skipped by the owner (who then
///   says `none`): history is the truth.
/// - A `careful` recovery reads every record and heeds an operator's markers (`repaired`): the
///   owner tries it after another one failed for good.
/// Pure: no clock, no I/O, no threads.
class recovery_machine {
 public:
  enum class phase { asking, fetching, replaying, done, failed };
  static constexpr std::size_t page_commits = 256;
  /// Beyond so many commits of back-pointers, reading in order costs less memory.
  static constexpr unsigned fetches_max = 8;

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
  struct fetch {
    std::vector<stream_sequence> sequences;
  };
  struct read_records {};
  using step = std::variant<restore, replay, read, read_tail, fetch, read_records>;
  using steps = std::vector<step>;

  /// Begins: the owner asks for the tail and the snapshot.
  /// @param stored the newest version that the owner knows to have been stored.
  /// @param careful heed an operator's markers.
  explicit recovery_machine(event_version stored = {}, bool careful = false)
      : careful_{careful}, stored_{stored} {}

  [[nodiscard]] phase now() const noexcept { return phase_; }
  /// @pre `now()` is `done`: the end of the history that the state now stands for.
  [[nodiscard]] log_position position() const noexcept { return at_; }
  /// @pre `now()` is `done`: those of the newest commit, and that one itself.
  [[nodiscard]] std::vector<stream_sequence> back_pointers() const;
  /// The version that the restored snapshot covers; 0 without one.
  [[nodiscard]] event_version restored() const noexcept { return restored_; }
  [[nodiscard]] stream_sequence restored_at() const noexcept { return restored_at_; }
  /// @pre `now()` is `failed`.
  [[nodiscard]] const error& why() const noexcept { return *why_; }
  /// @pre `now()` is `failed`: a careful recovery may do better. Not so where the tail itself
  /// cannot be read, since a marker would come after it.
  [[nodiscard]] bool care_may_help() const noexcept { return !careful_ && tail_known_to_be_sound_; }

  /// @pre `now()` is `asking`, for both; each once, the tail once more after `read_tail`.
  [[nodiscard]] steps tail_read(result<std::optional<recorded_commit>> tail);
  /// @param usable the snapshot, or none where there is none or it was skipped; of one that was
  ///        skipped, say first which version it covers: `was_stored`.
  [[nodiscard]] steps snapshot_read(result<std::optional<snapshot>> usable);
  /// That version was stored, whatever the log says now.
  void was_stored(event_version version) { stored_ = std::max(stored_, version); }
  /// @pre `now()` is `fetching`.
  [[nodiscard]] steps fetched(result<std::vector<recorded_commit>> commits);
  /// @pre `now()` is `replaying`, for both.
  [[nodiscard]] steps page_read(result<std::vector<recorded_commit>> page);
  [[nodiscard]] steps records_read(result<std::vector<history_record>> records);
  /// The owner could not replay an event.
  void replay_failed(error why);

 private:
  [[nodiscard]] steps compare();
  [[nodiscard]] bool reached() const noexcept;
  void note_end(const recorded_commit& newest);
  [[nodiscard]] steps behind();
  [[nodiscard]] steps explain(error why);
  [[nodiscard]] steps explain_page(const std::vector<recorded_commit>& page);
  [[nodiscard]] std::optional<error> misfit(const recorded_commit& next) const;
  [[nodiscard]] steps fail_with(error why);
  [[nodiscard]] bool take(recorded_commit next, steps& out);
  [[nodiscard]] error stale() const;
  void fetch_before(const recorded_commit& newer, steps& out);
  void read_in_order(steps& out);
  [[nodiscard]] bool joins(const std::vector<recorded_commit>& older) const;

  const bool careful_;
  phase phase_ = phase::asking;
  bool tail_known_ = false;
  bool snapshot_known_ = false;
  bool tail_asked_again_ = false;
  bool tail_known_to_be_sound_ = false;
  std::optional<recorded_commit> tail_;
  std::optional<snapshot> snapshot_;
  /// Fetched so far, ascending; ends with the tail.
  std::vector<recorded_commit> fetched_;
  unsigned fetches_ = 0;
  /// Of the newest commit known.
  std::vector<stream_sequence> end_pointers_;
  event_version stored_;
  /// The end of the log, by what its newest commit says of itself.
  log_position goal_;
  log_position at_;
  event_version restored_;
  stream_sequence restored_at_;
  /// Set while replaying: what to fail with, unless something is found that explains it.
  std::optional<error> why_;
};

}  // namespace aether
