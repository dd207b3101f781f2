#pragma once

#include "or_error.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <string_view>

namespace flights {

/// An airport's code: 3 or 4 of `[A-Z0-9]`, such as "ORD".
class airport_code {
 public:
  static constexpr std::size_t length_min = 3;
  static constexpr std::size_t length_max = 4;

  [[nodiscard]] static std::optional<airport_code> parse(std::string_view text) noexcept;
  [[nodiscard]] std::string_view str() const noexcept {
    return {text_.data(), text_.back() == '\0' ? length_min : length_max};
  }
  friend auto operator<=>(const airport_code&, const airport_code&) = default;

 private:
  airport_code() = default;
  std::array<char, length_max> text_{};
};

/// One row. Its date is checked and not kept: nothing here asks for it.
struct flight {
  airport_code origin;
  airport_code destination;
  std::int32_t delay_minutes;
  std::int32_t distance_miles;
  friend bool operator==(const flight&, const flight&) = default;
};

inline constexpr std::size_t line_bytes_max = 1'024;
inline constexpr std::int32_t delay_minutes_min = -1'440;
inline constexpr std::int32_t delay_minutes_max = 10'080;
inline constexpr std::int32_t distance_miles_max = 30'000;
inline constexpr std::string_view header_line = "date,delay,distance,origin,destination";

/// Reads one row, given without its line feed. Pure.
/// @returns the flight, or why the row is refused: not UTF-8, a NUL, a carriage return at the end,
///          wrong quoting (RFC 4180, where a quoted field also ends on its line), another number of
///          columns than five, a date that is no date, a number that is none or out of range, a
///          code that is none. The reason has printable ASCII only, however hostile the row.
[[nodiscard]] or_error<flight> parse_row(std::string_view row);

struct rejected_row {
  /// The first line of the file is 1.
  std::uint64_t line;
  std::string reason;
};

/// Reads a file of flights row by row, in memory that does not grow with the file or its lines.
/// The stream must outlive it.
class flight_reader {
 public:
  explicit flight_reader(std::istream& in) noexcept : in_{&in} {}

  /// To be called once, first: checks that line 1 names the columns. A byte order mark before and
  /// a carriage return after it are ignored; no flight is lost or altered by them.
  [[nodiscard]] or_error<void> read_header();

  using row = std::expected<flight, rejected_row>;
  /// The next row, none at the end of the file (`failed` tells whether it truly ended). The last
  /// line may lack its line feed. A line over `line_bytes_max` is rejected and skipped.
  [[nodiscard]] std::optional<row> next();

  /// True when the stream broke (an I/O error), as opposed to having ended.
  [[nodiscard]] bool failed() const { return in_->bad(); }

 private:
  struct raw_line {
    std::string_view text;
    bool too_long;
  };
  std::optional<raw_line> next_line();

  std::istream* in_;
  std::uint64_t line_number_ = 0;
  /// The line before was too long, and its rest is still to be read.
  bool skip_rest_ = false;
  /// One more for the terminating NUL of istream::getline.
  std::array<char, line_bytes_max + 1> buffer_;
};

}  // namespace flights
