#include "report.hpp"

#include "text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string_view>
#include <utility>

namespace flights {

namespace {

constexpr std::size_t listed_max = 10;

std::string table_row(const std::string& name, const totals& numbers) {
  char line[160];
  std::snprintf(line, sizeof line, "%-8s %12s %12s %14s %16s\n", name.c_str(),
                grouped(numbers.departures).c_str(), grouped(numbers.arrivals).c_str(),
                grouped(numbers.delay_minutes).c_str(), grouped(numbers.distance_miles).c_str());
  return line;
}

std::string table(const totals_by_airport& airports) {
  const auto traffic = [](const auto& one) { return one.second.departures + one.second.arrivals; };
  std::vector<std::pair<std::string, totals>> busiest(airports.begin(), airports.end());
  // Stable, so that equally busy airports stay in the order of their codes.
  std::ranges::stable_sort(busiest, std::ranges::greater{}, traffic);
  if (busiest.size() > listed_max) busiest.resize(listed_max);
  std::string out = "airport    departures     arrivals  delay minutes   distance miles\n";
  for (const auto& [code, numbers] : busiest) out += table_row(code, numbers);
  return out + table_row("all " + std::to_string(airports.size()), sum(airports));
}

std::string verdict(const std::string& reading, const totals_by_airport& expected,
                    const totals_by_airport& found) {
  const auto wrong = differences(expected, found);
  if (wrong.empty()) return reading + ": equal to the file\n";
  std::string out = reading + ": " + grouped(wrong.size()) + " airports DIFFER from the file\n";
  for (std::size_t i = 0; i < std::min(wrong.size(), listed_max); ++i)
    out += "    " + wrong[i] + "\n";
  return out;
}

double commands_per_second(const drive_result& driven) {
  return driven.took.count() > 0 ? static_cast<double>(driven.acknowledged) / driven.took.count()
                                 : 0.0;
}

/// To 1/`parts`; divided last, so that few digits are printed.
double rounded(double number, double parts) { return std::round(number * parts) / parts; }

std::string failures(const drive_result& driven) {
  std::string out;
  for (const auto& [code, failure] : driven.failed)
    out += grouped(failure.count) + " commands FAILED, " + code + ": " + failure.example + "\n";
  return out;
}

}  // namespace

bool run_report::good() const {
  return driven.failures() == 0 && matches_file() && matches_after_restart();
}

std::string rejected_rows(const flight_log& log) {
  std::string out;
  for (const rejected_row& row : log.first_rejected)
    out += "  line " + std::to_string(row.line) + " rejected: " + row.reason + "\n";
  if (const auto more = log.rejected - log.first_rejected.size(); more > 0)
    out += "  and " + grouped(more) + " more\n";
  return out;
}

std::string as_text(const run_report& report) {
  const drive_result& driven = report.driven;
  std::string out = table(report.answered) + "\n";
  out += grouped(report.rows) + " rows, " + grouped(report.rejected_rows) + " rejected; " +
         grouped(driven.acknowledged) + " commands acknowledged in " +
         fixed(driven.took.count(), 2) + " s, " +
         grouped(static_cast<std::int64_t>(commands_per_second(driven))) + "/s\n";
  if (report.killed_node) out += "killed " + *report.killed_node + " half-way; ";
  out += "no shard went without answering for longer than " + fixed(driven.unavailable.count(), 0) +
         " ms\n";
  out += failures(driven);
  out += verdict("at the end", report.expected, report.answered);
  out += verdict("after the restart, from history alone", report.expected,
                 report.answered_after_restart);
  return out;
}

std::string as_json(const run_report& report) {
  const totals all = sum(report.answered);
  nlohmann::ordered_json out;
  out["rows"] = report.rows;
  out["rejected_rows"] = report.rejected_rows;
  out["airports"] = report.answered.size();
  out["departures"] = all.departures;
  out["arrivals"] = all.arrivals;
  out["delay_minutes"] = all.delay_minutes;
  out["distance_miles"] = all.distance_miles;
  out["commands"] = report.driven.acknowledged;
  out["failed_commands"] = report.driven.failures();
  out["seconds"] = rounded(report.driven.took.count(), 1'000);
  out["commands_per_second"] = rounded(commands_per_second(report.driven), 10);
  out["killed_node"] = nullptr;
  if (report.killed_node) out["killed_node"] = *report.killed_node;
  out["unavailable_ms"] = rounded(report.driven.unavailable.count(), 10);
  out["matches_file"] = report.matches_file();
  out["matches_after_restart"] = report.matches_after_restart();
  return out.dump();
}

}  // namespace flights
