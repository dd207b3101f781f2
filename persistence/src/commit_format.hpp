#pragma once

#include <aether/persistence/commit.hpp>
#include "header_block.hpp"

#include <optional>
#include <string_view>

/// Commits as they are stored: docs/formats.md, "Commits", pinned by tests/golden/commit-v1.hex.
namespace aether {

/// What this build writes, and the newest it reads.
inline constexpr std::uint32_t commit_format_version = 1;
/// At most so many bytes of the `Aether-Types` header; where more types are, it ends with `,*`.
inline constexpr std::size_t types_header_bytes_max = 512;

/// The stored payload: enough to rebuild the commit without its headers.
/// @pre `validate` accepted it.
[[nodiscard]] bytes encode_commit(const commit& from);

/// What brokers and tools see without decoding.
[[nodiscard]] header_block commit_headers(const commit& from);

/// @param format the `Aether-Format` header, checked before anything is decoded; none is accepted.
/// @errors `corrupt_history`: a newer format, which the text names, or damaged bytes.
[[nodiscard]] result<commit> decode_commit(bytes_view payload,
                                           std::optional<std::string_view> format);

}  // namespace aether
