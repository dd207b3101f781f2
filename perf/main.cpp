#include "benchmarks.hpp"
#include "child.hpp"
#include "report.hpp"

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace aether::perf {

namespace {

struct entry {
  std::string name;
  benchmark (*make)(const scale&);
};

const std::vector<entry>& entries() {
  static const std::vector<entry> all{
      {"local_tell_memory_1", local_tell_memory_1},
      {"local_tell_memory_10k", local_tell_memory_10k},
      {"local_tell_memory_1m", local_tell_memory_1m},
      {"local_ask_actor", local_ask_actor},
      {"activation_cycle_memory", activation_cycle_memory},
      {"persisted_10k_actors_jetstream", persisted_10k_actors_jetstream},
      {"persisted_hot_actor_jetstream", persisted_hot_actor_jetstream},
      {"remote_ask_p50", remote_ask_p50},
      {"bytes_per_idle_actor", bytes_per_idle_actor},
      {"append_through_store", append_through_store},
      {"append_100_events", append_100_events},
      {"bus_throughput", bus_throughput},
      {"bus_delay", bus_delay},
      {"rehydrate_snapshot_p50", rehydrate_snapshot_p50},
      {"rehydrate_100_commits_p50", rehydrate_100_commits_p50},
      {"rehydrate_10k_actors", rehydrate_10k_actors},
      {"projection_catch_up", projection_catch_up},
      {"durable_sends", durable_sends},
      {"server_bytes_per_actor", server_bytes_per_actor},
      {"kill_of_an_owner", kill_of_an_owner},
      {"stop_of_an_owner", stop_of_an_owner},
      {"planned_leave", planned_leave},
      {"three_nodes_jetstream", three_nodes_jetstream},
      {"table_of_100_nodes", table_of_100_nodes},
      {"start_of_a_node", start_of_a_node},
  };
  return all;
}

struct arguments {
  scale how_much;
  bool json = false;
  std::string only;
  bool valid = true;
};

arguments parse(const std::vector<std::string>& words) {
  arguments made;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--quick")
      made.how_much.quick = true;
    else if (words[i] == "--json")
      made.json = true;
    else if (words[i] == "--only" && i + 1 < words.size())
      made.only = words[++i];
    else
      made.valid = false;
  }
  bool known = made.only.empty();
  for (const auto& one : entries()) known = known || one.name == made.only;
  made.valid = made.valid && known;
  return made;
}

int usage() {
  std::fputs("usage: aether_perf [--quick] [--only NAME] [--json], NAME one of\n", stderr);
  for (const auto& one : entries()) std::fprintf(stderr, "  %s\n", one.name.c_str());
  return 2;
}

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

/// Measures one row. @returns whether that worked.
bool run(const entry& one, const arguments& how, std::vector<std::string>& below) {
  try {
    std::fprintf(stderr, "measuring %s ...\n", one.name.c_str());
    const auto found = measure(one.name, one.make(how.how_much), how.how_much.pairs());
    print(how.json ? json_line(found) : table_row(found));
    if (!found.on_target()) below.push_back(one.name);
    return true;
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "FAILED to measure %s: %s\n", one.name.c_str(), failure.what());
    return false;
  }
}

int run_all(const arguments& how) {
  if (!how.json) print(table_head());
  bool measured = true;
  std::vector<std::string> below;
  for (const auto& one : entries())
    if (how.only.empty() || how.only == one.name) measured = run(one, how, below) && measured;
  for (const auto& name : below) std::fprintf(stderr, "BELOW TARGET: %s\n", name.c_str());
  return measured ? 0 : 1;
}

}  // namespace

}  // namespace aether::perf

int main(int argc, char** argv) {
  using namespace aether::perf;
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (!words.empty() && words.front() == "--child")
    return play_role({words.begin() + 1, words.end()});
  const auto how = parse(words);
  return how.valid ? run_all(how) : usage();
}
