#include "flight_log.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>

namespace flights {

namespace {

void add(flight_log& log, flight_reader::row row) {
  ++log.rows;
  if (row) {
    log.flights.push_back(*row);
    return;
  }
  ++log.rejected;
  if (log.first_rejected.size() < flight_log::kept_rejected_max)
    log.first_rejected.push_back(std::move(row).error());
}

std::string unusable(const std::filesystem::path& path, const std::string& why) {
  return "cannot read flights from " + path.string() + ": " + why;
}

}  // namespace

or_error<flight_log> load_flights(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    return std::unexpected(unusable(path, "it is a directory"));
  errno = 0;
  std::ifstream in{path, std::ios::binary};
  if (!in) return std::unexpected(unusable(path, std::strerror(errno)));

  flight_reader reader{in};
  if (auto header = reader.read_header(); !header)
    return std::unexpected(unusable(path, reader.failed() ? "an I/O error" : header.error()));
  flight_log log;
  while (auto row = reader.next()) add(log, std::move(*row));
  if (reader.failed())
    return std::unexpected(
        unusable(path, "an I/O error after " + std::to_string(log.rows) + " rows"));
  if (log.rows == 0) return std::unexpected(unusable(path, "there is no row after the header"));
  return log;
}

}  // namespace flights
