#pragma once

#include "clock.hpp"
#include "process.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

namespace aether::cluster {

/// How a process lets go of one slot that it serves: the other end of `slot_intake`.
///
///     serving --record--> recording        the ids of commands from other nodes are noted
///     recording --kept--> serving          the move was called off, its taker is gone
///     serving, recording --release--> closing
///     serving, recording, closing --lost--> draining, by force: another has it already
///     draining --lost--> draining, cut short
///     closing --closed--> draining         all that the server had sent is with the actors; they
///                                          finish it, save their state and leave; local senders
///                                          send over the network
///     draining --drained--> released       every asker is told, at once or when it asks again
///     closing, draining --deadline--> the next one, by force
///
/// The order matters: the subscription ends first, so that the actors get everything that came by
/// it; only then are they told to finish. What cannot be finished in time goes out again, as a
/// command that is marked as repeated, perhaps after its id was named: such a tell is not dropped
/// by the taker. An ask is refused, and its id struck off the list.
///
/// Requests are idempotent: a taker that repeats one, or another taker after the first one died,
/// gets the same answer. Recording begins anew for another taker, whose subscription is younger,
/// but not for a request that is repeated: its sender may listen already.
///
/// After `release` there is no way back, even if the taker is gone by then: the slot has been let
/// go of soon, and is taken up anew. All phases together last at most 12 s.
///
/// Pure: no clock, no I/O, no threads.
class slot_release {
 public:
  enum class phase { serving, recording, closing, draining, released };

  struct options {
    duration close_deadline = std::chrono::seconds{1};
    duration drain_deadline = std::chrono::seconds{10};
    /// How late a drain may report after its deadline before it is not waited for.
    duration drain_grace = std::chrono::seconds{1};
  };

  /// Note the ids of commands that come from other nodes, and no earlier ones.
  struct start_recording {};
  struct stop_recording {};
  /// Tell the asker that ids are noted.
  struct tell_recorded {};
  /// End the subscription; feed `closed` when all that came by it is with the actors.
  struct close {};
  /// Take no further commands, work off what is there until `deadline`, let the actors leave; feed
  /// `drained`.
  struct drain {
    time_point deadline;
  };
  /// Tell all that have asked for it.
  struct tell_released {};
  /// Have the actors that still drain leave now.
  struct cut_short {};
  using effect = std::variant<start_recording, stop_recording, tell_recorded, close, drain,
                              tell_released, cut_short>;
  using effects = std::vector<effect>;

  explicit slot_release(options how) : options_{how} {}

  [[nodiscard]] effects record(const process& taker);
  [[nodiscard]] effects release(time_point now);
  /// The table names another owner and not this process as giver: it was taken by force, and what
  /// is still decided here may be decided there. Nobody will ask for it.
  [[nodiscard]] effects lost(time_point now);
  /// The table has this process as owner: nobody takes it after all.
  [[nodiscard]] effects kept();
  [[nodiscard]] effects closed(time_point now);
  [[nodiscard]] effects drained();
  /// Keeps deadlines; any number of calls does no harm.
  [[nodiscard]] effects tick(time_point now);

  [[nodiscard]] phase current() const noexcept { return phase_; }
  /// Whether it has begun to let go: nothing can keep the slot here any more.
  [[nodiscard]] bool letting_go() const noexcept {
    return phase_ != phase::serving && phase_ != phase::recording;
  }
  /// Whether a phase was left without what it waited for.
  [[nodiscard]] bool forced() const noexcept { return forced_; }
  /// When `tick` has something to do; the end of time when never.
  [[nodiscard]] time_point wake_at() const noexcept;

 private:
  void enter(phase next);
  effects begin_closing(time_point now);

  options options_;
  phase phase_ = phase::serving;
  bool forced_ = false;
  bool lost_ = false;
  std::optional<process> recording_for_;
  time_point deadline_{};
};

[[nodiscard]] std::string_view to_string(slot_release::phase phase) noexcept;

/// What to make of a request to let go of a slot.
enum class claim {
  obey,
  /// The asker knows less than this process: an outdated or delayed request. Not answered; it will
  /// learn, or is gone.
  outdated,
};

/// Whether the asker is to get the slot. A table that this process has not seen yet is believed:
/// the asker has read it, and to let go of a slot is always safe.
/// @param asked_under revision of the asker's newest table, @param known that of this process's.
/// @param owner in this process's table; null: nobody.
[[nodiscard]] claim judge_claim(const process& asker, std::uint64_t asked_under,
                                std::uint64_t known, const process* owner);

}  // namespace aether::cluster
