#pragma once

#include <aether/runtime/bytes.hpp>
#include <aether/runtime/error.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace aether {

/// Appends msgpack values to a buffer, each in its shortest form. Text need not be UTF-8. What is
/// nested deeper than `document::depth_max` is written all the same, but nobody will read it.
/// Not thread-safe; the buffer must outlive it. Throws nothing but `std::bad_alloc`.
class encoder {
 public:
  explicit encoder(bytes& out) noexcept : out_{&out} {}
  void nil();
  void boolean(bool value);
  void integer(std::int64_t value);
  void unsigned_integer(std::uint64_t value);
  void real(double value);
  void text(std::string_view value);
  void binary(bytes_view value);
  /// Opens an array: exactly `size` values must follow.
  void array(std::size_t size);
  /// Opens a map: exactly `size` pairs of key and value must follow.
  void map(std::size_t size);
  /// Copies bytes that already are one encoded value; not checked.
  void raw(bytes_view value);

 private:
  bytes* out_;
};

/// One decoded msgpack value, borrowed from its `document`. Cheap to copy.
class decoded {
 public:
  /// An absent value: nil, and every `as_`, size and `find` answers none.
  decoded() = default;
  /// True for what `find` did not find; a nil that was written is not absent.
  [[nodiscard]] bool is_absent() const noexcept { return object_ == nullptr; }
  /// True for nil and for absent.
  [[nodiscard]] bool is_nil() const noexcept;
  [[nodiscard]] std::optional<bool> as_boolean() const noexcept;
  /// An integer that fits; none for any other.
  [[nodiscard]] std::optional<std::int64_t> as_integer() const noexcept;
  [[nodiscard]] std::optional<std::uint64_t> as_unsigned() const noexcept;
  /// A float or an integer.
  [[nodiscard]] std::optional<double> as_real() const noexcept;
  [[nodiscard]] std::optional<std::string_view> as_text() const noexcept;
  [[nodiscard]] std::optional<bytes_view> as_binary() const noexcept;
  /// The number of elements when this is an array, of pairs when it is a map; none otherwise.
  [[nodiscard]] std::optional<std::size_t> array_size() const noexcept;
  [[nodiscard]] std::optional<std::size_t> map_size() const noexcept;
  /// @pre `index < *array_size()`.
  [[nodiscard]] decoded element(std::size_t index) const noexcept;
  /// @pre `index < *map_size()`.
  [[nodiscard]] std::pair<decoded, decoded> pair(std::size_t index) const noexcept;
  /// The first value under a text key of this map; absent where there is none or this is no map.
  [[nodiscard]] decoded find(std::string_view key) const noexcept;

 private:
  friend class document;
  explicit decoded(const void* object) noexcept : object_{object} {}
  const void* object_ = nullptr;
};

/// Owns a decoded msgpack value. Safe on any input: nesting is bounded by `depth_max`, memory by 32
/// bytes for each byte of input, whatever sizes the input claims.
class document {
 public:
  /// How many arrays and maps may enclose one another.
  static constexpr std::size_t depth_max = 64;
  /// @param data exactly one value; text and binary are borrowed from it, so it must outlive this.
  /// @errors `decode_failed`: not msgpack, cut short, nested too deep, or bytes left over.
  [[nodiscard]] static result<document> parse(bytes_view data);
  document(document&&) noexcept;
  document& operator=(document&&) noexcept;
  ~document();
  [[nodiscard]] decoded root() const noexcept;

 private:
  struct storage;
  explicit document(std::unique_ptr<storage> parsed) noexcept;
  std::unique_ptr<storage> storage_;
};

}  // namespace aether
