#pragma once

#include <aether/cluster/node.hpp>
#include "drive_result.hpp"
#include "flight_csv.hpp"
#include "or_error.hpp"
#include "tally.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>

namespace flights {

/// How long a command or a query may take, retries included. Longer than any failover.
inline constexpr std::chrono::seconds ask_deadline{30};

struct drive_options {
  /// Commands sent and not yet answered, at most; the actor's own queue is 1,024.
  std::size_t in_flight = 512;
  /// How many shards the namespace has.
  std::uint32_t shards = 256;
  /// Called once, in the calling thread, when half of the commands are sent. Its error ends the
  /// drive. May be empty.
  std::function<or_error<void>()> at_half = {};
};

/// Sends a departure and an arrival for each flight, in the order of the file, with a bounded
/// number under way, and shows progress on stderr. Returns when each has been answered or has
/// failed.
/// @param node has joined, and hosts nothing.
/// @errors the user asked to stop; `at_half` failed; answers that an ask owes did not come.
[[nodiscard]] or_error<drive_result> drive(aether::node& node, std::span<const flight> all,
                                           const drive_options& options);

/// Asks each airport that `expected` names for its numbers.
/// @errors one did not answer within `ask_deadline`; the user asked to stop.
[[nodiscard]] or_error<totals_by_airport> query(aether::node& node,
                                                const totals_by_airport& expected);

}  // namespace flights
