#pragma once

#include <aether/runtime/error.hpp>
#include <aether/runtime/ids.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace aether {

/// What is to become of something parked.
enum class parked_wish : std::uint8_t {
  none = 0,
  /// To be handled again.
  replay = 1,
  /// To be passed over for good; what waits behind it is handled.
  discard = 2,
};

/// A commit that could not be handled, and under `poison_policy::park_actor` all later ones of its
/// actor with it.
struct parked_commit {
  std::uint32_t partition = 0;
  stream_sequence sequence;
  /// The record cannot be read: 0 both.
  event_version first{};
  event_version last{};
  actor_address address;
  /// The error that the handler ended with, at most 256 bytes of its text.
  errc code = errc::handler_failed;
  std::string reason;
  /// By the clock of the node that parked it.
  std::chrono::sys_time<std::chrono::milliseconds> at;
  /// How often it was replayed in vain.
  std::uint32_t replays = 0;
  /// Later commits of the actor wait behind it.
  bool whole_actor = false;
  parked_wish wish = parked_wish::none;
};

}  // namespace aether
