#pragma once

#include <aether/persistence/commit.hpp>

namespace aether {

/// Whether `next` may be appended right after `expected`, its size aside: 1..`commit_events_max`
/// events, at most `commit_commands_max` commands that own no more events than there are, the right
/// first version, names that may stand in a header.
/// @errors `commit_too_large`, `invalid_argument`: the text names the rule and what was given.
[[nodiscard]] result<void> validate(const commit& next, const log_position& expected);

/// @errors `commit_too_large`: the text names limit and size.
[[nodiscard]] result<void> check_size(std::size_t encoded_bytes, std::size_t bytes_max);

}  // namespace aether
