#pragma once

#include <aether/runtime/codec.hpp>
#include <aether/runtime/ids.hpp>
#include <aether/runtime/value_reader.hpp>

#include <array>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>

/// What the commit and the snapshot format have in common.
namespace aether {

/// Writes `data` so that every msgpack library can look into it: an encoded map as itself, nothing
/// as nil, anything else as binary. `read_embedded` gives the same bytes back.
void write_embedded(encoder& out, bytes_view data);
[[nodiscard]] bool read_embedded(value_reader& in, bytes& data);

/// Ids are 16 bytes of binary, the nil id is nil.
void write_id(encoder& out, const detail::uuid& id);

template <class Id>
[[nodiscard]] bool read_id(value_reader& in, Id& id) {
  if (in.nil()) return true;
  const auto found = in.binary();
  if (!found || found->size() != Id::size) return false;
  std::array<std::uint8_t, Id::size> raw{};
  for (std::size_t i = 0; i < Id::size; ++i) raw[i] = std::to_integer<std::uint8_t>((*found)[i]);
  id = Id{raw};
  return true;
}

/// An id-like number, or a plain one; false where it does not fit.
template <class Number>
[[nodiscard]] bool read_number(value_reader& in, Number& number) {
  const auto found = in.unsigned_integer();
  if (!found) return false;
  if constexpr (std::unsigned_integral<Number>) {
    number = static_cast<Number>(*found);
    return number == *found;
  } else {
    number = Number{*found};
    return true;
  }
}

[[nodiscard]] bool read_text(value_reader& in, std::string& text);

/// Reads a map; `field(in, key)` takes the value under each key, or answers false where it is
/// damaged.
/// @returns the key that was damaged, empty where the map itself was; none when all is well.
template <class Field>
[[nodiscard]] std::optional<std::string_view> read_fields(value_reader& in, Field&& field) {
  const auto size = in.map();
  if (!size) return std::string_view{};
  for (std::size_t i = 0; i < *size; ++i) {
    const auto key = in.text();
    if (!key) return std::string_view{};
    if (!field(in, *key)) return *key;
  }
  return std::nullopt;
}

/// Checks the format header, then that the payload begins with `v` and a version this build reads.
/// @param what `commit` or `snapshot`, for the text.
/// @errors `corrupt_history`.
[[nodiscard]] result<void> check_format(std::string_view what, bytes_view payload,
                                        std::optional<std::string_view> header,
                                        std::uint32_t newest);

}  // namespace aether
