#pragma once

#include <chrono>

namespace aether {

/// Now, by both clocks: deadlines and pauses go by the first, what handlers are told by the second.
struct instant {
  std::chrono::steady_clock::time_point steady{};
  std::chrono::system_clock::time_point wall{};
};

}  // namespace aether
