#include "options_file.hpp"

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>

namespace aether::detail {
namespace {

constexpr std::size_t file_bytes_max = 1 << 20;
constexpr std::string_view blank = " \t\r";

std::string_view trimmed(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

bool begins_comment(char c) noexcept { return c == '#' || c == ';'; }

/// What is left of `text`, a value with perhaps a comment behind it; none when it makes no sense.
std::optional<std::string_view> read_value(std::string_view text) noexcept {
  if (!text.empty() && (text[0] == '"' || text[0] == '\'')) {
    const auto end = text.find(text[0], 1);
    if (end == std::string_view::npos) return std::nullopt;
    const auto value = text.substr(1, end - 1);
    const auto rest = trimmed(text.substr(end + 1));
    const bool escapes = text[0] == '"' && value.find('\\') != std::string_view::npos;
    if (escapes || (!rest.empty() && !begins_comment(rest[0]))) return std::nullopt;
    return value;
  }
  // A comment needs a blank before it: a password may hold a '#'.
  for (std::size_t i = 0; i < text.size(); ++i)
    if (begins_comment(text[i]) && (i == 0 || blank.find(text[i - 1]) != std::string_view::npos))
      return trimmed(text.substr(0, i));
  return text;
}

}  // namespace

result<std::vector<file_entry>> parse_option_file(const std::string& text,
                                                  const std::string& path) {
  std::vector<file_entry> entries;
  std::istringstream input{text};
  std::string whole;
  for (std::size_t number = 1; std::getline(input, whole); ++number) {
    const auto refuse = [&](std::string_view why) {
      return fail(errc::invalid_options,
                  path + ":" + std::to_string(number) + ": " + std::string{why});
    };
    const auto line = trimmed(whole);
    if (line.empty() || begins_comment(line[0])) continue;
    if (line[0] == '[') return refuse("sections are not used here, only lines `name = value`");
    const auto equals = line.find('=');
    const auto name = trimmed(line.substr(0, equals));
    if (equals == std::string_view::npos || name.empty()) return refuse("expected `name = value`");
    const auto value = read_value(trimmed(line.substr(equals + 1)));
    if (!value) return refuse("unreadable value: close the quotes, use '...' around backslashes");
    if (std::ranges::find(entries, name, &file_entry::name) != entries.end())
      return refuse("'" + std::string{name} + "' is given twice");
    entries.push_back({std::string{name}, std::string{*value}, number});
  }
  return entries;
}

result<std::vector<file_entry>> read_option_file(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  std::string text(file_bytes_max + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  // A directory opens, but cannot be read.
  if (!file.is_open() || file.bad())
    return fail(errc::invalid_options, "the option file '" + path + "' cannot be read");
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > file_bytes_max)
    return fail(errc::invalid_options, "the option file '" + path + "' is larger than 1 MiB");
  return parse_option_file(text, path);
}

}  // namespace aether::detail
