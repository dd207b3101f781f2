#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace flights {

/// What came of sending every command.
struct drive_result {
  struct failure {
    std::uint64_t count = 0;
    /// The text of the first.
    std::string example;
  };
  std::uint64_t acknowledged = 0;
  /// Commands answered with an error, by the name of its `errc`.
  std::map<std::string, failure> failed;
  /// From the first command sent to the last answer.
  std::chrono::duration<double> took{0};
  /// The longest time that any shard went without answering; see `availability`.
  std::chrono::duration<double, std::milli> unavailable{0};

  [[nodiscard]] std::uint64_t failures() const {
    std::uint64_t count = 0;
    for (const auto& [code, one] : failed) count += one.count;
    return count;
  }
};

}  // namespace flights
