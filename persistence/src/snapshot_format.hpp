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
/// @param owner an `owner_mark` (see commit_format.hpp); 0 for none.
[[nodiscard]] bytes encode_snapshot(const snapshot& from, std::uint64_t owner = 0);
[[nodiscard]] header_block snapshot_headers(const snapshot& from);

/// @param format the `Aether-Format` header, checked before anything is decoded; none is accepted.
/// @param owner whose it must be, if it says so; 0: anyone's.
/// @errors `corrupt_history`: a newer format, which the text names, damaged bytes, or another
///         actor's snapshot.
[[nodiscard]] result<snapshot> decode_snapshot(bytes_view payload,
                                               std::optional<std::string_view> format,
                                               std::uint64_t owner = 0);
/// Whether the headers that a stored snapshot has, if any, are those of its payload.
/// @errors `corrupt_history`: the text names the header.
[[nodiscard]] result<void> check_headers(const snapshot& read, const header_lookup& stored);

}  // namespace aether
