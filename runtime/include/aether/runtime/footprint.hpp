#pragma once

#include <aether/runtime/bytes.hpp>
#include <aether/runtime/message.hpp>

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

/// About how many bytes of memory a message takes: itself, and what its strings and containers own.
/// An estimate for bounds, without the allocator's own overhead; for messages without such fields a
/// constant.
namespace aether {

namespace detail {

/// Owns nothing on the heap.
template <class T>
struct is_flat : std::bool_constant<std::is_trivially_copyable_v<T>> {};

// They call each other.
template <class T>
[[nodiscard]] std::size_t owned_bytes(const T& value) noexcept;
template <class T>
[[nodiscard]] std::size_t owned_bytes(const std::optional<T>& value) noexcept;
template <class T>
[[nodiscard]] std::size_t owned_bytes(const std::vector<T>& value) noexcept;
template <class T, std::size_t N>
[[nodiscard]] std::size_t owned_bytes(const std::array<T, N>& value) noexcept;
template <class T>
[[nodiscard]] std::size_t owned_bytes(const std::map<std::string, T>& value) noexcept;

[[nodiscard]] inline std::size_t owned_bytes(const std::string& value) noexcept {
  return value.capacity() < sizeof(std::string) / 2 ? 0 : value.capacity() + 1;
}
[[nodiscard]] inline std::size_t owned_bytes(const bytes& value) noexcept {
  return value.capacity();
}
template <class T>
std::size_t owned_bytes(const std::optional<T>& value) noexcept {
  return value ? owned_bytes(*value) : 0;
}
template <class T>
std::size_t owned_bytes(const std::vector<T>& value) noexcept {
  std::size_t total = value.capacity() * sizeof(T);
  if constexpr (!is_flat<T>::value)
    for (const auto& element : value) total += owned_bytes(element);
  return total;
}
template <class T, std::size_t N>
std::size_t owned_bytes(const std::array<T, N>& value) noexcept {
  std::size_t total = 0;
  if constexpr (!is_flat<T>::value)
    for (const auto& element : value) total += owned_bytes(element);
  return total;
}
template <class T>
std::size_t owned_bytes(const std::map<std::string, T>& value) noexcept {
  constexpr std::size_t links = 4 * sizeof(void*);
  std::size_t total = 0;
  for (const auto& [key, element] : value)
    total += links + sizeof(key) + sizeof(element) + owned_bytes(key) + owned_bytes(element);
  return total;
}

struct footprint_adder {
  std::size_t total = 0;
  template <class T>
  void operator()(std::string_view, const T& field) noexcept {
    total += owned_bytes(field);
  }
};

template <class T>
std::size_t owned_bytes(const T& value) noexcept {
  if constexpr (message<T> && !is_flat<T>::value) {
    footprint_adder fields;
    T::aether_visit(value, fields);
    return fields.total;
  } else {
    return 0;  // a type with a `codec` of its own counts with its size alone
  }
}

}  // namespace detail

template <message T>
[[nodiscard]] std::size_t footprint(const T& value) noexcept {
  return sizeof(T) + detail::owned_bytes(value);
}

}  // namespace aether
