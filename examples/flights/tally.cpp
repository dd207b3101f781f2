#include "tally.hpp"

#include <ranges>
#include <string_view>

namespace flights {

namespace {

totals& at(totals_by_airport& airports, std::string_view code) {
  const auto found = airports.find(code);
  return found != airports.end() ? found->second : airports[std::string{code}];
}

std::string describe(const totals& numbers) {
  return std::to_string(numbers.departures) + " departures, " + std::to_string(numbers.arrivals) +
         " arrivals, " + std::to_string(numbers.delay_minutes) + " minutes, " +
         std::to_string(numbers.distance_miles) + " miles";
}

}  // namespace

totals& totals::operator+=(const totals& other) noexcept {
  departures += other.departures;
  arrivals += other.arrivals;
  delay_minutes += other.delay_minutes;
  distance_miles += other.distance_miles;
  return *this;
}

totals_by_airport tally(std::span<const flight> all) {
  totals_by_airport airports;
  for (const flight& one : all) {
    at(airports, one.origin.str()) +=
        {.departures = 1, .delay_minutes = one.delay_minutes, .distance_miles = one.distance_miles};
    at(airports, one.destination.str()) += {.arrivals = 1};
  }
  return airports;
}

totals sum(const totals_by_airport& airports) noexcept {
  totals all;
  for (const totals& numbers : std::views::values(airports)) all += numbers;
  return all;
}

std::vector<std::string> differences(const totals_by_airport& expected,
                                     const totals_by_airport& found) {
  std::vector<std::string> out;
  for (const auto& [code, numbers] : expected) {
    const auto other = found.find(code);
    if (other == found.end())
      out.push_back(code + ": no answer, the file has " + describe(numbers));
    else if (other->second != numbers)
      out.push_back(code + ": answered " + describe(other->second) + "; the file has " +
                    describe(numbers));
  }
  for (const auto& [code, numbers] : found)
    if (!expected.contains(code))
      out.push_back(code + ": answered " + describe(numbers) + "; the file does not have it");
  return out;
}

}  // namespace flights
