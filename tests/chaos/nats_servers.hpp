#pragma once

#include "examples/flights/child_process.hpp"
#include "examples/flights/or_error.hpp"
#include "tcp_proxy.hpp"
#include "tests/support/held_port.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace aether::chaos {

using flights::or_error;

/// The nats-server to start: `given`, else AETHER_NATS_SERVER, else the newest of those that
/// `tools/nats-server` has fetched and the system's.
/// @errors there is none, or it does not run; the text says what to do.
[[nodiscard]] or_error<std::filesystem::path> find_nats_server(const std::filesystem::path& given);

/// `2.15.1`; empty where it does not run.
[[nodiscard]] std::string version_of(const std::filesystem::path& nats_server);

/// One nats-server of our own, or several that form a JetStream cluster: loopback only, each with a
/// port and a store of its own, which it keeps when it is killed and started again. They end with
/// this object. Their routes go through proxies, one for each direction of each pair.
///
/// For the main thread.
class nats_servers {
 public:
  struct options {
    std::filesystem::path program;
    /// For stores, logs and configurations. It exists, and is nobody else's.
    std::filesystem::path directory;
    std::uint32_t count = 1;
  };

  /// Returns when each of them greets its clients.
  /// @errors one ended or hung while starting; the text has the end of its log.
  [[nodiscard]] static or_error<std::unique_ptr<nats_servers>> start(const options& how);

  [[nodiscard]] std::uint32_t count() const noexcept {
    return static_cast<std::uint32_t>(servers_.size());
  }
  [[nodiscard]] std::uint16_t port(std::uint32_t i) const { return servers_.at(i).port.number(); }
  [[nodiscard]] std::vector<std::uint16_t> ports() const;

  /// SIGKILL; returns when it is gone.
  void kill(std::uint32_t i);
  /// Starts it again, unless it runs. Does not wait for it to get ready.
  void restart(std::uint32_t i);
  void pause(std::uint32_t i);
  void resume(std::uint32_t i);
  /// Of all routes between this server and the others.
  void set_routes(std::uint32_t i, flow how);

  /// Waits for all to greet.
  [[nodiscard]] or_error<void> await_greetings(std::chrono::steady_clock::time_point deadline);
  /// How those ended that nobody killed; they are not started again.
  [[nodiscard]] std::vector<std::string> ended_by_themselves();
  /// Ends of their logs.
  [[nodiscard]] std::string logs() const;

 private:
  struct server {
    std::string name;
    testing_support::held_port port, route_port;
    std::filesystem::path config, log;
    std::optional<flights::child_process> process;
  };

  explicit nats_servers(const options& how);
  void write_config(std::uint32_t i) const;

  options how_;
  std::vector<server> servers_;
  /// From the first server to the second.
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::unique_ptr<tcp_proxy>> routes_;
  std::string failed_start_;
};

}  // namespace aether::chaos
