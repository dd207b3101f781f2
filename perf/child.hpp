#pragma once

#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

/// Other processes of this same program: `aether_perf --child ROLE ARGUMENT...`.
namespace aether::perf {

/// Runs a role to its end; what it prints is one number.
/// @throws std::runtime_error when it fails.
[[nodiscard]] double number_from_child(const std::vector<std::string>& role);

/// A role that runs as long as this object, and dies with this process however that ends.
class child {
 public:
  explicit child(const std::vector<std::string>& role);
  ~child();
  child(const child&) = delete;
  child& operator=(const child&) = delete;

  void signal(int number) const;
  /// Returns when it has ended. @returns whether it ended by itself, with 0.
  bool await_end();

 private:
  pid_t pid_;
  bool ended_ = false;
};

/// In `main`: plays the role that the arguments after `--child` name.
/// @returns the exit code.
[[nodiscard]] int play_role(const std::vector<std::string>& role);

/// The roles.
[[nodiscard]] double weigh_idle_actors(std::size_t actors);
[[nodiscard]] double weigh_raw_actors(std::size_t actors);
/// One thread's messages to `actors` that are awake, to each in turn, `rounds` times: how many are
/// done in a second.
[[nodiscard]] double tells_per_second(std::size_t actors, std::size_t rounds);
[[nodiscard]] double raw_tells_per_second(std::size_t actors, std::size_t rounds);
/// Answers raw requests until the process is killed.
[[noreturn]] void respond_raw(const std::string& url);
/// A node of that name that owns shards of a namespace until SIGTERM.
[[nodiscard]] int own_counters(const std::string& url, const std::string& ns,
                               const std::string& name);

}  // namespace aether::perf
