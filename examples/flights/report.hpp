#pragma once

#include "drive_result.hpp"
#include "flight_log.hpp"
#include "tally.hpp"

#include <optional>
#include <string>
#include <vector>

namespace flights {

/// Everything a run found out.
struct run_report {
  std::uint64_t rows = 0;
  std::uint64_t rejected_rows = 0;
  totals_by_airport expected;
  drive_result driven;
  std::optional<std::string> killed_node;
  /// What the airports answered at the end, and once more from history alone.
  totals_by_airport answered;
  totals_by_airport answered_after_restart;

  [[nodiscard]] bool matches_file() const { return answered == expected; }
  [[nodiscard]] bool matches_after_restart() const { return answered_after_restart == expected; }
  /// Every command was acknowledged and both readings match.
  [[nodiscard]] bool good() const;
};

/// The rejected rows that are kept, one a line, and how many more there are; empty when none are.
[[nodiscard]] std::string rejected_rows(const flight_log& log);

/// A table of the ten airports with the most departures and arrivals, then the totals, the speed
/// and the verdict. Airports whose numbers differ are named, up to ten.
[[nodiscard]] std::string as_text(const run_report& report);

/// One JSON object on one line; README.md has its members.
[[nodiscard]] std::string as_json(const run_report& report);

}  // namespace flights
