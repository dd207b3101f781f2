#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
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

  /// Names a task that was added; one made by default names none.
  struct ticket {
    clock::time_point when{};
    std::uint64_t order = 0;
    friend auto operator<=>(const ticket&, const ticket&) = default;
  };

  /// Calls `what` once, at `when` or shortly (usually under a millisecond) after; at once when that
  /// is past. Does nothing after `stop`.
  ticket at(clock::time_point when, task what);
  ticket after(clock::duration delay, task what) {
    return at(clock::now() + delay, std::move(what));
  }
  /// Destroys the task, within the call, and does not run it; nothing where it runs or has run.
  void cancel(const ticket& which);
  /// Tasks that have not come due.
  [[nodiscard]] std::size_t waiting() const;
  /// Runs no task from now on; returns when none runs. Idempotent; not from a task.
  void stop();

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace aether
