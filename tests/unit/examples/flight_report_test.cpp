#include "examples/flights/report.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace flights;

namespace {

run_report good_report() {
  run_report report;
  report.rows = 3;
  report.rejected_rows = 1;
  report.expected = {{"DTW", {2, 0, 61, 2157}}, {"LAS", {0, 2, 0, 0}}};
  report.answered = report.expected;
  report.answered_after_restart = report.expected;
  report.driven.acknowledged = 4;
  report.driven.took = std::chrono::seconds{2};
  report.driven.unavailable = std::chrono::milliseconds{1'234};
  return report;
}

}  // namespace

TEST_CASE("the JSON has every member that its readers rely on") {
  run_report report = good_report();
  report.killed_node = "n1";
  const auto expected = nlohmann::json::parse(R"({
    "rows": 3, "rejected_rows": 1, "airports": 2, "departures": 2, "arrivals": 2,
    "delay_minutes": 61, "distance_miles": 2157, "commands": 4, "failed_commands": 0,
    "seconds": 2.0, "commands_per_second": 2.0, "killed_node": "n1", "unavailable_ms": 1234.0,
    "matches_file": true, "matches_after_restart": true})");
  CHECK(nlohmann::json::parse(as_json(report)) == expected);
  CHECK_FALSE(as_json(report).contains('\n'));
  CHECK(nlohmann::json::parse(as_json(good_report()))["killed_node"].is_null());
}

TEST_CASE("a run is good only if all is acknowledged and both readings match") {
  CHECK(good_report().good());
  SUBCASE("a failed command") {
    run_report report = good_report();
    report.driven.failed["outcome_unknown"] = {2, "no answer"};
    CHECK_FALSE(report.good());
    CHECK(as_text(report).contains("2 commands FAILED, outcome_unknown: no answer"));
  }
  SUBCASE("another number at the end") {
    run_report report = good_report();
    ++report.answered["LAS"].arrivals;
    CHECK_FALSE(report.good());
    CHECK_FALSE(report.matches_file());
    CHECK(report.matches_after_restart());
    CHECK(as_text(report).contains("at the end: 1 airports DIFFER"));
  }
  SUBCASE("an airport missing after the restart") {
    run_report report = good_report();
    report.answered_after_restart.erase("LAS");
    CHECK_FALSE(report.good());
    CHECK(as_text(report).contains("LAS: no answer"));
  }
}

TEST_CASE("the table has the ten busiest airports, the busiest first") {
  run_report report = good_report();
  for (char c = 'A'; c <= 'L'; ++c)
    report.answered[std::string{"AA"} + c] = {1'000 * (c - 'A'), 0, 0, 0};
  const std::string text = as_text(report);
  CHECK(text.find("AAL") < text.find("AAK"));
  CHECK(text.contains("11,000"));
  CHECK(text.substr(0, text.find("all 14")).contains("AAC"));
  CHECK_FALSE(text.substr(0, text.find("all 14")).contains("AAB"));
}
