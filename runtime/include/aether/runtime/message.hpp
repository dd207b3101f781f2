#pragma once

#include <concepts>
#include <string_view>
#include <tuple>
#include <type_traits>

/// Declares a struct as a message: gives it a wire name that never changes and names its fields.
///
///     struct deposit {
///       std::int64_t cents = 0;
///       using reply = balance;                    // optional: what an ask of this command returns
///       AETHER_MESSAGE("bank.deposit", cents)     // wire name, then every field to be carried
///     };
///
/// The wire name has 1-128 bytes of `[A-Za-z0-9._-]` and is checked where it is used. At most 32
/// fields. The struct stays an aggregate and must be default constructible; it cannot be local to a
/// function. Fields may be bool, integers, floating point, enums, std::string, aether::bytes,
/// std::chrono::duration, std::optional, std::vector, std::array, std::map<std::string, T>,
/// aether::command_id and other messages. A reader ignores fields it does not know and leaves
/// missing ones at their default.
#define AETHER_MESSAGE(wire_name, ...)                                           \
  static constexpr std::string_view aether_wire_name{wire_name};                 \
  template <class AetherSelf, class AetherVisitor>                               \
  static constexpr void aether_visit([[maybe_unused]] AetherSelf& self,          \
                                     [[maybe_unused]] AetherVisitor&& visitor) { \
    __VA_OPT__(AETHER_DETAIL_EXPAND(AETHER_DETAIL_FIELD(__VA_ARGS__)))           \
  }

#define AETHER_DETAIL_FIELD(field, ...) \
  visitor(#field, self.field);          \
  __VA_OPT__(AETHER_DETAIL_AGAIN AETHER_DETAIL_PARENS(__VA_ARGS__))
#define AETHER_DETAIL_PARENS ()
#define AETHER_DETAIL_AGAIN() AETHER_DETAIL_FIELD
#define AETHER_DETAIL_EXPAND(...) \
  AETHER_DETAIL_EXPAND3(AETHER_DETAIL_EXPAND3(AETHER_DETAIL_EXPAND3(__VA_ARGS__)))
#define AETHER_DETAIL_EXPAND3(...) \
  AETHER_DETAIL_EXPAND2(AETHER_DETAIL_EXPAND2(AETHER_DETAIL_EXPAND2(__VA_ARGS__)))
#define AETHER_DETAIL_EXPAND2(...) \
  AETHER_DETAIL_EXPAND1(AETHER_DETAIL_EXPAND1(AETHER_DETAIL_EXPAND1(__VA_ARGS__)))
#define AETHER_DETAIL_EXPAND1(...) __VA_ARGS__

namespace aether {

/// A struct with `AETHER_MESSAGE` in it.
template <class T>
concept message = std::is_class_v<T> && std::default_initializable<T> && requires {
  { T::aether_wire_name } -> std::convertible_to<std::string_view>;
};

/// A list of message types: an actor's commands or events.
template <message... Ts>
struct messages {
  static constexpr std::size_t size = sizeof...(Ts);
  template <class T>
  static constexpr bool contains = (std::is_same_v<T, Ts> || ...);
};

namespace detail {

template <class Command, class = void>
struct reply_of {
  using type = void;
};
template <class Command>
struct reply_of<Command, std::void_t<typename Command::reply>> {
  using type = typename Command::reply;
};

[[nodiscard]] constexpr bool valid_wire_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > 128) return false;
  for (char c : name) {
    const bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '.' || c == '_' || c == '-';
    if (!ok) return false;
  }
  return true;
}

}  // namespace detail

/// What an ask of `Command` returns: its `reply`, or void when it names none.
template <message Command>
using reply_of = typename detail::reply_of<Command>::type;

}  // namespace aether
