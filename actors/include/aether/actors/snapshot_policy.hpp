#pragma once

#include <aether/runtime/error.hpp>

#include <cstdint>

namespace aether {

/// When snapshots of an actor type are taken. A snapshot shortens a recovery and costs a write; a
/// history is complete without it.
///
///     static constexpr auto snapshots = aether::snapshot_policy::every(100);
///
/// "On passivation" is whenever the actor leaves memory in good order: it was idle, its shard
/// moves, its node stops. Nothing is saved where the newest snapshot already covers every event.
/// The policy is asked after each stored commit, unless a snapshot is just being saved: a commit of
/// many events overshoots the number.
class snapshot_policy {
 public:
  /// As soon as that many events came after the newest snapshot, and on passivation.
  /// @pre `events` is at least 1; in a constant, 0 does not compile.
  [[nodiscard]] static constexpr snapshot_policy every(std::uint64_t events) {
    AETHER_ASSERT(events > 0);
    return {events, true};
  }
  [[nodiscard]] static constexpr snapshot_policy on_passivation() { return {0, true}; }
  /// Not at all, whatever else the actor says. One that was taken before is still read.
  [[nodiscard]] static constexpr snapshot_policy never() { return {0, false}; }

  /// The same, but not on passivation: `every(100).not_on_passivation()`.
  [[nodiscard]] constexpr snapshot_policy not_on_passivation() const { return {every_, false}; }

  [[nodiscard]] constexpr bool is_never() const noexcept { return every_ == 0 && !leaving_; }
  [[nodiscard]] constexpr bool saves_on_passivation() const noexcept { return leaving_; }
  /// @param events_since how many events the newest snapshot does not cover.
  [[nodiscard]] constexpr bool is_due(std::uint64_t events_since) const noexcept {
    return every_ != 0 && events_since >= every_;
  }

  friend constexpr bool operator==(const snapshot_policy&, const snapshot_policy&) = default;

 private:
  constexpr snapshot_policy(std::uint64_t every, bool leaving) : every_{every}, leaving_{leaving} {}

  std::uint64_t every_;
  bool leaving_;
};

}  // namespace aether
