#include "node_role.hpp"

#include <aether/cluster/node.hpp>
#include "airport.hpp"
#include "child_process.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <unistd.h>

namespace flights {

namespace {

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>{value};
}

/// One line to the parent; nothing to be done when it is gone.
void report(std::string line) {
  std::ranges::replace(line, '\n', ' ');
  line += '\n';
  [[maybe_unused]] const auto written = ::write(child_process::report_fd, line.data(), line.size());
  ::close(child_process::report_fd);
}

}  // namespace

aether::result<aether::options> node_options(const std::string& nats_url,
                                             const std::string& name_space,
                                             const std::string& node_id) {
  auto parsed = aether::options::parse(
      {"--nats", nats_url, "--namespace", name_space, "--node", node_id}, variable, "flights");
  if (!parsed) return std::unexpected(std::move(parsed).error());
  return std::move(parsed->value);
}

int run_node(const arguments& given) {
  auto options = node_options(given.nats, given.name_space, given.node_id);
  if (!options) {
    report(options.error().message());
    return 1;
  }
  aether::node::catch_signals();
  aether::node node{*options};
  node.host<airport>();
  if (const auto joined = node.join(); !joined) {
    report("it cannot join: " + joined.error().message());
    return 1;
  }
  report("ready");
  return node.run_until_signal();
}

}  // namespace flights
