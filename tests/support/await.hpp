#pragma once

#include <chrono>
#include <thread>

namespace aether::testing_support {

/// Far beyond what anything takes, even on a busy machine under a sanitizer.
inline constexpr std::chrono::seconds await_limit{30};

/// Waits until `condition()` holds. @returns false when it does not within `limit`.
template <class Condition>
[[nodiscard]] bool await(Condition condition, std::chrono::milliseconds limit = await_limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});  // between two looks, no assumption
  }
  return true;
}

}  // namespace aether::testing_support
