#pragma once

#include <aether/persistence/history.hpp>
#include <aether/runtime/codec.hpp>

namespace aether {

/// The operator's marker as it is stored, an event of the actor: docs/formats.md.
struct skip_order {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t sequence = 0;
  std::string reason;
  AETHER_MESSAGE("aether.skip", first, last, sequence, reason)
};

struct planned_skip {
  log_position expected;
  commit marker;
};

/// The commit that carries the marker, and where it goes. The owner stamps id and time.
/// @errors `invalid_argument`, `corrupt_history`: see `skip_events`.
[[nodiscard]] result<planned_skip> plan_skip(const std::vector<history_record>& records,
                                             const skip_request& request);

}  // namespace aether
