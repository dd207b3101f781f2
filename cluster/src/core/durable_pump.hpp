#pragma once

#include <aether/runtime/error.hpp>
#include <aether/runtime/ids.hpp>
#include "clock.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace aether::cluster {

/// Works off a queue of stored commands: those of one actor one after another, in the order of the
/// queue, and `window` actors at once. A message leaves the queue when its command is decided, or
/// when it is parked.
///
///   of an actor:  ready --room--> asked --done--> ready (the next one) | gone
///                 asked --again | failed--> pausing --pause over--> ready
///                 asked --failed, deliveries_max times | unknown, unwell, unknowns_max
///                         times--> parking --stored--> as done
///
/// One that fails for no fault of its own is tried for ever, and holds up its actor only, as long
/// as fewer than `held_max` messages are held. Nothing is asked beyond the mark, below which
/// everything may have been asked before by whoever reads the queue next: the mark is stored first.
///
/// Pure: no clock, no I/O, no threads. @pre Time never goes back.
class durable_pump {
 public:
  struct options {
    /// Actors with a command under way.
    std::size_t window = 1'000;
    /// Messages held, waiting ones and those under way.
    std::size_t held_max = 4'096;
    /// Definite failures of one message before it is parked.
    std::uint32_t deliveries_max = 5;
    /// Attempts in a row of which nothing is known, or that found the actor unwell, before it is
    /// parked: an actor that has forgotten younger ids, or has a damaged history, says so for ever.
    std::uint32_t unknowns_max = 60;
    /// Sequences by which the mark goes ahead of what was delivered.
    std::uint64_t mark_ahead = 1'024;
    /// A pause; doubled from the first to the second value.
    duration backoff_min = std::chrono::milliseconds{50};
    duration backoff_max = std::chrono::seconds{10};
  };

  /// How an attempt ended.
  enum class verdict {
    done,     ///< decided: accepted or rejected
    again,    ///< it was no fault of the message
    unknown,  ///< nothing is known: it may have taken effect
    unwell,   ///< nothing was done: the actor is quarantined, or may not be reached
    failed,   ///< the command itself cannot be handled
  };

  /// Ask the actor; feed `answered` once.
  struct ask {
    stream_sequence which;
    /// 1, 2 ...
    std::uint32_t attempt;
  };
  /// Remove it from the queue.
  struct acknowledge {
    stream_sequence which;
  };
  /// Store it among the parked ones and feed `parked`.
  struct park {
    stream_sequence which;
    std::uint32_t deliveries;
    error why;
  };
  /// Ask for so many messages more; feed `pull_ended` when they have come or none are there.
  struct pull {
    std::size_t count;
  };
  /// Store the mark and feed `reserved`.
  struct reserve {
    stream_sequence mark;
  };
  /// Call `tick` then.
  struct wake {
    time_point at;
  };
  using effect = std::variant<ask, acknowledge, park, pull, reserve, wake>;
  using effects = std::vector<effect>;

  explicit durable_pump(const options& how) : options_{how} {}

  /// @param mark below which, itself included, everything may be asked.
  /// @param alone the first message is tried before any other is pulled: it may have ended the
  ///        processes that handled it.
  [[nodiscard]] effects start(stream_sequence mark, bool alone, time_point now);
  /// One that is held already is not taken again. @returns also whether it was taken.
  [[nodiscard]] effects delivered(stream_sequence which, const actor_address& to, time_point now,
                                  bool* taken = nullptr);
  [[nodiscard]] effects pull_ended(time_point now);
  [[nodiscard]] effects answered(stream_sequence which, verdict how, error why, time_point now);
  /// One that is to be parked without an attempt.
  [[nodiscard]] effects refuse(stream_sequence which, const actor_address& to, error why);
  /// @param stored false: it is to be tried again.
  [[nodiscard]] effects parked(stream_sequence which, bool stored, time_point now);
  [[nodiscard]] effects reserved(stream_sequence mark, time_point now);
  [[nodiscard]] effects tick(time_point now);
  /// From now on nothing is wanted.
  void stop() noexcept { stopped_ = true; }

  [[nodiscard]] std::size_t held() const noexcept { return held_; }
  [[nodiscard]] std::size_t under_way() const noexcept { return under_way_; }
  [[nodiscard]] bool holds(stream_sequence which) const { return lane_of_.contains(which.value()); }

 private:
  enum class phase { ready, asked, pausing, parking };
  /// The messages of one actor; the first is the one that is worked on.
  struct lane {
    actor_address actor;
    std::deque<stream_sequence> waiting{};
    phase now = phase::ready;
    std::uint32_t attempts = 0, failures = 0, unknowns = 0;
    duration backoff{};
  };

  [[nodiscard]] lane* head_lane(stream_sequence which, phase expected);
  [[nodiscard]] bool hopeless(lane& of, verdict how) const;
  void finish(lane& of);
  void pause(lane& of, time_point now, effects& out);
  void fill(effects& out);
  void ask_for_more(effects& out);
  void ask_for_mark(effects& out);
  [[nodiscard]] effects settle(effects out);
  void enter(lane& of, phase next);

  options options_;
  bool stopped_ = false, alone_ = false, pulling_ = false, reserving_ = false;
  std::size_t held_ = 0, under_way_ = 0;
  std::uint64_t mark_ = 0, highest_ = 0;
  std::unordered_map<actor_address, lane> lanes_;
  std::unordered_map<std::uint64_t, lane*> lane_of_;
  /// Heads that are `ready`, in order.
  std::deque<stream_sequence> ready_;
  /// Heads that pause.
  std::multimap<time_point, stream_sequence> pauses_;
};

}  // namespace aether::cluster
