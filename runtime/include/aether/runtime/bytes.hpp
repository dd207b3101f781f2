#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace aether {

/// Owned payload bytes.
using bytes = std::vector<std::byte>;

/// Borrowed payload bytes; valid as long as what they were taken from.
using bytes_view = std::span<const std::byte>;

/// The bytes of `text`, borrowed.
[[nodiscard]] inline bytes_view as_bytes_view(std::string_view text) noexcept {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

/// The bytes as characters, borrowed; they need not be valid UTF-8.
[[nodiscard]] inline std::string_view as_text(bytes_view data) noexcept {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

}  // namespace aether
