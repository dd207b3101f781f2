#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <string>

namespace flights {

/// 1234567 as "1,234,567".
[[nodiscard]] std::string grouped(std::int64_t number);

template <std::integral Number>
[[nodiscard]] std::string grouped(Number number) {
  return grouped(static_cast<std::int64_t>(number));
}

/// With `decimals` digits after the point.
[[nodiscard]] std::string fixed(double number, int decimals);

/// Writes a line of progress to stderr.
void say(const std::string& line);

}  // namespace flights
