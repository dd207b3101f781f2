#pragma once

#include <aether/persistence/history.hpp>

namespace aether {

/// The command that caused the `nth` event of `from`; nil when none did.
[[nodiscard]] inline command_id cause_of(const commit& from, std::size_t nth) {
  std::size_t owned = 0;
  for (const auto& command : from.commands)
    if (nth < (owned += command.events)) return command.id;
  return {};
}

/// @pre `nth` is below the number of its events.
[[nodiscard]] inline recorded_event recorded_event_of(const recorded_commit& from,
                                                      std::size_t nth) {
  const commit& of = from.commit;
  return {{of.id, static_cast<std::uint32_t>(nth)},
          event_version{of.first.value() + nth},
          from.sequence,
          of.at,
          of.events[nth],
          cause_of(of, nth),
          of.correlation,
          of.writer};
}

}  // namespace aether
