#pragma once

#include "examples/flights/child_process.hpp"
#include "examples/flights/or_error.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace aether::chaos {

using flights::or_error;

/// The node processes of a run, kept alive as a service manager would: one that ends is started
/// again under its name. None outlives this object.
///
/// For the main thread.
class node_fleet {
 public:
  using clock = std::chrono::steady_clock;
  /// One that has not left so long after SIGTERM is killed, and that is a mishap.
  static constexpr std::chrono::seconds leave_limit{40};

  struct node_command {
    std::string name;
    std::vector<std::string> arguments;
    std::filesystem::path log;
  };

  explicit node_fleet(std::vector<node_command> nodes);

  /// Starts those that do not run and whose pause is over, and takes note of those that ended.
  /// Call often.
  void tick();
  /// Waits until all run and have joined.
  /// @errors one has not by `deadline`, or the user wants us to stop; with the end of its log.
  [[nodiscard]] or_error<void> await_ready(clock::time_point deadline);

  /// SIGKILL; it is started again not before `resume`.
  void kill(std::uint32_t i);
  /// SIGTERM; the same.
  void leave(std::uint32_t i);
  /// It may be started again.
  void resume(std::uint32_t i);
  void stop(std::uint32_t i);
  void go_on(std::uint32_t i);

  /// Takes back whatever was done to them.
  void heal();
  /// SIGTERM to all, together, and SIGKILL to those that do not go.
  void end();

  /// What nobody has asked for: processes that ended by themselves, or did not leave.
  [[nodiscard]] const std::vector<std::string>& mishaps() const noexcept { return mishaps_; }
  /// Ends of their logs.
  [[nodiscard]] std::string logs() const;

 private:
  struct member {
    node_command command;
    std::optional<flights::child_process> process = {};
    bool ready = false;
    /// Not to be started.
    bool held = false;
    /// Its end is asked for, at the latest then.
    std::optional<clock::time_point> ends_by = {};
    clock::time_point start_after = {};
  };

  void look_after(member& one);
  void start(member& one);
  void note_end(member& one);

  std::vector<member> members_;
  std::vector<std::string> mishaps_;
};

}  // namespace aether::chaos
