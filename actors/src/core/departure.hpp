#pragma once

#include <cstdint>

namespace aether {

/// How an actor is asked to leave memory.
enum class departure : std::uint8_t {
  /// If nothing waits for it now.
  if_idle,
  /// As soon as all that waits is done: nothing new is sent to it any more.
  when_done,
  /// As soon as the store has answered, whatever waits.
  at_once,
};

}  // namespace aether
