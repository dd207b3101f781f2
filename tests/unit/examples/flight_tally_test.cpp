#include "examples/flights/availability.hpp"
#include "examples/flights/tally.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace flights;
using namespace std::chrono_literals;

namespace {

flight made(const char* origin, const char* destination, std::int32_t delay, std::int32_t miles) {
  return {*airport_code::parse(origin), *airport_code::parse(destination), delay, miles};
}

}  // namespace

TEST_CASE("delay and miles count once, at the origin") {
  const std::vector<flight> all{made("DTW", "LAS", 66, 1750), made("LAS", "DTW", -5, 1749),
                                made("DTW", "OAK", 4, 2000), made("OAK", "OAK", 1, 0)};
  const auto airports = tally(all);
  CHECK(airports.size() == 3);
  CHECK(airports.at("DTW") == totals{2, 1, 70, 3750});
  CHECK(airports.at("LAS") == totals{1, 1, -5, 1749});
  CHECK(airports.at("OAK") == totals{1, 2, 1, 0});
  CHECK(sum(airports) == totals{4, 4, 66, 5499});
}

TEST_CASE("differences name every airport that is not as expected") {
  const totals_by_airport file{{"DTW", {1, 2, 3, 4}}, {"LAS", {1, 1, 1, 1}}, {"OAK", {}}};
  CHECK(differences(file, file).empty());
  const auto wrong = differences(file, {{"DTW", {1, 2, 3, 4}}, {"LAS", {1, 1, 2, 1}}, {"ZZZ", {}}});
  REQUIRE(wrong.size() == 3);
  CHECK(wrong[0].starts_with("LAS: answered 1 departures, 1 arrivals, 2 minutes"));
  CHECK(wrong[1].starts_with("OAK: no answer"));
  CHECK(wrong[2].starts_with("ZZZ: answered"));
}

TEST_CASE("the longest wait is that of a shard with commands and without answers") {
  const availability::clock::time_point start{};
  availability shards{2};

  SUBCASE("a shard that nobody asks is not unavailable") {
    shards.sent(0, start);
    shards.answered(0, start + 3ms);
    shards.sent(0, start + 500ms);
    shards.answered(0, start + 502ms);
    CHECK(shards.longest() == 3ms);
  }
  SUBCASE("the wait starts with the first command, not with the last") {
    shards.sent(1, start);
    shards.sent(1, start + 90ms);
    shards.answered(1, start + 100ms);
    shards.answered(1, start + 101ms);
    CHECK(shards.longest() == 100ms);
  }
  SUBCASE("each answer starts the wait anew while others are owed") {
    shards.sent(0, start);
    shards.sent(0, start);
    shards.answered(0, start + 40ms);
    shards.answered(0, start + 90ms);
    CHECK(shards.longest() == 50ms);
  }
  SUBCASE("another shard's answers do not shorten it") {
    shards.sent(0, start);
    for (int i = 0; i < 10; ++i) {
      shards.sent(1, start + 10ms * i);
      shards.answered(1, start + 10ms * i + 1ms);
    }
    shards.answered(0, start + 100ms);
    CHECK(shards.longest() == 100ms);
  }
}
