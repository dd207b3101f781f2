#pragma once

#include "support/held_port.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <sys/types.h>
#include <vector>

namespace aether::testing_support {

/// A real nats-server on 127.0.0.1 with JetStream, for one test: a port and a store of its own.
/// It dies with this object, or with the test process however that ends; its directory is removed
/// with the object.
///
/// The executable is `AETHER_NATS_SERVER`, else `nats-server` from PATH. A server that does not
/// get ready in time is a `std::runtime_error` with its log: a test cannot go on without it.
///
/// Use from one thread, one that lives as long as the server: Linux kills the server when the
/// thread that started it ends.
class nats_server {
 public:
  struct options {
    bool jetstream = true;
    /// Further lines of the configuration file.
    std::string config = {};
  };

  nats_server() : nats_server(options{}) {}
  explicit nats_server(options chosen);
  nats_server(const nats_server&) = delete;
  nats_server& operator=(const nats_server&) = delete;
  ~nats_server();

  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::uint16_t port() const noexcept { return port_.number(); }
  /// 0 while it does not run.
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  /// The last lines of what it said.
  [[nodiscard]] std::string last_words(std::size_t lines) const;

  /// SIGKILL; returns when it is gone. Nothing when it does not run.
  void kill();
  /// SIGTERM; returns when it is gone.
  void stop();
  /// Starts it again, after `kill` or `stop`, with the same port and store; returns when ready.
  void restart();
  /// Copies the store aside, in place of an earlier copy. @pre It does not run.
  void back_up();
  /// Exchanges the store, or in it only `stream`, for the copy. @pre It does not run.
  void restore(const std::string& stream = {});
  /// SIGSTOP: its connections stay, nothing is answered. Returns when it is stopped.
  void pause();
  /// SIGCONT. Nothing when it is not paused.
  void resume();

 private:
  void start();
  void await_ready();
  void end(int signal);
  [[noreturn]] void give_up(const std::string& why);

  options options_;
  std::filesystem::path directory_;
  held_port port_;
  pid_t pid_ = 0;
  bool paused_ = false;
};

}  // namespace aether::testing_support
