#pragma once

#include <aether/runtime/bytes.hpp>
#include <aether/runtime/ids.hpp>
#include "process.hpp"

#include <cstdint>
#include <vector>

namespace aether::cluster {

/// What a taker wants of a giver; the numbers are on the wire.
enum class hand_over_step : std::uint8_t {
  record = 1,  ///< note the ids of the commands that come from now on
  release = 2  ///< let go
};

/// What a taker asks of a giver, for some slots at once.
struct hand_request {
  /// More slots are asked for in several requests.
  static constexpr std::size_t slots_max = 64;

  hand_over_step step = hand_over_step::record;
  process taker;
  /// Revision of the newest table that the taker knows.
  std::uint64_t table_revision = 0;
  std::vector<slot> slots{};
};

/// The step has been taken, for one slot.
struct hand_done {
  slot which;
  /// After `release`: it noted every command that it got since `record`.
  bool complete = true;
  /// After `release`: these it got, and worked off.
  std::vector<command_id> got{};
};

/// As docs/formats.md has it ("Hand-over").
[[nodiscard]] bytes encode_hand_request(const hand_request& from);
[[nodiscard]] bytes encode_hand_answer(hand_over_step step, const std::vector<hand_done>& done);

/// @errors `decode_failed`: no such request, of another format, or with a value out of range; for
///         answers the same. That the slots exist is for the reader to check.
[[nodiscard]] result<hand_request> decode_hand_request(bytes_view data);
struct hand_answer {
  hand_over_step step;
  std::vector<hand_done> done;
};
[[nodiscard]] result<hand_answer> decode_hand_answer(bytes_view data);

}  // namespace aether::cluster
