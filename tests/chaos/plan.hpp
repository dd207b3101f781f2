#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace aether::chaos {

enum class fault_kind : std::uint8_t {
  kill,           ///< SIGKILL of a node, which is started again afterwards
  stop,           ///< SIGSTOP of a node for longer than the cluster waits for it, then SIGCONT
  leave,          ///< SIGTERM of a node, which is started again
  partition,      ///< nothing passes between a node, or a client, and its nats-servers
  server,         ///< SIGKILL of every nats-server; started again with what they had stored
  servercluster,  ///< one of three nats-servers is killed, stopped or cut off from the others
};

/// How a fault is done, where its kind leaves a choice.
enum class fault_mode : std::uint8_t {
  plain,
  both_ways,   ///< partition: black hole, connections stay; what the node is sent, a moment later
  to_server,   ///< partition: what the node sends is held back
  to_node,     ///< partition: what the servers send is held back
  cut,         ///< partition: connections are reset, new ones too
  killed,      ///< servercluster: SIGKILL
  stopped,     ///< servercluster: SIGSTOP
  routes,      ///< servercluster: its routes are a black hole
  routes_cut,  ///< servercluster: its routes are reset
};

[[nodiscard]] std::string_view to_string(fault_kind kind) noexcept;
[[nodiscard]] std::string_view to_string(fault_mode mode) noexcept;

/// @errors not a list of different kinds separated by commas; a sentence that says what there is.
[[nodiscard]] std::expected<std::vector<fault_kind>, std::string> parse_faults(
    std::string_view list);

struct planned_fault {
  /// From the start of the load.
  std::chrono::milliseconds at;
  /// Then it is taken back.
  std::chrono::milliseconds lasts;
  fault_kind kind;
  fault_mode mode;
  /// Which node or client, or which server of `servercluster`, from 0.
  std::uint32_t target;

  friend bool operator==(const planned_fault&, const planned_fault&) = default;
};

struct plan_options {
  std::uint64_t seed = 1;
  /// How long the load runs.
  std::chrono::milliseconds length{60'000};
  /// Not empty.
  std::vector<fault_kind> kinds;
  std::uint32_t nodes = 3;
  /// They can be cut off too; their targets come after the nodes'.
  std::uint32_t clients = 2;
  std::uint32_t servers = 1;
  /// For how long the cluster waits for a silent node before it takes its shards: `stop` lasts
  /// longer.
  std::chrono::milliseconds patience{2'000};
};

/// Which faults happen when: a function of its argument alone, on every machine. Every kind has its
/// turn before one has its second. As a rule a fault is over, and some time has passed, before the
/// next begins; now and then the next, of another kind, comes while it lasts. All are over a second
/// before `length` ends. May be empty, where `length` leaves no room.
[[nodiscard]] std::vector<planned_fault> plan_faults(const plan_options& options);

}  // namespace aether::chaos
