#pragma once

#include <aether/persistence/snapshot_store.hpp>
#include "header_block.hpp"

#include <optional>
#include <string_view>

/// Snapshots as they are stored: docs/formats.md, "Snapshots", pinned by
/// tests/golden/snapshot-v1.hex.
namespace aether {

/// What this build writes, and the newest it reads.
inline constexpr std::uint32_t snapshot_format_version = 1;

/// @errors `invalid_argument`: the state has no valid wire name, or covers nothing.
[[nodiscard]] result<void> validate(const snapshot& taken);

/// @pre `validate` accepted it.
[[nodiscard]] bytes encode_snapshot(const snapshot& from);
[[nodiscard]] header_block snapshot_headers(const snapshot& from);

/// @param format the `Aether-Format` header, checked before anything is decoded; none is accepted.
/// @errors `corrupt_history`: a newer format, which the text names, or damaged bytes.
[[nodiscard]] result<snapshot> decode_snapshot(bytes_view payload,
                                               std::optional<std::string_view> format);

}  // namespace aether
