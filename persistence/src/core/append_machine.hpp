#pragma once

#include <aether/persistence/commit.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>

namespace aether {

/// Bounds of one append.
struct append_timing {
  std::chrono::milliseconds request_timeout{2'000};
  /// From the first attempt to the last word.
  std::chrono::milliseconds deadline{15'000};
  /// Between two attempts: doubled from the first to the second value.
  std::chrono::milliseconds backoff_min{20};
  std::chrono::milliseconds backoff_max{500};
  /// How long conflicts that no commit explains must go on before the log counts as regressed: a
  /// replica that has been cut off answers so too, for a while.
  std::chrono::milliseconds regress_patience{0};
};

/// Drives one conditional append to a definite outcome, over a network that loses, delays and
/// repeats.
///
///   idle --start--> sending
///   sending --stored--> done                                      stored
///   sending --refused, no attempt in doubt--> done                store_failed, not_permitted
///   sending --regressed--> done              stream_regressed, outcome_unknown when in doubt
///   sending --conflict | duplicate | refused--> checking
///   sending --not_taken | silence--> waiting
///   checking --found--> done                                      stored, or version_conflict
///   checking --nothing_found | read_failed--> waiting
///   checking --nothing_found after a conflict, 3 times, for `regress_patience`--> done
///                                                                 stream_regressed
///   waiting --elapsed--> sending
///   any --no time left for another attempt | closed--> done       unavailable, or outcome_unknown
///
/// Why it is safe: every attempt carries the same commit and the same condition, that `expected` is
/// still the end, so at most one attempt can be stored, and at most one commit can ever directly
/// follow `expected`. Whoever reads that one commit knows: ours means stored, another's means that
/// ours never will be, late attempts included. A log that still ends at `expected` proves nothing
/// while an attempt is unanswered.
///
/// A conflict is looked into even when no attempt is in doubt: the caller may have sent the same
/// commit in an earlier append.
///
/// Pure: no clock, no I/O, no threads. `now` never goes back.
class append_machine {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// Answers to `publish`.
  struct stored {
    stream_sequence sequence;
  };
  /// An acknowledgement that speaks of an earlier message; perhaps not of ours.
  struct duplicate {};
  /// The condition does not hold (10071).
  struct conflict {};
  /// Certainly not stored, and a later attempt may be: no responders, or another conditional append
  /// to the same subject is under way (10164).
  struct not_taken {
    std::string why;
  };
  /// Certainly not stored, and why.
  struct refused {
    std::string why;
    /// Of the outcome, where no attempt is in doubt: `store_failed` or `not_permitted`.
    errc code = errc::store_failed;
  };
  /// Not sent: the stream is behind what it acknowledged.
  struct regressed {
    std::string why;
  };
  /// No answer: stored, not stored, or still on its way.
  struct silence {
    std::string why;
  };
  /// Answers to `read_next`: the commit that directly follows `expected`.
  struct found {
    commit_id id;
    stream_sequence sequence;
  };
  struct nothing_found {};
  struct read_failed {
    std::string why;
  };
  /// The answer to `wait`.
  struct elapsed {};
  /// In place of any answer: the connection is closed for good.
  struct closed {
    std::string why;
  };
  using input = std::variant<stored, duplicate, conflict, not_taken, refused, regressed, silence,
                             found, nothing_found, read_failed, elapsed, closed>;

  /// Send the commit under the condition; answer within `timeout`, at the latest with `silence`.
  struct publish {
    std::chrono::milliseconds timeout;
  };
  /// Read the first commit after `expected.sequence`, through the leader.
  struct read_next {
    std::chrono::milliseconds timeout;
  };
  struct wait {
    std::chrono::milliseconds duration;
  };
  /// The last effect.
  struct finish {
    result<log_position> outcome;
  };
  using effect = std::variant<publish, read_next, wait, finish>;

  enum class phase { idle, sending, checking, waiting, done };

  /// @param id of the commit; @param expected what it is to follow; @param last its last version.
  append_machine(commit_id id, log_position expected, event_version last, append_timing timing)
      : id_{id}, expected_{expected}, last_{last}, timing_{timing}, backoff_{timing.backoff_min} {}

  /// @pre `phase() == idle`
  [[nodiscard]] effect start(time_point now);
  /// @pre `heard` answers the last effect.
  [[nodiscard]] effect step(input heard, time_point now);
  [[nodiscard]] phase current() const noexcept { return phase_; }
  [[nodiscard]] const log_position& expected() const noexcept { return expected_; }
  [[nodiscard]] const append_timing& timing() const noexcept { return timing_; }
  [[nodiscard]] const commit_id& id() const noexcept { return id_; }

 private:
  effect send(time_point now);
  effect check(time_point now);
  effect retry(time_point now);
  effect give_up();
  effect end(result<log_position> outcome);
  effect on(stored heard, time_point now);
  effect on(duplicate heard, time_point now);
  effect on(conflict heard, time_point now);
  effect on(not_taken heard, time_point now);
  effect on(refused heard, time_point now);
  effect on(regressed heard, time_point now);
  effect on(silence heard, time_point now);
  effect on(found heard, time_point now);
  effect on(nothing_found heard, time_point now);
  effect on(read_failed heard, time_point now);
  effect on(elapsed heard, time_point now);
  effect on(closed heard, time_point now);
  [[nodiscard]] std::chrono::milliseconds time_for_one(time_point now) const;

  commit_id id_;
  log_position expected_;
  event_version last_;
  append_timing timing_;
  std::chrono::milliseconds backoff_;
  time_point deadline_{};
  phase phase_ = phase::idle;
  std::uint32_t attempts_ = 0;
  /// Attempts that may be stored for all we know.
  std::uint32_t in_doubt_ = 0;
  /// Conflicts in a row that no commit explained.
  std::uint32_t unexplained_ = 0;
  time_point unexplained_since_{};
  bool conflicted_ = false;
  std::string last_trouble_;
};

}  // namespace aether
