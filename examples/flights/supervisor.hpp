#pragma once

#include "child_process.hpp"

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace flights {

/// What node processes are started with.
struct node_command {
  /// The program to run: ourselves.
  std::filesystem::path program = "/proc/self/exe";
  std::string nats_url;
  std::string name_space;
  /// For one log file a node.
  std::filesystem::path logs;
};

/// Starts, kills and stops the node processes. None outlives it. For the main thread.
class supervisor {
 public:
  explicit supervisor(node_command command) : command_{std::move(command)} {}

  /// Starts these nodes side by side and returns when all have joined the cluster.
  /// @errors one ended, or was not ready within `ready_deadline`; the text has the end of its log.
  [[nodiscard]] or_error<void> start(const std::vector<std::string>& nodes);

  /// Ends one with SIGKILL; returns when it is gone.
  /// @errors it was gone already; the text says how and has the end of its log.
  [[nodiscard]] or_error<void> kill(const std::string& node);

  /// Asks all to leave, together, and returns when all are gone. One that has not left within
  /// `leave_deadline` is killed.
  /// @returns a sentence for each that did not leave in order.
  std::vector<std::string> stop();

  /// The end of the log of every node that was ever started, to be shown below an error.
  [[nodiscard]] std::string logs() const;

  static constexpr std::chrono::seconds ready_deadline{30};
  static constexpr std::chrono::seconds leave_deadline{20};

 private:
  [[nodiscard]] std::filesystem::path log_of(const std::string& node) const;

  node_command command_;
  std::map<std::string, child_process> nodes_;
  std::set<std::string> ever_started_;
};

}  // namespace flights
