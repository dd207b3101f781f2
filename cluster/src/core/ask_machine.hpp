#pragma once

#include <aether/runtime/error.hpp>
#include "clock.hpp"

#include <cstdint>
#include <optional>
#include <variant>

namespace aether::cluster {

/// How one attempt to have a command answered ended.
enum class attempt_result {
  answered,         ///< by the actor
  rejected,         ///< by the actor, with nothing persisted
  failed,           ///< by the actor's node with an error: this attempt persisted nothing
  not_owner,        ///< by a node that does not own the shard
  no_responders,    ///< nobody listens for the shard
  unavailable,      ///< nothing was sent, or no owner is known
  overloaded,       ///< refused: a queue is full
  timed_out,        ///< sent, and nothing came back
  outcome_unknown,  ///< by the actor, which does not know whether its events are stored
};

/// One ask until it is answered or its deadline passes. Every attempt carries the same command id,
/// so an actor that gets several answers them all with the one effect.
///
///     ready --start--> sent --answered--> finished
///     sent --not_owner | no_responders | unavailable | overloaded | outcome_unknown--> waiting
///     waiting --pause over--> sent      sent --timed_out | owner_changed--> sent
///     sent|waiting --deadline--> finished    sent --overloaded, again and again--> finished
///
/// A rejection counts as an answer when it is the newest attempt's: the owner of an earlier one may
/// have lost the actor since, and the next may accept the command. A copy at the same owner is
/// rejected as the first was. So does a failure; but who fails (a quarantined actor, say) may not
/// know of an earlier attempt: where one may have reached an actor, the ask is `outcome_unknown`.
///
/// At the deadline it says what is known: `outcome_unknown` when any attempt may have reached an
/// actor; else `overloaded` when the last refusal was one; else `unavailable`. It says `overloaded`
/// before the deadline when as many attempts as it has patience for were refused so in a row, and
/// none may have reached an actor: who sends too fast is to hear of it while that helps. A change
/// of the shard's owner ends a pause or an attempt at once and starts the pauses anew.
///
/// Pure: no clock, no I/O, no threads.
class ask_machine {
 public:
  enum class phase { ready, sent, waiting, finished };

  struct options {
    /// One attempt waits at most so long for its answer.
    duration attempt = std::chrono::seconds{1};
    /// A pause; doubled from the first to the second value.
    duration backoff_min = std::chrono::milliseconds{10};
    duration backoff_max = std::chrono::milliseconds{200};
    /// Attempts in a row that are refused as `overloaded` before the ask is: with these pauses, in
    /// about a second.
    std::uint32_t refusals_max = 9;
  };

  /// Send attempt `number` (1, 2 ...) to the shard's owner of now; feed `attempt_done` once,
  /// `timed_out` when nothing came within `timeout`.
  struct send {
    std::uint32_t number;
    duration timeout;
  };
  /// Call `tick` then.
  struct wait {
    time_point until;
  };
  /// No error: an attempt was answered, and the answer is the ask's.
  struct finish {
    std::optional<error> why;
  };
  struct nothing {};
  using effect = std::variant<nothing, send, wait, finish>;

  ask_machine(const options& how, time_point deadline) : options_{how}, deadline_{deadline} {}

  [[nodiscard]] effect start(time_point now);
  /// @param number which attempt; a late answer to an earlier one counts, another late result not.
  [[nodiscard]] effect attempt_done(std::uint32_t number, attempt_result result, time_point now);
  /// The shard has another owner now. An attempt under way is not waited for: what its receiver did
  /// with it is in the log, where the new owner finds it.
  [[nodiscard]] effect owner_changed(time_point now);
  /// Ends a pause that is over, and the ask at its deadline. Any number of calls does no harm.
  [[nodiscard]] effect tick(time_point now);

  [[nodiscard]] phase current() const noexcept { return phase_; }
  [[nodiscard]] std::uint32_t attempts() const noexcept { return attempts_; }

 private:
  void enter(phase next);
  effect send_next(time_point now);
  effect pause(time_point now);
  effect give_up();

  options options_;
  time_point deadline_;
  phase phase_ = phase::ready;
  std::uint32_t attempts_ = 0;
  std::uint32_t refusals_ = 0;
  duration backoff_{};
  time_point wake_at_{};
  // An attempt was sent and never answered: an actor may have acted on it.
  bool uncertain_ = false;
  attempt_result last_ = attempt_result::unavailable;
};

}  // namespace aether::cluster
