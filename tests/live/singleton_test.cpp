// A singleton in a cluster of real processes: each is this program again, with the skipped test
// below, and its log says what it has in memory.

#include <aether/aether.hpp>
#include "examples/flights/child_process.hpp"
#include "examples/flights/temp_directory.hpp"
#include "support/await.hpp"
#include "support/nats_server.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace aether {

namespace {

using namespace std::chrono_literals;
using flights::child_process;
using testing_support::await;
using testing_support::await_limit;
using testing_support::nats_server;

struct count {
  std::int64_t value = 0;
  AETHER_MESSAGE("beacon.count", value)
};
struct ping {
  using reply = count;
  AETHER_MESSAGE("beacon.ping")
};
struct pinged {
  AETHER_MESSAGE("beacon.pinged")
};
struct beacon : event_sourced_actor<beacon> {
  static constexpr std::string_view type_name = "beacon";
  static constexpr bool singleton = true;
  using state = count;
  using commands = messages<ping>;
  using events = messages<pinged>;
  effect<count> on(const ping&, const state&) {
    return persist(pinged{}).reply([](const state& now) { return now; });
  }
  static void apply(state& now, const pinged&) { ++now.value; }
};

/// As a program gets them from its environment.
options from_environment() {
  const auto lookup = [](const char* name) -> std::optional<std::string> {
    const char* text = std::getenv(name);
    return text == nullptr ? std::nullopt : std::optional<std::string>{text};
  };
  return options::parse({}, lookup).value().value;
}

/// A node in a process of its own.
class process {
 public:
  process(const nats_server& server, const std::string& name,
          const std::filesystem::path& directory)
      : log_{directory / name}, child_{start(server, name, log_)} {}

  /// What it last said that it has in memory; none before it has joined.
  [[nodiscard]] std::optional<int> resident() const {
    std::ifstream log{log_};
    std::optional<int> last;
    for (std::string line; std::getline(log, line);)
      if (constexpr std::string_view said = "resident "; line.starts_with(said))
        last = std::stoi(line.substr(said.size()));
    return last;
  }
  void kill() { child_.signal(SIGKILL); }

 private:
  static child_process start(const nats_server& server, const std::string& name,
                             const std::filesystem::path& log) {
    ::setenv("AETHER_NATS", server.url().c_str(), 1);
    ::setenv("AETHER_NODE", name.c_str(), 1);
    // So that one which is only late is not taken for one that is gone.
    ::setenv("AETHER_FAILURE_TIMEOUT", "20s", 1);
    auto made = child_process::start(
        {"/proc/self/exe", {"--test-case=singleton: a node of another test", "--no-skip"}, log});
    REQUIRE(made);
    ::unsetenv("AETHER_NATS");
    ::unsetenv("AETHER_NODE");
    ::unsetenv("AETHER_FAILURE_TIMEOUT");
    return std::move(*made);
  }

  std::filesystem::path log_;
  child_process child_;
};

}  // namespace

TEST_CASE("singleton: a node of another test" * doctest::skip()) {
  node one{from_environment()};
  one.host<beacon>();
  REQUIRE(one.join());
  std::optional<std::uint64_t> told;
  (void)await(
      [&] {
        const auto resident = one.status().actors.resident;
        if (told != resident) std::printf("resident %d\n", static_cast<int>(resident));
        std::fflush(stdout);
        told = resident;
        return false;  // until it is killed
      },
      10 * await_limit);
}

TEST_CASE("singleton: one is active over three nodes, and comes back by itself after a kill") {
  const nats_server server;
  const auto directory = flights::temp_directory::make().value();
  std::map<std::string, process> nodes;
  for (const auto* name : {"n1", "n2", "n3"})
    nodes.try_emplace(name, server, name, directory.path());
  const auto active = [&] {
    int sum = 0;
    for (const auto& [name, one] : nodes) sum += one.resident().value_or(100);
    return sum;
  };
  REQUIRE(await([&] { return active() == 1; }));

  options guest;
  guest.nats = server.url();
  guest.node = "guest";
  guest.failure_timeout = 20s;
  node client{guest};
  REQUIRE(client.join());
  const auto first = client.singleton<beacon>().ask(ping{}, await_limit).get();
  REQUIRE(first);
  CHECK(first->value == 1);
  CHECK(active() == 1);

  for (auto one = nodes.begin(); one != nodes.end(); ++one)
    if (one->second.resident() == 1) {
      one->second.kill();
      nodes.erase(one);
      break;
    }
  const auto start = std::chrono::steady_clock::now();
  REQUIRE(nodes.size() == 2);
  REQUIRE(await([&] { return active() == 1; }));  // nobody has called it
  MESSAGE("owner killed until its singleton is back: "
          << std::chrono::duration_cast<std::chrono::milliseconds>(
                 std::chrono::steady_clock::now() - start)
                 .count()
          << " ms");
  const auto second = client.singleton<beacon>().ask(ping{}, await_limit).get();
  REQUIRE(second);
  CHECK(second->value == 2);
}

}  // namespace aether
