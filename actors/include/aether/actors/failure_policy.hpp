#pragma once

#include <chrono>
#include <cstdint>

namespace aether {

/// What becomes of an actor whose command handler, or a side effect of it, threw.
///
///     static constexpr auto on_failure = aether::failure_policy::restart;
///
/// Either way the command is answered with `handler_failed`, nothing of it is persisted, and the
/// actor's other commands are served. Fitting where `on` changes nothing but what it returns:
/// `keep`. Where the actor object has members that an exception may leave half changed: `restart`.
enum class failure_policy : std::uint8_t {
  /// It goes on.
  keep,
  /// The actor object is made anew and its state read back from history. The first time at once,
  /// then after pauses that double; after `crashes_max` times in a row it is quarantined for a
  /// while. Its timers and its companion stay. An `apply` that throws restarts it whatever the
  /// policy says.
  restart,
};

/// Restarts in a row after which an actor is quarantined.
inline constexpr unsigned crashes_max = 5;
/// So long without a restart, and the next one begins a new row.
inline constexpr std::chrono::seconds crash_quiet{10};

}  // namespace aether
