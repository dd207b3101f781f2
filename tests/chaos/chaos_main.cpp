// aether_chaos: breaks a real cluster under load and judges what its clients saw. docs/chaos.md.

#include "arguments.hpp"
#include "chaos_run.hpp"
#include "examples/flights/stop_request.hpp"
#include "node_role.hpp"

#include <cstdio>
#include <string>
#include <system_error>

namespace {

using namespace aether::chaos;

constexpr int exit_good = 0;
constexpr int exit_bad = 1;

int fail(const std::string& why) {
  if (const int number = flights::stop_requested(); number != 0) {
    std::fputs("aether_chaos: interrupted; everything that was started is stopped\n", stderr);
    return 128 + number;
  }
  std::fprintf(stderr, "aether_chaos: %s\n", why.c_str());
  return exit_bad;
}

int show_plan(const arguments& given) {
  const auto plan = plan_faults({.seed = given.seed,
                                 .length = std::chrono::seconds{given.seconds},
                                 .kinds = given.faults,
                                 .nodes = given.nodes,
                                 .servers = 3});
  for (const planned_fault& one : plan)
    std::printf("%6lld ms  %s %s, target %u, for %lld ms\n", static_cast<long long>(one.at.count()),
                to_string(one.kind).data(), to_string(one.mode).data(), one.target,
                static_cast<long long>(one.lasts.count()));
  return exit_good;
}

int run(const arguments& given) {
  flights::watch_for_stop_requests();
  flights::or_error<run_report> report;
  try {
    report = run_chaos(given);
  } catch (const std::system_error& problem) {  // no port, no thread
    return fail(problem.what());
  }
  if (!report) return fail(report.error());
  const std::string text = given.json ? as_json(*report) + "\n" : as_text(*report);
  std::fputs(text.c_str(), stdout);
  if (std::fflush(stdout) != 0) return fail("cannot write to stdout");
  return report->good() ? exit_good : exit_bad;
}

}  // namespace

int main(int argc, char** argv) {
  const auto given = parse_arguments(argc, argv);
  if (!given) return given.error().code;
  if (given->role == "node")
    return run_node({.nats_url = given->nats,
                     .node_id = given->node_id,
                     .shards = given->shards,
                     .replicas = given->replicas});
  return given->show_plan ? show_plan(*given) : run(*given);
}
