#include "supervisor.hpp"

#include <signal.h>

namespace flights {

using clock = child_process::clock;

or_error<void> supervisor::start(const std::vector<std::string>& nodes) {
  for (const std::string& node : nodes) {
    auto process = child_process::start({command_.program,
                                         {"--role", "node", "--node-id", node, "--nats",
                                          command_.nats_url, "--namespace", command_.name_space},
                                         log_of(node)});
    if (!process) return std::unexpected(process.error());
    nodes_.emplace(node, std::move(*process));
    ever_started_.insert(node);
  }
  const auto deadline = clock::now() + ready_deadline;
  for (const std::string& node : nodes) {
    const auto said = nodes_.at(node).report(deadline);
    if (said && *said == "ready") continue;
    return std::unexpected("node " + node + ": " + (said ? *said : said.error()) +
                           tail_of(log_of(node)));
  }
  return {};
}

or_error<void> supervisor::kill(const std::string& node) {
  auto& process = nodes_.at(node);
  if (process.ended(clock::now()))
    return std::unexpected("node " + node + " ended by itself, " + process.ending() +
                           tail_of(log_of(node)));
  process.signal(SIGKILL);
  process.ended(clock::now() + leave_deadline);
  nodes_.erase(node);
  return {};
}

std::vector<std::string> supervisor::stop() {
  std::vector<std::string> problems;
  const auto complain = [&](const std::string& node, const std::string& what) {
    problems.push_back("node " + node + " " + what + tail_of(log_of(node)));
  };
  std::map<std::string, child_process*> leaving;
  for (auto& [node, process] : nodes_) {
    if (process.ended(clock::now())) {
      complain(node, "ended by itself, " + process.ending());
    } else {
      process.signal(SIGTERM);
      leaving.emplace(node, &process);
    }
  }
  const auto deadline = clock::now() + leave_deadline;
  for (const auto& [node, process] : leaving) {
    if (!process->ended(deadline))
      complain(node, "did not leave in time and was killed");
    else if (process->ending() != "exit status 0")
      complain(node, "did not leave in order, " + process->ending());
  }
  nodes_.clear();
  return problems;
}

std::string supervisor::logs() const {
  std::string out;
  for (const std::string& node : ever_started_) out += "\n  " + node + tail_of(log_of(node));
  return out;
}

std::filesystem::path supervisor::log_of(const std::string& node) const {
  return command_.logs / (node + ".log");
}

}  // namespace flights
