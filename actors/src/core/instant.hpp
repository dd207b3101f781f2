#pragma once

#include <chrono>

namespace aether {

struct instant;

/// Time that goes on while something is worked off.
class running_clock {
 public:
  virtual void read(instant& into) = 0;

 protected:
  ~running_clock() = default;
};

/// Now, by both clocks: deadlines and pauses go by the first, what handlers are told by the second.
struct instant {
  std::chrono::steady_clock::time_point steady{};
  std::chrono::system_clock::time_point wall{};
  /// Null: time stands still.
  running_clock* from = nullptr;

  void renew() {
    if (from != nullptr) from->read(*this);
  }
};

}  // namespace aether
