#include "chaos/unavailability.hpp"

#include <doctest/doctest.h>

#include <string>

namespace {

using namespace aether::chaos;

constexpr std::int64_t ms = 1'000;

operation call(const char* key, std::int64_t from, std::int64_t until, outcome what) {
  return {"c", operation_kind::read, key, {}, from * ms, until * ms, what, {}};
}
operation ok(const char* key, std::int64_t from, std::int64_t until) {
  return call(key, from, until, outcome::ok);
}
injected_fault fault(fault_kind kind, std::int64_t from, std::int64_t until) {
  return {kind, fault_mode::plain, "n1", from * ms, until * ms};
}

std::int64_t longest_ms(const unavailability& times, const char* cause,
                        const std::vector<injected_fault>& faults = {}) {
  const auto all = times.attribute(faults);
  REQUIRE(all.contains(cause));
  const auto& longest = all.at(cause).longest;
  return longest ? longest->length_us() / ms : -1;
}

}  // namespace

TEST_CASE("chaos unavailability: a wait goes from the question, or the last answer, to an answer") {
  unavailability times;
  times.add(ok("k", 0, 10));
  times.add(ok("k", 100, 130));
  CHECK(longest_ms(times, "none") == 30);
  times.add(ok("k", 120, 190));  // asked before the answer at 130: waited for since then
  CHECK(longest_ms(times, "none") == 60);
}

TEST_CASE("chaos unavailability: failed calls end no wait while somebody goes on asking") {
  unavailability times;
  times.add(call("k", 0, 100, outcome::fail));
  times.add(call("k", 300, 400, outcome::unknown));
  times.add(ok("k", 600, 700));
  CHECK(longest_ms(times, "none") == 700);
  CHECK(times.attribute({}).at("none").not_ok == 2);
}

TEST_CASE("chaos unavailability: when nobody asks, nobody waits") {
  unavailability times;
  times.add(call("k", 0, 100, outcome::fail));
  times.add(ok("k", 10'000, 10'050));
  CHECK(longest_ms(times, "none") == 100);
}

TEST_CASE("chaos unavailability: another key's answers end no wait") {
  unavailability times;
  times.add(ok("k", 0, 1'000));
  for (int i = 0; i < 10; ++i) times.add(ok("other", 100 * i, 100 * i + 10));
  CHECK(longest_ms(times, "none") == 1'000);
}

TEST_CASE("chaos unavailability: it is due to the fault that lasted through most of it") {
  unavailability times;
  times.add(ok("k", 1'000, 2'000));
  const auto first = fault(fault_kind::kill, 0, 900), later = fault(fault_kind::stop, 1'900, 5'000);
  CHECK(longest_ms(times, "kill", {first, later}) == 1'000);
  CHECK(longest_ms(times, "stop", {first, later}) == -1);

  SUBCASE("of equals, to the later") {
    CHECK(longest_ms(times, "stop", {first, fault(fault_kind::stop, 950, 5'000)}) == 1'000);
  }
  SUBCASE("to none, when all are long over") {
    times.add(ok("k", 20'000, 23'000));
    CHECK(longest_ms(times, "none", {first, later}) == 3'000);
  }
}
