#pragma once

#include <aether/runtime/bytes.hpp>
#include <aether/runtime/error.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

/// What the fuzz functions have in common. Each `<name>_fuzz.cpp` is the libFuzzer entry point of
/// one decoder; corpus_test.cpp calls the same functions without libFuzzer.
namespace aether::fuzz {

/// A property does not hold. Nothing catches it under libFuzzer, which then keeps the input.
class broken_property : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

inline void require(bool holds, const std::string& property) {
  if (!holds) throw broken_property{"does not hold: " + property};
}

/// An error is one of those that the decoder's header lists, and says something.
inline void require_documented(const error& found, std::initializer_list<errc> documented) {
  require(std::ranges::find(documented, found.code()) != documented.end(),
          "the error code is a documented one, not " + found.message());
  require(!found.text().empty(), "an error has a text");
}

inline bytes_view as_input(const std::uint8_t* data, std::size_t size) {
  return std::as_bytes(std::span{data, size});
}

/// Bytes this thread has asked of `operator new` so far, those it gave back included.
[[nodiscard]] std::size_t bytes_allocated() noexcept;

/// How much a decoder may allocate in all: `fixed`, and `per_byte` for each byte of input.
struct allowance {
  std::size_t fixed = 4096;
  std::size_t per_byte = 256;
};

/// What `decode` returns; requires that it allocated no more than an input of that size allows,
/// whatever sizes the input announces.
template <class Decode>
auto within(allowance allowed, bytes_view input, Decode decode) {
  const std::size_t before = bytes_allocated();
  auto decoded = decode(input);
  const std::size_t used = bytes_allocated() - before;
  require(used <= allowed.fixed + allowed.per_byte * input.size(),
          "decoding " + std::to_string(input.size()) + " bytes allocates a multiple of them, not " +
              std::to_string(used));
  return decoded;
}

}  // namespace aether::fuzz
