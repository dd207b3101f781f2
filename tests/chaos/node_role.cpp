#include "node_role.hpp"

#include <aether/cluster/node.hpp>
#include "examples/flights/child_process.hpp"
#include "list_actor.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string_view>
#include <thread>
#include <unistd.h>

namespace aether::chaos {

namespace {

using namespace std::chrono_literals;

constexpr auto between_tries = 100ms;
/// Where it cannot join for so long, something is wrong.
constexpr auto join_limit = 120s;

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>{value};
}

void report(std::string_view line) {
  [[maybe_unused]] const auto written =
      ::write(flights::child_process::report_fd, line.data(), line.size());
  ::close(flights::child_process::report_fd);
}

/// No server, none that leads, a namesake that is not known to be gone: all that passes.
bool passes(errc code) {
  return code != errc::invalid_options && code != errc::unsupported_server &&
         code != errc::incompatible_cluster;
}

result<void> join(node& self) {
  const auto deadline = std::chrono::steady_clock::now() + join_limit;
  for (;;) {
    auto joined = self.join();
    if (joined || !passes(joined.error().code()) || std::chrono::steady_clock::now() > deadline)
      return joined;
    std::this_thread::sleep_for(between_tries);
  }
}

}  // namespace

result<options> options_of(const member_options& member) {
  auto parsed = options::parse({"--nats", member.nats_url, "--namespace", "chaos", "--node",
                                member.node_id, "--shards", std::to_string(member.shards),
                                "--streams", "4", "--replicas", std::to_string(member.replicas)},
                               variable, "aether_chaos");
  if (!parsed) return std::unexpected(std::move(parsed).error());
  return std::move(parsed->value);
}

int run_node(const member_options& member) {
  auto chosen = options_of(member);
  if (!chosen) {
    std::fprintf(stderr, "aether_chaos: %s\n", chosen.error().message().c_str());
    return 2;
  }
  if (!variable("AETHER_PASSIVATE_AFTER")) chosen->passivate_after = 3s;  // recoveries are wanted
  node::catch_signals();
  node self{*chosen};
  self.host<list_actor>();
  if (const auto joined = join(self); !joined) {
    std::fprintf(stderr, "aether_chaos: cannot join: %s\n", joined.error().message().c_str());
    return 1;
  }
  report("ready\n");
  return self.run_until_signal();
}

}  // namespace aether::chaos
