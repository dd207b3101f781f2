#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

/// Structured log lines: a component, a stable event name, key=value fields; never a payload.
///
///     log::info("cluster", "leader_elected", {{"term", 5}, {"node", node.str()}});
///
///     text  2026-07-08T12:00:00.123Z info cluster leader_elected term=5 node=n1
///     json  {"time":"2026-07-08T12:00:00.123Z","level":"info","component":"cluster",
///            "event":"leader_elected","term":5,"node":"n1"}                     (one line)
///
/// One call is one line whatever the values hold: in text a value with a space, quote, `=` or
/// control character is quoted and escaped, in JSON everything is valid UTF-8. Threads may log at
/// the same time; lines never mix. A level that is off costs one relaxed load. Nothing throws.
namespace aether::log {

enum class level : std::uint8_t { trace, debug, info, warn, error, off };
enum class format : std::uint8_t { text, json };

[[nodiscard]] std::string_view to_string(level value) noexcept;
[[nodiscard]] std::string_view to_string(format value) noexcept;
/// Reads what `to_string` writes; none for anything else.
[[nodiscard]] std::optional<level> parse_level(std::string_view text) noexcept;
[[nodiscard]] std::optional<format> parse_format(std::string_view text) noexcept;

struct settings {
  log::level level = log::level::info;
  log::format format = log::format::text;
};

/// Takes effect for the lines after it, in all threads.
void configure(const settings& wanted);

/// Sends lines, without their newline, to `sink` instead of stderr; an empty one restores stderr.
/// @param sink called under a lock, by whoever logs: it must not log and must not block long.
///        What it throws is swallowed.
void set_sink(std::function<void(std::string_view line)> sink);

/// The value of a field; borrows text for the duration of the call.
class value {
 public:
  using variant = std::variant<std::int64_t, std::uint64_t, double, bool, std::string_view>;
  // Implicit throughout, so that a field reads {"term", 5}.
  template <std::same_as<bool> T>
  value(T truth) noexcept : held_{truth} {}
  template <std::signed_integral T>
  value(T number) noexcept : held_{static_cast<std::int64_t>(number)} {}
  template <std::unsigned_integral T>
    requires(!std::same_as<T, bool>)
  value(T number)
  noexcept : held_{static_cast<std::uint64_t>(number)} {}
  value(double number) noexcept : held_{number} {}
  value(std::string_view text) noexcept : held_{text} {}
  value(const char* text) noexcept : held_{std::string_view{text}} {}
  value(const std::string& text) noexcept : held_{std::string_view{text}} {}

  [[nodiscard]] const variant& held() const noexcept { return held_; }

 private:
  variant held_;
};

/// @param key a name of `[a-z0-9_]`, other than `time`, `level`, `component` and `event`.
struct field {
  std::string_view key;
  log::value value;
};

using fields = std::initializer_list<field>;

namespace detail {
inline constinit std::atomic<level> threshold{level::info};
}

/// Whether a line of `at` would be written: worth asking before preparing costly fields.
[[nodiscard]] inline bool enabled(level at) noexcept {
  return at >= detail::threshold.load(std::memory_order_relaxed) && at != level::off;
}

/// Writes one line if `at` is enabled.
void write(level at, std::string_view component, std::string_view event, fields with) noexcept;

inline void trace(std::string_view component, std::string_view event, fields with = {}) {
  if (enabled(level::trace)) write(level::trace, component, event, with);
}
inline void debug(std::string_view component, std::string_view event, fields with = {}) {
  if (enabled(level::debug)) write(level::debug, component, event, with);
}
inline void info(std::string_view component, std::string_view event, fields with = {}) {
  if (enabled(level::info)) write(level::info, component, event, with);
}
inline void warn(std::string_view component, std::string_view event, fields with = {}) {
  if (enabled(level::warn)) write(level::warn, component, event, with);
}
inline void error(std::string_view component, std::string_view event, fields with = {}) {
  if (enabled(level::error)) write(level::error, component, event, with);
}

}  // namespace aether::log
