#pragma once

#include "flight_csv.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace flights {

/// What is counted, for one airport or for all. A flight's delay and miles count once, with its
/// departure, at its origin: so the sums over all airports are the sums of the file's columns.
struct totals {
  std::int64_t departures = 0;
  std::int64_t arrivals = 0;
  std::int64_t delay_minutes = 0;
  std::int64_t distance_miles = 0;

  totals& operator+=(const totals& other) noexcept;
  friend bool operator==(const totals&, const totals&) = default;
};

using totals_by_airport = std::map<std::string, totals, std::less<>>;

/// Counts the flights, without any actor: what the actors' answers are compared with.
[[nodiscard]] totals_by_airport tally(std::span<const flight> all);

[[nodiscard]] totals sum(const totals_by_airport& airports) noexcept;

/// One sentence for each airport whose numbers differ, or that only one side has; empty when both
/// are equal.
[[nodiscard]] std::vector<std::string> differences(const totals_by_airport& expected,
                                                   const totals_by_airport& found);

}  // namespace flights
