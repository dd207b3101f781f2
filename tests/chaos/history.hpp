#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aether::chaos {

enum class operation_kind : std::uint8_t { append, read };
enum class outcome : std::uint8_t {
  ok,
  fail,     ///< it has had no effect and never will
  unknown,  ///< perhaps it had, has, or will have its effect, at any time after its invocation
};

using numbers = std::vector<std::int64_t>;

/// One call of one client on the list `key`, as one line of a history (docs/chaos.md). Times are
/// microseconds of one clock that never runs backwards.
struct operation {
  std::string client;
  operation_kind op = operation_kind::read;
  std::string key;
  /// What is appended; none of a read.
  std::optional<std::int64_t> value = {};
  std::int64_t invoke_us = 0;
  /// When the client got the answer or gave up; `ok` operations have it always.
  std::optional<std::int64_t> complete_us = {};
  chaos::outcome outcome = outcome::unknown;
  /// The whole list: as a read saw it, or after the append. Only of `ok`, and always of a read.
  std::optional<numbers> result = {};

  friend bool operator==(const operation&, const operation&) = default;
};

[[nodiscard]] std::string_view to_string(operation_kind kind) noexcept;
[[nodiscard]] std::string_view to_string(outcome what) noexcept;

/// The operation as a line, without its end.
[[nodiscard]] std::string to_line(const operation& what);

/// Why a line is none.
struct bad_line {
  /// Empty: the line as a whole.
  std::string field;
  std::string why;
};

/// @errors no JSON object, an unknown field, or a value that is missing or not what the field and
///         the other fields demand. A field that must be empty may be null or absent.
[[nodiscard]] std::expected<operation, bad_line> from_line(std::string_view line);

}  // namespace aether::chaos
