#pragma once

#include "or_error.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace flights {

/// A file descriptor that is closed at the end.
class owned_fd {
 public:
  owned_fd() = default;
  explicit owned_fd(int fd) noexcept : fd_{fd} {}
  owned_fd(owned_fd&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  owned_fd& operator=(owned_fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~owned_fd();
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_ = -1;
};

/// One process of ours. It never outlives us: its object kills and reaps it, and should we be
/// killed ourselves, the kernel kills it (PR_SET_PDEATHSIG). It has a process group of its own, so
/// that Ctrl-C reaches only us and we end it in order.
///
/// Start it from the main thread, which lives as long as the process: the kernel takes the end of
/// the starting thread for the end of the parent.
class child_process {
 public:
  /// In the child, the write end of the pipe for `report`.
  static constexpr int report_fd = 3;

  struct command {
    std::filesystem::path program;
    /// Without the program's name.
    std::vector<std::string> arguments;
    /// Takes the child's stdout and stderr.
    std::filesystem::path log;
  };

  /// @errors no process could be made, or the program could not be started; the text says why.
  [[nodiscard]] static or_error<child_process> start(const command& what);

  child_process(child_process&& other) noexcept;
  child_process& operator=(child_process&&) = delete;
  ~child_process();

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

  using clock = std::chrono::steady_clock;
  /// The next line that the child writes to `report_fd`; waits for it until `deadline`. What has
  /// come of it by then is kept for the next call.
  /// @errors the child closed the pipe, mostly by ending, or said nothing in time, or the user
  ///         asked us to stop.
  [[nodiscard]] or_error<std::string> report(clock::time_point deadline);

  /// Does nothing when it has been seen to end.
  void signal(int number) const noexcept;
  /// True when it has ended; waits for that until `deadline`.
  bool ended(clock::time_point deadline);
  /// How it ended: "exit status 3", "killed by signal 9". @pre `ended` was true.
  [[nodiscard]] std::string ending() const;

 private:
  child_process(pid_t pid, owned_fd report) noexcept : pid_{pid}, report_{std::move(report)} {}

  pid_t pid_;
  owned_fd report_;
  std::string line_;
  std::optional<int> status_;
};

/// The last lines of a log, indented, ready to be shown below an error; empty when there are none.
[[nodiscard]] std::string tail_of(const std::filesystem::path& log);

}  // namespace flights
