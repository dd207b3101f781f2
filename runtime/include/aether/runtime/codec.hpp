#pragma once

#include <aether/runtime/bytes.hpp>
#include <aether/runtime/encoding.hpp>
#include <aether/runtime/error.hpp>
#include <aether/runtime/ids.hpp>
#include <aether/runtime/message.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

/// msgpack, as Aether stores and sends it: a message is a map from field name to value; an unknown
/// field is ignored, a missing one keeps its default, and so does a nil one that is no optional.
/// docs/formats.md has the whole mapping.
namespace aether {

/// Converts one C++ type; specialise it for a type of your own: `write` appends exactly one value,
/// `read` returns false where the value has another shape.
template <class T>
struct codec;

namespace detail {

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

struct field_counter {
  std::size_t count = 0;
  void operator()(std::string_view, const auto&) noexcept { ++count; }
};

struct field_writer {
  encoder& out;
  template <class T>
  void operator()(std::string_view name, const T& value) {
    out.text(name);
    codec<T>::write(out, value);
  }
};

struct field_reader {
  decoded from;
  const char* failed = nullptr;
  template <class T>
  void operator()(const char* name, T& value) {
    if (failed != nullptr) return;
    const decoded found = from.find(name);
    const bool keeps_default = is_optional<T> ? found.is_absent() : found.is_nil();
    if (!keeps_default && !codec<T>::read(found, value)) failed = name;
  }
};

}  // namespace detail

template <message T>
struct codec<T> {
  static void write(encoder& out, const T& value) {
    static_assert(detail::valid_wire_name(T::aether_wire_name),
                  "AETHER_MESSAGE: a wire name has 1-128 bytes of [A-Za-z0-9._-]");
    detail::field_counter fields;
    T::aether_visit(value, fields);
    out.map(fields.count);
    T::aether_visit(value, detail::field_writer{out});
  }
  static bool read(decoded from, T& value) {
    if (!from.map_size()) return false;
    detail::field_reader reader{from};
    T::aether_visit(value, reader);
    return reader.failed == nullptr;
  }
};

template <>
struct codec<bool> {
  static void write(encoder& out, bool value) { out.boolean(value); }
  static bool read(decoded from, bool& value) {
    const auto found = from.as_boolean();
    if (found) value = *found;
    return found.has_value();
  }
};

template <class T>
  requires std::signed_integral<T>
struct codec<T> {
  static void write(encoder& out, T value) { out.integer(value); }
  static bool read(decoded from, T& value) {
    const auto found = from.as_integer();
    if (!found || *found < std::numeric_limits<T>::min() || *found > std::numeric_limits<T>::max())
      return false;
    value = static_cast<T>(*found);
    return true;
  }
};

template <class T>
  requires(std::unsigned_integral<T> && !std::same_as<T, bool>)
struct codec<T> {
  static void write(encoder& out, T value) { out.unsigned_integer(value); }
  static bool read(decoded from, T& value) {
    const auto found = from.as_unsigned();
    if (!found || *found > std::numeric_limits<T>::max()) return false;
    value = static_cast<T>(*found);
    return true;
  }
};

template <std::floating_point T>
struct codec<T> {
  static void write(encoder& out, T value) { out.real(static_cast<double>(value)); }
  static bool read(decoded from, T& value) {
    const auto found = from.as_real();
    constexpr auto max = static_cast<double>(std::numeric_limits<T>::max());
    if (!found || (std::isfinite(*found) && std::abs(*found) > max)) return false;
    value = static_cast<T>(*found);
    return true;
  }
};

template <class T>
  requires std::is_enum_v<T>
struct codec<T> {
  using number = std::underlying_type_t<T>;
  static void write(encoder& out, T value) {
    codec<number>::write(out, static_cast<number>(value));
  }
  static bool read(decoded from, T& value) {
    number found{};
    if (!codec<number>::read(from, found)) return false;
    value = static_cast<T>(found);
    return true;
  }
};

template <>
struct codec<std::string> {
  static void write(encoder& out, const std::string& value) { out.text(value); }
  static bool read(decoded from, std::string& value) {
    const auto found = from.as_text();
    if (found) value = *found;
    return found.has_value();
  }
};

template <>
struct codec<bytes> {
  static void write(encoder& out, const bytes& value) { out.binary(value); }
  static bool read(decoded from, bytes& value) {
    const auto found = from.as_binary();
    if (found) value.assign(found->begin(), found->end());
    return found.has_value();
  }
};

template <class Rep, class Period>
struct codec<std::chrono::duration<Rep, Period>> {
  using duration = std::chrono::duration<Rep, Period>;
  static void write(encoder& out, duration value) { codec<Rep>::write(out, value.count()); }
  static bool read(decoded from, duration& value) {
    Rep count{};
    if (!codec<Rep>::read(from, count)) return false;
    value = duration{count};
    return true;
  }
};

template <class T>
struct codec<std::optional<T>> {
  static void write(encoder& out, const std::optional<T>& value) {
    if (value)
      codec<T>::write(out, *value);
    else
      out.nil();
  }
  static bool read(decoded from, std::optional<T>& value) {
    value.reset();
    return from.is_nil() || codec<T>::read(from, value.emplace());
  }
};

template <class T>
struct codec<std::vector<T>> {
  static void write(encoder& out, const std::vector<T>& value) {
    out.array(value.size());
    for (const auto& element : value) codec<T>::write(out, element);
  }
  static bool read(decoded from, std::vector<T>& value) {
    const auto size = from.array_size();
    if (!size) return false;
    value.clear();
    value.reserve(*size);
    for (std::size_t i = 0; i < *size; ++i) {
      T element{};
      if (!codec<T>::read(from.element(i), element)) return false;
      value.push_back(std::move(element));
    }
    return true;
  }
};

template <class T, std::size_t N>
struct codec<std::array<T, N>> {
  static void write(encoder& out, const std::array<T, N>& value) {
    out.array(N);
    for (const auto& element : value) codec<T>::write(out, element);
  }
  static bool read(decoded from, std::array<T, N>& value) {
    if (from.array_size() != N) return false;
    for (std::size_t i = 0; i < N; ++i)
      if (!codec<T>::read(from.element(i), value[i])) return false;
    return true;
  }
};

template <class T>
struct codec<std::map<std::string, T>> {
  static void write(encoder& out, const std::map<std::string, T>& value) {
    out.map(value.size());
    for (const auto& [key, element] : value) {
      out.text(key);
      codec<T>::write(out, element);
    }
  }
  static bool read(decoded from, std::map<std::string, T>& value) {
    const auto size = from.map_size();
    if (!size) return false;
    value.clear();
    for (std::size_t i = 0; i < *size; ++i) {
      const auto [key, element] = from.pair(i);
      const auto name = key.as_text();
      if (!name || !codec<T>::read(element, value[std::string{*name}])) return false;
    }
    return true;
  }
};

/// A `command_id` or `commit_id`: its 16 bytes.
template <class Tag>
struct codec<detail::uuid_of<Tag>> {
  using id = detail::uuid_of<Tag>;
  static void write(encoder& out, const id& value) {
    out.binary(std::as_bytes(std::span{value.raw()}));
  }
  static bool read(decoded from, id& value) {
    const auto found = from.as_binary();
    std::array<std::uint8_t, id::size> raw{};
    if (!found || found->size() != raw.size()) return false;
    std::ranges::transform(*found, raw.begin(), &std::to_integer<std::uint8_t>);
    value = id{raw};
    return true;
  }
};

/// Appends `value` to `out` as msgpack.
template <class T>
void encode_to(bytes& out, const T& value) {
  encoder writer{out};
  codec<T>::write(writer, value);
}

template <class T>
[[nodiscard]] bytes encode(const T& value) {
  bytes out;
  encode_to(out, value);
  return out;
}

/// @errors `decode_failed`: not msgpack, or a field has another type than `T` declares; the text
///         names the message and the field.
template <message T>
[[nodiscard]] result<T> decode(bytes_view data) {
  auto parsed = document::parse(data);
  if (!parsed) return std::unexpected(std::move(parsed).error());
  const decoded root = parsed->root();
  if (!root.map_size())
    return fail(errc::decode_failed,
                std::string{T::aether_wire_name} + ": expected a msgpack map of fields");
  T value{};
  detail::field_reader reader{root};
  T::aether_visit(value, reader);
  if (reader.failed != nullptr)
    return fail(errc::decode_failed, std::string{T::aether_wire_name} + ": field '" +
                                         reader.failed + "' has another type or range");
  return value;
}

}  // namespace aether
