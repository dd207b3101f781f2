#include "scenario.hpp"

#include <aether/cluster/node.hpp>
#include <aether/runtime/nats.hpp>
#include "driver.hpp"
#include "nats_server.hpp"
#include "node_role.hpp"
#include "stop_request.hpp"
#include "supervisor.hpp"
#include "temp_directory.hpp"
#include "text.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>
#include <thread>

namespace flights {

namespace {

/// How often a condition is looked at that nothing announces.
constexpr std::chrono::milliseconds poll_interval{20};

std::string node_name(std::uint32_t number) { return "n" + std::to_string(number); }

/// A node that hosts nothing: it sends and asks.
or_error<std::unique_ptr<aether::node>> join_as_client(const std::string& nats_url,
                                                       const std::string& name_space,
                                                       const std::string& id) {
  auto options = node_options(nats_url, name_space, id);
  if (!options) return std::unexpected(options.error().message());
  // Its log shares the terminal with the progress.
  if (std::getenv("AETHER_LOG_LEVEL") == nullptr) options->log_level = aether::log::level::error;
  auto node = std::make_unique<aether::node>(*options);
  if (const auto joined = node->join(); !joined)
    return std::unexpected("cannot join namespace " + name_space + ": " + joined.error().message());
  return node;
}

bool all_own_shards(const aether::node_status& status, const std::vector<std::string>& nodes) {
  return std::ranges::all_of(nodes, [&](const std::string& name) {
    const auto found = std::ranges::find(status.members, name, &aether::node_status::member::node);
    return found != status.members.end() && found->shards > 0;
  });
}

/// Waits until the shards are spread over all nodes; gives up silently, since it only makes the run
/// more telling.
void await_spread(const aether::node& node, const std::vector<std::string>& nodes) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{5};
  while (!all_own_shards(node.status(), nodes) && std::chrono::steady_clock::now() < deadline &&
         stop_requested() == 0)
    std::this_thread::sleep_for(poll_interval);
  std::string line = "shards:";
  for (const auto& member : node.status().members)
    if (member.shards > 0) line += "  " + member.node + " " + std::to_string(member.shards);
  say(line);
}

or_error<void> expect_zero(const totals_by_airport& found, const std::string& name_space) {
  for (const auto& [code, numbers] : found)
    if (numbers != totals{})
      return std::unexpected("airport " + code + " already has flights in namespace '" +
                             name_space + "'; choose another --namespace");
  return {};
}

class scenario {
 public:
  scenario(const arguments& given, const flight_log& log, temp_directory directory)
      : given_{given}, log_{log}, directory_{std::move(directory)} {
    if (!given_.keep) return;
    directory_.keep();
    say("logs and data stay in " + directory_.path().string());
  }

  or_error<run_report> run() {
    for (const auto step :
         {&scenario::start_server, &scenario::start_nodes, &scenario::check_unused,
          &scenario::send_everything, &scenario::read_at_the_end, &scenario::restart,
          &scenario::read_from_history, &scenario::finish})
      if (auto done = (this->*step)(); !done) return std::unexpected(done.error());
    return std::move(report_);
  }

 private:
  or_error<void> start_server() {
    if (given_.nats.empty()) {
      auto server = nats_server::start({given_.nats_server, given_.nats_port, directory_.path()});
      if (!server) return std::unexpected(server.error());
      server_.emplace(std::move(*server));
      url_ = server_->url();
      say("nats-server at " + url_);
    } else {
      url_ = given_.nats;
      auto connection = aether::nats_connection::open({.url = url_});
      if (!connection) return std::unexpected(connection.error().message());
      (*connection)->close();
    }
    nodes_.emplace(
        node_command{.nats_url = url_, .name_space = given_.name_space, .logs = directory_.path()});
    return {};
  }

  /// The first one alone, so that it leads: killing the leader is the hardest case.
  or_error<void> start_nodes() {
    std::vector<std::string> names;
    for (std::uint32_t i = 1; i <= given_.nodes; ++i) names.push_back(node_name(i));
    if (auto first = nodes_->start({names.front()}); !first) return first;
    if (auto rest = nodes_->start({names.begin() + 1, names.end()}); !rest) return rest;
    auto client = join_as_client(url_, given_.name_space, "sender");
    if (!client) return std::unexpected(client.error());
    client_ = std::move(*client);
    await_spread(*client_, names);
    return {};
  }

  or_error<void> check_unused() {
    report_.expected = tally(log_.flights);
    const auto found = query(*client_, report_.expected);
    if (!found) return with_logs(found.error());
    return expect_zero(*found, given_.name_space);
  }

  or_error<void> send_everything() {
    say("sending " + grouped(2 * log_.flights.size()) + " commands to " +
        grouped(report_.expected.size()) + " airports");
    drive_options options{.in_flight = given_.in_flight, .shards = client_->settings().shards};
    if (given_.kill_one) options.at_half = [this] { return kill_one(); };
    auto driven = drive(*client_, log_.flights, options);
    if (!driven) return with_logs(driven.error());
    report_.driven = std::move(*driven);
    return {};
  }

  or_error<void> kill_one() {
    const std::string victim = node_name(1);
    if (auto killed = nodes_->kill(victim); !killed) return killed;
    report_.killed_node = victim;
    say("  killed " + victim + " (SIGKILL)");
    return {};
  }

  or_error<void> read(totals_by_airport& into) {
    auto found = query(*client_, report_.expected);
    if (!found) return with_logs(found.error());
    into = std::move(*found);
    return {};
  }

  or_error<void> read_at_the_end() { return read(report_.answered); }
  or_error<void> read_from_history() { return read(report_.answered_after_restart); }

  void stop_all() {
    client_->leave();
    client_.reset();
    for (const std::string& problem : nodes_->stop()) say("warning: " + problem);
  }

  or_error<void> restart() {
    say("stopping every node; a fresh one reads the histories");
    stop_all();
    if (auto started = nodes_->start({node_name(given_.nodes + 1)}); !started) return started;
    auto client = join_as_client(url_, given_.name_space, "reader");
    if (!client) return std::unexpected(client.error());
    client_ = std::move(*client);
    return {};
  }

  or_error<void> finish() {
    stop_all();
    report_.rows = log_.rows;
    report_.rejected_rows = log_.rejected;
    if (!report_.good()) say("the nodes' logs end with" + nodes_->logs());
    return {};
  }

  [[nodiscard]] std::unexpected<std::string> with_logs(const std::string& problem) const {
    return std::unexpected(problem + "\nthe nodes' logs end with" + nodes_->logs());
  }

  const arguments& given_;
  const flight_log& log_;
  // In the order in which they are needed; so they go the other way round.
  temp_directory directory_;
  std::string url_;
  std::optional<nats_server> server_;
  std::optional<supervisor> nodes_;
  std::unique_ptr<aether::node> client_;
  run_report report_;
};

}  // namespace

or_error<run_report> run_scenario(const arguments& given, const flight_log& log) {
  auto directory = temp_directory::make();
  if (!directory) return std::unexpected(directory.error());
  return scenario{given, log, std::move(*directory)}.run();
}

}  // namespace flights
