// aether_sim: runs the simulation from the command line; see docs/simulation.md.

#include "run.hpp"

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>

namespace {

using namespace aether::sim;

constexpr const char* usage =
    "usage: aether_sim [--seed N] [--runs K] [--nodes N] [--steps M] [--profile planned|faulty]\n"
    "                  [--break appends|keys|commands|tables|slots|contact] [--json]\n"
    "                  [--trace] [--lines L] [--keep-going]\n"
    "\n"
    "A whole cluster in one thread and in virtual time. Run i has seed N + i.\n"
    "\n"
    "  --seed        of the first run; default: AETHER_SEED, or 1\n"
    "  --runs        default: 1\n"
    "  --nodes       that host actors; default: the seed decides\n"
    "  --steps       of each run while things go wrong; default: 6000\n"
    "  --profile     what happens; default: the seed decides\n"
    "  --break       have a model not do its part, to see that it is noticed\n"
    "  --json        one object for each run, one a line, and one for all\n"
    "  --trace       print the last lines of the trace of a run that is good, too\n"
    "  --lines       of a trace that are kept; default: 200\n"
    "  --keep-going  run all seeds, whatever is violated\n"
    "\n"
    "Exit status: 0 all is well, 1 an invariant is violated, 2 wrong usage.\n";

struct command_line {
  settings how;
  std::uint64_t runs = 1;
  bool json = false;
  bool trace = false;
  bool keep_going = false;
};

template <class Number>
bool read(std::string_view text, Number& to) {
  const auto [end, why] = std::from_chars(text.data(), text.data() + text.size(), to);
  return why == std::errc{} && end == text.data() + text.size();
}

bool read_breakage(std::string_view text, breakage& to) {
  if (text == "appends") return to.unconditional_appends = true;
  if (text == "keys") return to.unconditional_keys = true;
  if (text == "commands") return to.forget_commands = true;
  if (text == "tables") return to.old_tables = true;
  if (text == "slots") return to.seize_slots = true;
  if (text == "contact") return to.endless_contact = true;
  return false;
}

bool read_profile(std::string_view text, profile& to) {
  if (text == "planned") to = profile::planned;
  if (text == "faulty") to = profile::faulty;
  return text == "planned" || text == "faulty";
}

bool read_option(std::string_view name, std::string_view value, command_line& to) {
  if (name == "--seed") return read(value, to.how.seed);
  if (name == "--runs") return read(value, to.runs);
  if (name == "--nodes") return read(value, to.how.nodes);
  if (name == "--steps") return read(value, to.how.steps);
  if (name == "--lines") return read(value, to.how.trace_lines);
  if (name == "--profile") return read_profile(value, to.how.kind);
  if (name == "--break") return read_breakage(value, to.how.broken);
  return false;
}

std::optional<command_line> parse(int argc, char** argv) {
  command_line made;
  if (const char* seed = std::getenv("AETHER_SEED"); seed != nullptr && !read(seed, made.how.seed))
    return std::nullopt;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name{argv[i]};
    if (name == "--json")
      made.json = true;
    else if (name == "--trace")
      made.trace = true;
    else if (name == "--keep-going")
      made.keep_going = true;
    else if (i + 1 == argc || !read_option(name, argv[++i], made))
      return std::nullopt;
  }
  return made;
}

const char* name_of(profile kind) { return kind == profile::planned ? "planned" : "faulty"; }

void print_json(std::uint64_t seed, const verdict& how) {
  std::printf(
      R"({"seed":%llu,"ok":%s,"profile":"%s","steps":%llu,"virtual_seconds":%.3f,)"
      R"("trace_hash":"%016llx","asks":%llu,"answered":%llu,"unknown":%llu,"events":%llu,)"
      R"("terms":%llu,"tables":%llu,"longest_ms":%.1f,"healed_ms":%.1f,)"
      R"("violated":%s%s%s,"detail":"%s"})"
      "\n",
      static_cast<unsigned long long>(seed), how.violated == nullptr ? "true" : "false",
      name_of(how.kind), static_cast<unsigned long long>(how.steps), how.virtual_seconds,
      static_cast<unsigned long long>(how.hash), static_cast<unsigned long long>(how.asks),
      static_cast<unsigned long long>(how.answered), static_cast<unsigned long long>(how.unknown),
      static_cast<unsigned long long>(how.events), static_cast<unsigned long long>(how.terms),
      static_cast<unsigned long long>(how.tables), how.longest_ms, how.healed_ms,
      how.violated == nullptr ? "null" : "\"", how.violated == nullptr ? "" : how.violated,
      how.violated == nullptr ? "" : "\"", how.detail);
}

void print_violation(std::uint64_t seed, const report& from) {
  std::printf("\nVIOLATED in seed %llu at step %llu: %s\n  %s\n  %s\n",
              static_cast<unsigned long long>(seed),
              static_cast<unsigned long long>(from.how.steps), from.how.violated, from.how.sentence,
              from.how.detail);
}

void print_trace(const report& from) {
  for (const auto& line : from.trace) std::printf("  %s\n", line.c_str());
}

struct totals {
  std::uint64_t runs = 0, bad = 0, steps = 0, asks = 0, answered = 0, unknown = 0, events = 0;
  double longest_planned_ms = 0, longest_heal_ms = 0;

  void add(const verdict& how) {
    ++runs;
    bad += how.violated != nullptr ? 1 : 0;
    steps += how.steps;
    asks += how.asks;
    answered += how.answered;
    unknown += how.unknown;
    events += how.events;
    if (how.kind == profile::planned && how.longest_ms > longest_planned_ms)
      longest_planned_ms = how.longest_ms;
    if (how.healed_ms > longest_heal_ms) longest_heal_ms = how.healed_ms;
  }
};

void print_totals(const totals& all, double seconds, bool json) {
  const double per_second = seconds > 0 ? static_cast<double>(all.steps) / seconds : 0;
  std::printf(
      json ? R"({"runs":%llu,"violated":%llu,"steps":%llu,"asks":%llu,"answered":%llu,)"
             R"("unknown":%llu,"events":%llu,"longest_planned_ms":%.1f,"longest_heal_ms":%.1f,)"
             R"("seconds":%.1f,"steps_per_second":%.0f})"
             "\n"
           : "%llu runs, %llu violated; %llu steps, %llu commands, %llu answered, %llu not, "
             "%llu events; longest ask in planned moves %.1f ms, longest "
             "until healed %.1f ms; "
             "%.1f s, %.0f steps/s\n",
      static_cast<unsigned long long>(all.runs), static_cast<unsigned long long>(all.bad),
      static_cast<unsigned long long>(all.steps), static_cast<unsigned long long>(all.asks),
      static_cast<unsigned long long>(all.answered), static_cast<unsigned long long>(all.unknown),
      static_cast<unsigned long long>(all.events), all.longest_planned_ms, all.longest_heal_ms,
      seconds, per_second);
}

}  // namespace

int main(int argc, char** argv) {
  const auto wanted = parse(argc, argv);
  if (!wanted) {
    std::fputs(usage, stderr);
    return 2;
  }
  // A machine's own assertion: say where it happened.
  std::signal(SIGABRT, [](int) { print_run_under_way(); });
  totals all;
  const auto begin = std::chrono::steady_clock::now();
  settings how = wanted->how;
  how.keep_trace = wanted->trace;
  for (std::uint64_t i = 0; i < wanted->runs; ++i, ++how.seed) {
    const auto made = run(how);
    all.add(made.how);
    if (wanted->json) print_json(how.seed, made.how);
    const bool bad = made.how.violated != nullptr;
    if (bad && !wanted->json) print_violation(how.seed, made);
    if (!wanted->json || wanted->trace) print_trace(made);
    if (bad && !wanted->keep_going) break;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  print_totals(all, took.count(), wanted->json);
  return all.bad > 0 ? 1 : 0;
}
