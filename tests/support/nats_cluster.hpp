#pragma once

#include <aether/runtime/nats.hpp>
#include "support/held_port.hpp"
#include "support/nats_server.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace aether::testing_support {

/// Three real nats-servers on 127.0.0.1 that form one JetStream cluster, each with a store of its
/// own; made when a replicated stream can be created on them. Otherwise as `nats_server`: dies with
/// this object, `std::runtime_error` when it does not get ready, one thread.
class nats_cluster {
 public:
  static constexpr std::size_t size = 3;

  nats_cluster();
  nats_cluster(const nats_cluster&) = delete;
  nats_cluster& operator=(const nats_cluster&) = delete;

  /// All three, separated by commas.
  [[nodiscard]] std::string url() const;
  [[nodiscard]] const nats_server& server(std::size_t i) const { return *servers_.at(i); }

  /// As the members of `nats_server`; what they return for is that one server, not the cluster.
  void kill(std::size_t i) { servers_.at(i)->kill(); }
  void stop(std::size_t i) { servers_.at(i)->stop(); }
  void restart(std::size_t i) { servers_.at(i)->restart(); }
  void pause(std::size_t i) { servers_.at(i)->pause(); }
  void resume(std::size_t i) { servers_.at(i)->resume(); }

  /// The server that leads `stream`; waits for there to be one.
  [[nodiscard]] std::size_t leader_of(nats_connection& connection, const std::string& stream) const;
  /// Waits until `stream` has a leader and every replica has what the leader has: only then does
  /// the cluster bear the loss of another server.
  /// @returns false when it does not get so far within `limit`.
  [[nodiscard]] bool await_replicas(nats_connection& connection, const std::string& stream,
                                    std::chrono::milliseconds limit) const;

 private:
  [[nodiscard]] std::string last_words() const;

  std::array<held_port, size> routes_;
  std::array<std::unique_ptr<nats_server>, size> servers_;
};

}  // namespace aether::testing_support
