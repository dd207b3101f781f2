#include "flight_csv.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <limits>
#include <utility>
#include <vector>

namespace flights {

namespace {

constexpr std::size_t columns = 5;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

/// `text` for a terminal: quoted, shortened, nothing but printable ASCII.
std::string shown(std::string_view text) {
  constexpr std::size_t bytes_max = 24;
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out = "'";
  for (const char c : text.substr(0, bytes_max)) {
    if (c >= ' ' && c <= '~') {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += "\\x";
    out += digits[byte >> 4U];
    out += digits[byte & 0xFU];
  }
  out += text.size() > bytes_max ? "'..." : "'";
  return out;
}

/// How many bytes the UTF-8 character at the start of `text` has; 0 when it is none (RFC 3629: no
/// overlong forms, no surrogates, nothing above U+10FFFF).
std::size_t utf8_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (text.size() < length) return 0;
  const unsigned second_min = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned second_max = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < second_min || byte(1) > second_max) return 0;
  for (std::size_t i = 2; i < length; ++i)
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
  return length;
}

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

/// Takes a quoted field off the front of `rest`, opening quote included.
or_error<std::string> take_quoted(std::string_view& rest) {
  std::string field;
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] != '"') {
      field += rest[i];
    } else if (i + 1 < rest.size() && rest[i + 1] == '"') {
      field += '"';
      ++i;
    } else {
      rest.remove_prefix(i + 1);
      if (!rest.empty() && rest.front() != ',')
        return std::unexpected("text after a closing quote");
      return field;
    }
  }
  return std::unexpected("a quote is not closed on its line");
}

or_error<std::string> take_field(std::string_view& rest) {
  if (rest.starts_with('"')) return take_quoted(rest);
  const std::string_view field = rest.substr(0, rest.find(','));
  if (field.contains('"')) return std::unexpected("a quote inside a field that is not quoted");
  rest.remove_prefix(field.size());
  return std::string{field};
}

or_error<std::vector<std::string>> split(std::string_view rest) {
  std::vector<std::string> fields;
  fields.reserve(columns);
  for (;;) {
    auto field = take_field(rest);
    if (!field) return std::unexpected(std::move(field).error());
    fields.push_back(std::move(*field));
    if (rest.empty()) return fields;
    rest.remove_prefix(1);
  }
}

/// Takes `width` digits off the front of `text`.
std::optional<unsigned> take_digits(std::string_view& text, std::size_t width) {
  if (text.size() < width) return std::nullopt;
  unsigned value = 0;
  for (const char c : text.substr(0, width)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  text.remove_prefix(width);
  return value;
}

/// The same after one of `separators`.
std::optional<unsigned> take_digits_after(std::string_view separators, std::string_view& text,
                                          std::size_t width) {
  if (text.empty() || !separators.contains(text.front())) return std::nullopt;
  text.remove_prefix(1);
  return take_digits(text, width);
}

/// `YYYY-MM-DDTHH:MM`, where a space may stand for the T and seconds may follow.
bool is_date(std::string_view text) {
  const auto year = take_digits(text, 4);
  const auto month = take_digits_after("-", text, 2);
  const auto day = take_digits_after("-", text, 2);
  const auto hour = take_digits_after("T ", text, 2);
  const auto minute = take_digits_after(":", text, 2);
  if (!year || !month || !day || !hour || !minute) return false;
  if (!text.empty()) {
    const auto second = take_digits_after(":", text, 2);
    if (!second || *second > 59 || !text.empty()) return false;
  }
  const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(*year)},
                                         std::chrono::month{*month}, std::chrono::day{*day}};
  return date.ok() && *hour < 24 && *minute < 60;
}

or_error<std::int32_t> parse_number(const char* column, std::string_view text, std::int32_t min,
                                    std::int32_t max) {
  const std::string name{column};
  if (text.empty()) return std::unexpected(name + " is empty");
  std::int32_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size() || problem == std::errc::invalid_argument)
    return std::unexpected(name + " is not a whole number: " + shown(text));
  if (problem == std::errc::result_out_of_range || value < min || value > max)
    return std::unexpected(name + " is outside " + std::to_string(min) + ".." +
                           std::to_string(max) + ": " + shown(text));
  return value;
}

or_error<airport_code> parse_code(const char* column, std::string_view text) {
  const std::string name{column};
  if (text.empty()) return std::unexpected(name + " is empty");
  if (text.size() > airport_code::length_max)
    return std::unexpected(name + " is longer than 4 characters: " + shown(text));
  const auto code = airport_code::parse(text);
  if (!code) return std::unexpected(name + " is not 3 or 4 of A-Z and 0-9: " + shown(text));
  return *code;
}

/// Why `row` cannot even be split into fields; empty when it can.
std::string_view unreadable(std::string_view row) {
  if (row.contains('\0')) return "a NUL byte";
  if (!is_utf8(row)) return "a byte that is not UTF-8";
  if (row.ends_with('\r')) return "the line ends with CRLF instead of LF";
  if (row.empty()) return "an empty line";
  return {};
}

std::string wrong_header(std::string_view found) {
  return "line 1 has to be the header '" + std::string{header_line} + "' and is " + shown(found);
}

}  // namespace

std::optional<airport_code> airport_code::parse(std::string_view text) noexcept {
  const auto allowed = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); };
  if (text.size() < length_min || text.size() > length_max) return std::nullopt;
  if (!std::ranges::all_of(text, allowed)) return std::nullopt;
  airport_code code;
  std::ranges::copy(text, code.text_.begin());
  return code;
}

or_error<flight> parse_row(std::string_view row) {
  if (const auto why = unreadable(row); !why.empty()) return std::unexpected(std::string{why});
  const auto fields = split(row);
  if (!fields) return std::unexpected("wrong quoting: " + fields.error());
  if (fields->size() != columns)
    return std::unexpected(std::to_string(fields->size()) + " columns instead of " +
                           std::to_string(columns));
  if (!is_date((*fields)[0]))
    return std::unexpected("date is not YYYY-MM-DDTHH:MM: " + shown((*fields)[0]));
  const auto delay = parse_number("delay", (*fields)[1], delay_minutes_min, delay_minutes_max);
  if (!delay) return std::unexpected(delay.error());
  const auto distance = parse_number("distance", (*fields)[2], 0, distance_miles_max);
  if (!distance) return std::unexpected(distance.error());
  const auto origin = parse_code("origin", (*fields)[3]);
  if (!origin) return std::unexpected(origin.error());
  const auto destination = parse_code("destination", (*fields)[4]);
  if (!destination) return std::unexpected(destination.error());
  return flight{*origin, *destination, *delay, *distance};
}

or_error<void> flight_reader::read_header() {
  const auto first = next_line();
  if (!first) return std::unexpected("the file is empty");
  std::string_view text = first->text;
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (first->too_long) return std::unexpected(wrong_header(text));
  const auto fields = split(text);
  std::string names;
  for (const auto& field : fields.value_or(std::vector<std::string>{}))
    names += (names.empty() ? "" : ",") + field;
  if (names != header_line) return std::unexpected(wrong_header(text));
  return {};
}

std::optional<flight_reader::row> flight_reader::next() {
  const auto line = next_line();
  if (!line) return std::nullopt;
  if (line->too_long)
    return std::unexpected(rejected_row{
        line_number_, "the line is longer than " + std::to_string(line_bytes_max) + " bytes"});
  auto parsed = parse_row(line->text);
  if (!parsed) return std::unexpected(rejected_row{line_number_, std::move(parsed).error()});
  return *parsed;
}

std::optional<flight_reader::raw_line> flight_reader::next_line() {
  // Skipped as late as this, so that an endless first line is refused and not read for ever.
  if (std::exchange(skip_rest_, false))
    in_->ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  in_->getline(buffer_.data(), static_cast<std::streamsize>(buffer_.size()), '\n');
  const auto length = static_cast<std::size_t>(in_->gcount());
  if (in_->bad() || (in_->eof() && length == 0)) return std::nullopt;
  ++line_number_;
  if (in_->eof()) return raw_line{{buffer_.data(), length}, false};
  if (!in_->fail()) return raw_line{{buffer_.data(), length - 1}, false};
  // The buffer is full and no line feed came.
  in_->clear(in_->rdstate() & ~std::ios::failbit);
  skip_rest_ = true;
  return raw_line{{buffer_.data(), length}, true};
}

}  // namespace flights
