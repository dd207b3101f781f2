#pragma once

#include <mutex>
#include <utility>

namespace aether::nats {

/// Lets one handler of a connection run at a time, and none after `shut`, whichever thread brings
/// it: answers and messages come from the delivery thread, expiries from the event loop, a lost
/// connection from the client library's callback thread.
class handler_gate {
 public:
  /// Runs `call` unless shut. A handler that throws ends the process.
  template <class Call>
  void run(Call&& call) noexcept {
    const std::lock_guard guard{mutex_};
    if (!shut_) enter(std::forward<Call>(call));
  }

  /// The same, but only if no handler is running. @returns false when one was.
  template <class Call>
  [[nodiscard]] bool try_run(Call&& call) noexcept {
    const std::unique_lock guard{mutex_, std::try_to_lock};
    if (!guard) return false;
    if (!shut_) enter(std::forward<Call>(call));
    return true;
  }

  /// Runs `last` as the last one. Not from a handler.
  template <class Call>
  void shut(Call&& last) noexcept {
    const std::lock_guard guard{mutex_};
    if (!shut_) enter(std::forward<Call>(last));
    shut_ = true;
  }

  /// True on a thread that is in a handler of this connection just now.
  [[nodiscard]] bool inside() const noexcept { return current_ == this; }

 private:
  template <class Call>
  void enter(Call&& call) {
    const handler_gate* const outer = std::exchange(current_, this);
    std::forward<Call>(call)();
    current_ = outer;
  }

  static inline thread_local const handler_gate* current_ = nullptr;
  std::mutex mutex_;
  bool shut_ = false;
};

}  // namespace aether::nats
