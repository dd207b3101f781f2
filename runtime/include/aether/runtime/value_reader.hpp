#pragma once

#include <aether/runtime/bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace aether {

/// Takes msgpack values one after the other from a buffer: the counterpart of `encoder`, for
/// records whose inner values are to be handed on as the very bytes they are (`value`). Allocates
/// nothing, recurses nowhere. For a message of declared fields use `decode`.
///
/// Each member answers none and takes nothing where the next value is of another kind, cut short,
/// or absent. Text and bytes are borrowed from the buffer.
class value_reader {
 public:
  explicit value_reader(bytes_view data) noexcept : rest_{data} {}

  [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }
  /// Takes a nil, if that is next.
  [[nodiscard]] bool nil() noexcept;
  /// An integer of any encoding that fits.
  [[nodiscard]] std::optional<std::uint64_t> unsigned_integer() noexcept;
  [[nodiscard]] std::optional<std::int64_t> integer() noexcept;
  [[nodiscard]] std::optional<std::string_view> text() noexcept;
  [[nodiscard]] std::optional<bytes_view> binary() noexcept;
  /// Opens an array of so many values, or a map of so many pairs; they are next.
  [[nodiscard]] std::optional<std::size_t> array() noexcept;
  [[nodiscard]] std::optional<std::size_t> map() noexcept;
  /// The bytes of the next value, whatever it is, with everything inside it.
  [[nodiscard]] std::optional<bytes_view> value() noexcept;

 private:
  bytes_view rest_;
};

/// Whether `data` is exactly one msgpack map.
[[nodiscard]] bool is_encoded_map(bytes_view data) noexcept;

}  // namespace aether
