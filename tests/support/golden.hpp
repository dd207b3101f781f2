#pragma once

#include <aether/runtime/bytes.hpp>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace aether::testing {

inline std::filesystem::path golden_path(const std::string& name) {
  auto path = std::filesystem::path{AETHER_TESTS_DIR} / "golden" / name;
  if (!std::filesystem::exists(path)) throw std::runtime_error{"no golden file " + path.string()};
  return path;
}

/// The bytes of `tests/golden/<name>`: hexadecimal digits and blanks; `#` begins a remark.
inline bytes golden(const std::string& name) {
  std::ifstream file{golden_path(name)};
  std::string digits;
  for (std::string line; std::getline(file, line);)
    for (const char c : line.substr(0, line.find('#')))
      if (std::isxdigit(static_cast<unsigned char>(c)) != 0) digits += c;
  bytes read;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    read.push_back(static_cast<std::byte>(std::stoul(digits.substr(i, 2), nullptr, 16)));
  return read;
}

/// As in a golden file, 32 bytes a line: what to put there when a format is born.
inline std::string hex_lines(bytes_view data) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < data.size(); ++i) {
    const auto byte = std::to_integer<unsigned>(data[i]);
    text += digits[byte >> 4];
    text += digits[byte & 15];
    if (i % 32 == 31) text += '\n';
  }
  return text + '\n';
}

}  // namespace aether::testing
