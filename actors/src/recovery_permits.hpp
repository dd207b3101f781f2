#pragma once

#include "caf_activation.hpp"

#include <deque>
#include <functional>
#include <mutex>
#include <utility>

namespace aether {

/// How many actors may read their histories at the same time; the others wait, those for whom
/// somebody waits before those that are only warmed up. Thread-safe.
class recovery_permits {
 public:
  /// @param grant tells an actor that it has a permit; false when that actor is gone.
  recovery_permits(std::size_t free, std::function<bool(const activation_ptr&)> grant)
      : free_{free}, grant_{std::move(grant)} {}

  /// True when a permit was free; else `waiting` is granted one later.
  [[nodiscard]] bool take_or_wait(const activation_ptr& waiting) {
    const std::lock_guard lock{mutex_};
    if (free_ > 0) {
      --free_;
      return true;
    }
    waiting->wants_permit = true;
    (waiting->held > 0 ? with_commands_ : without_).push_back(waiting);
    return false;
  }

  /// Somebody waits for this actor from now on.
  void now_has_commands(const activation_ptr& waiting) {
    const std::lock_guard lock{mutex_};
    // It stays in the other queue too; whichever comes first takes the wish away.
    if (waiting->wants_permit) with_commands_.push_back(waiting);
  }

  /// Gives a permit back, or on to the next.
  void give_back() {
    while (const auto next = take_next())
      if (grant_(next)) return;
  }

 private:
  /// Nobody, and one more permit is free, when nobody waits.
  activation_ptr take_next() {
    const std::lock_guard lock{mutex_};
    while (!with_commands_.empty() || !without_.empty()) {
      auto& queue = with_commands_.empty() ? without_ : with_commands_;
      auto next = std::move(queue.front());
      queue.pop_front();
      if (next->wants_permit.exchange(false)) return next;
    }
    ++free_;
    return nullptr;
  }

  std::mutex mutex_;
  std::size_t free_;
  std::function<bool(const activation_ptr&)> grant_;
  std::deque<activation_ptr> with_commands_;
  std::deque<activation_ptr> without_;
};

}  // namespace aether
