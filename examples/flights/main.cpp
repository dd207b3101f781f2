#include "arguments.hpp"
#include "flight_log.hpp"
#include "node_role.hpp"
#include "report.hpp"
#include "scenario.hpp"
#include "stop_request.hpp"
#include "text.hpp"

#include <cstdio>
#include <utility>

namespace flights {

namespace {

constexpr int exit_good = 0;
constexpr int exit_failed = 1;

int fail(const std::string& why) {
  if (const int number = stop_requested(); number != 0) {
    say("flights: interrupted; everything that was started is stopped");
    return 128 + number;
  }
  say("flights: " + why);
  return exit_failed;
}

int run(const arguments& given) {
  const auto log = load_flights(given.input);
  if (!log) return fail(log.error());
  std::fputs(rejected_rows(*log).c_str(), stderr);
  if (log->flights.empty())
    return fail("none of the " + grouped(log->rows) + " rows of " + given.input.string() +
                " can be used");

  // Only now: while reading, a signal may end the program at once, for nothing is started yet.
  watch_for_stop_requests();
  const auto report = run_scenario(given, *log);
  if (!report) return fail(report.error());
  std::fputs(as_text(*report).c_str(), given.json ? stderr : stdout);
  if (given.json) std::printf("%s\n", as_json(*report).c_str());
  if (std::fflush(stdout) != 0) return fail("cannot write to stdout");
  return report->good() ? exit_good : exit_failed;
}

}  // namespace

}  // namespace flights

int main(int argc, char** argv) {
  const auto given = flights::parse_arguments(argc, argv);
  if (!given) return given.error().code;
  if (!given->role.empty()) return flights::run_node(*given);
  return flights::run(*given);
}
