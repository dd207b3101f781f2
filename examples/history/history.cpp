// The history of one account of examples/bank, and its state after each event. Reads the log; the
// account need not be in memory anywhere. Takes all options of a node, and some of its own. Without
// --nats it tells a history that it makes itself.

#include <aether/runtime/describe.hpp>
#include "../bank/account.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <future>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;

struct arguments {
  std::string id = "alice";
  std::uint64_t to = aether::any_version.value();
  std::size_t newest = 0;
  std::uint64_t skip = 0;
  std::string because;
};

void declare(CLI::App& app, arguments& given) {
  app.set_help_flag();  // the node's
  app.add_option("id", given.id, "which account")->capture_default_str();
  app.add_option("--to", given.to, "the state as of this version: no event after it");
  app.add_option("--newest", given.newest, "only the newest N events, without states");
  auto* skip = app.add_option("--skip", given.skip,
                              "have the event of this version skipped, which cannot be applied");
  app.add_option("--because", given.because, "why it is skipped, for those who read it later")
      ->needs(skip);
  skip->needs("--because");
}

/// Takes the node's options out of the arguments, the rest into `given`. Ends the process on a
/// mistake, and after the help.
aether::options parse(int argc, char** argv, arguments& given) {
  CLI::App app{"Prints the history of a bank account, and its state after each event.", "history"};
  declare(app, given);
  std::vector<std::string> own;
  auto node = aether::options::from(argc, argv, own, app.help());
  try {
    std::reverse(own.begin(), own.end());  // as CLI11 wants it
    app.parse(own);
  } catch (const CLI::ParseError& problem) {
    (void)app.exit(problem);
    std::exit(2);
  }
  node.weight = 0;  // a guest: it owns no shards
  return node;
}

std::string time_text(std::chrono::sys_time<std::chrono::milliseconds> at) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(at);
  char text[32];
  std::strftime(text, sizeof text, "%F %T", std::gmtime(&seconds));
  return text;
}

void print_line(const aether::recorded_event& event, const std::string& after) {
  std::printf("%7" PRIu64 "  %s  %-40s %s\n", event.version.value(), time_text(event.at).c_str(),
              aether::describe(event.event.type, event.event.data).c_str(), after.c_str());
}

int failed(const aether::error& why) {
  std::fprintf(stderr, "history: %s\n", why.message().c_str());
  return 1;
}

int print_newest(const aether::actor_history<account>& past, std::size_t count) {
  const auto part = past.events({.limit = count, .newest_first = true}).get();
  if (!part) return failed(part.error());
  for (const auto& event : part->events) print_line(event, "");
  if (part->more) std::puts("    ...");
  return 0;
}

int print_whole(const aether::actor_history<account>& past, std::uint64_t to) {
  const auto end = past.replay(
                           [](const aether::recorded_event& event, const balance& after) {
                             const auto state = aether::encode(after);
                             print_line(event, aether::describe("", state));
                           },
                           aether::event_version{to})
                       .get();
  if (!end) return failed(end.error());
  std::printf("at version %" PRIu64 ": %.2f\n", end->point.version.value(),
              static_cast<double>(end->state.cents) / 100);
  return 0;
}

int skip_event(aether::node& node, const arguments& given) {
  const auto id = aether::actor_id::parse(given.id);
  if (!id) return failed(id.error());
  const aether::event_version which{given.skip};
  std::promise<aether::result<aether::log_position>> marked;
  auto outcome = marked.get_future();
  aether::skip_events(*node.events(), {aether::model<account>::traits().type, *id},
                      {which, which, {}, given.because},
                      [&](auto stored) { marked.set_value(std::move(stored)); });
  const auto where = outcome.get();
  if (!where) return failed(where.error());
  std::printf("the marker is version %" PRIu64
              "; where the history cannot be read or applied\n"
              "without it, version %" PRIu64 " is skipped\n",
              where->version.value(), given.skip);
  return 0;
}

/// Something to tell, where there is no server to ask.
void make_up(aether::node& node, const std::string& id) {
  const auto someone = node.actor<account>(id);
  for (const std::int64_t cents : {100'00, 25'50, 4'50})
    (void)someone.ask(deposit{cents}, 5s).get();
  (void)someone.ask(withdraw{30'00}, 5s).get();
}

}  // namespace

int main(int argc, char** argv) {
  arguments given;
  aether::node node{parse(argc, argv, given)};
  node.host<account>();
  if (auto joined = node.join(); !joined) return failed(joined.error());
  if (node.settings().nats.empty()) make_up(node, given.id);
  if (given.skip > 0) return skip_event(node, given);
  const auto past = node.history<account>(given.id);
  std::printf("account/%s in namespace %s\n", given.id.c_str(), node.settings().ns.c_str());
  return given.newest > 0 ? print_newest(past, given.newest) : print_whole(past, given.to);
}
