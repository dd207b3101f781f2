#pragma once

#include "flight_csv.hpp"

#include <cstdint>
#include <filesystem>
#include <vector>

namespace flights {

/// What a file of flights holds. 16 bytes a flight; of the rejected rows only the first are kept.
struct flight_log {
  static constexpr std::size_t kept_rejected_max = 20;

  std::vector<flight> flights;
  /// Every row after the header, accepted and rejected.
  std::uint64_t rows = 0;
  std::uint64_t rejected = 0;
  std::vector<rejected_row> first_rejected;
};

/// Reads the file once, from start to end, so a pipe will do.
/// @errors it is missing, a directory, empty, unreadable, breaks off, lacks the header, or has no
///         row after the header. That every row is rejected is no error here.
[[nodiscard]] or_error<flight_log> load_flights(const std::filesystem::path& path);

}  // namespace flights
