#pragma once

#include "or_error.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>

namespace flights {

/// Bounds how many asks are under way. One thread takes places; answers, on any thread, give them
/// back.
class ask_window {
 public:
  /// @param size at least 1.
  /// @param patience without any answer for so long while some are owed, waiting is given up.
  ask_window(std::size_t size, std::chrono::milliseconds patience)
      : size_{size}, patience_{patience} {}

  /// Takes a place; waits for one when all are taken, and calls `meanwhile` ten times a second.
  /// @errors the user asked to stop, or no answer came for `patience`.
  [[nodiscard]] or_error<void> take(const std::function<void()>& meanwhile);
  /// Waits until every place has been given back; otherwise the same.
  [[nodiscard]] or_error<void> drain(const std::function<void()>& meanwhile);

  /// Never blocks for long.
  void give_back();

 private:
  or_error<void> wait_until_below(std::size_t limit, std::unique_lock<std::mutex>& lock,
                                  const std::function<void()>& meanwhile);

  const std::size_t size_;
  const std::chrono::milliseconds patience_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t taken_ = 0;
  std::chrono::steady_clock::time_point last_answer_;
};

}  // namespace flights
