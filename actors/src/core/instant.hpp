#pragma once

#include <chrono>

namespace aether {

struct instant;

/// A time in which nobody else is meant to own what is owned here: [since, until). Outside of it
/// somebody may, without anyone here knowing.
struct contact {
  std::chrono::steady_clock::time_point since = std::chrono::steady_clock::time_point::min();
  std::chrono::steady_clock::time_point until = std::chrono::steady_clock::time_point::max();
  /// Out of contact, until then: another owner cannot have begun without this one hearing of it.
  std::chrono::steady_clock::time_point serves_until = std::chrono::steady_clock::time_point::max();

  /// Without a cluster nobody else ever owns it.
  [[nodiscard]] bool is_for_good() const noexcept {
    return until == std::chrono::steady_clock::time_point::max();
  }
};

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
  /// The newest that is known.
  aether::contact contact{};
  /// Null: time stands still.
  running_clock* from = nullptr;

  void renew() {
    if (from != nullptr) from->read(*this);
  }
};

}  // namespace aether
