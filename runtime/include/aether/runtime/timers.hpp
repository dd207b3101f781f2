#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

namespace aether {

/// Calls functions later, on one thread of its own: earlier ones first, equal times in the order in
/// which they were added. Functions hand over and return; they never block and never throw (that
/// ends the process); they may call `at`. Thread-safe. The destructor stops the thread; what had
/// not come due is dropped without a call.
class timers {
 public:
  using clock = std::chrono::steady_clock;
  using task = std::move_only_function<void()>;
  timers();
  ~timers();
  timers(const timers&) = delete;
  timers& operator=(const timers&) = delete;

  /// Calls `what` once, at `when` or shortly (usually under a millisecond) after; at once when that
  /// is past. Does nothing after `stop`.
  void at(clock::time_point when, task what);
  void after(clock::duration delay, task what) { at(clock::now() + delay, std::move(what)); }
  /// Runs no task from now on; returns when none runs. Idempotent; not from a task.
  void stop();

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace aether
