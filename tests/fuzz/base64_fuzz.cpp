// Base64: what is accepted is exactly what an encoder would have written.

#include <aether/runtime/base64.hpp>
#include "fuzz.hpp"

using namespace aether;
using namespace aether::fuzz;

namespace {

std::string encoded(bytes_view plain) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t at = 0; at < plain.size(); at += 3) {
    const auto group = plain.subspan(at, std::min<std::size_t>(3, plain.size() - at));
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i)
      bits = bits << 8 | (i < group.size() ? std::to_integer<std::uint32_t>(group[i]) : 0);
    for (std::size_t i = 0; i < 4; ++i)
      text += i <= group.size() ? alphabet[bits >> (18 - 6 * i) & 63] : '=';
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = as_input(data, size);
  const auto plain = within({.fixed = 0, .per_byte = 1}, input,
                            [](bytes_view text) { return decode_base64(as_text(text)); });
  if (plain) require(encoded(*plain) == as_text(input), "the plain bytes have one spelling");
  const auto whole = decode_base64(encoded(input));
  require(whole && as_text(*whole) == as_text(input), "what was encoded can be decoded");
  return 0;
}
