#include "examples/flights/airport.hpp"

#include <aether/actors/testing.hpp>

#include <doctest/doctest.h>

using namespace flights;
using aether::testing::given;

TEST_CASE("an airport counts a departure with its delay and its miles") {
  given<airport>(departed{-5, 407})
      .when(record_departure{66, 1750})
      .then_persisted(departed{66, 1750})
      .then_state({.departures = 2, .arrivals = 0, .delay_minutes = 61, .distance_miles = 2157});
}

TEST_CASE("an airport counts an arrival and nothing else") {
  given<airport>()
      .when(record_arrival{})
      .then_persisted(arrived{})
      .then_state({.departures = 0, .arrivals = 1, .delay_minutes = 0, .distance_miles = 0});
}

TEST_CASE("an airport tells its numbers from its history") {
  given<airport>(departed{66, 1750}, arrived{}, arrived{})
      .when(get_stats{})
      .then_replied(
          stats{.departures = 1, .arrivals = 2, .delay_minutes = 66, .distance_miles = 1750})
      .then_persisted_nothing();
}

TEST_CASE("an airport refuses a flight of negative length") {
  given<airport>()
      .when(record_departure{0, -1})
      .then_rejected("a flight cannot be of negative length");
}
