#pragma once

#include <cstddef>
#include <string_view>

namespace aether::detail {

/// The length, 1-4, of the UTF-8 character at the front of `text`; 0 when there is none: empty, cut
/// short, overlong, a surrogate or above U+10FFFF (Unicode 15, table 3-7).
[[nodiscard]] constexpr std::size_t utf8_front(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned first = byte(0);
  const unsigned second = byte(1);
  if (text.empty()) return 0;
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4 || !tail(1)) return 0;
  if (first < 0xE0) return 2;
  if (first < 0xF0) {
    const bool overlong = first == 0xE0 && second < 0xA0;
    const bool surrogate = first == 0xED && second > 0x9F;
    return !overlong && !surrogate && tail(2) ? 3 : 0;
  }
  const bool overlong = first == 0xF0 && second < 0x90;
  const bool too_large = first == 0xF4 && second > 0x8F;
  return !overlong && !too_large && tail(2) && tail(3) ? 4 : 0;
}

}  // namespace aether::detail
