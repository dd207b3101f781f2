#pragma once

#include "broker.hpp"
#include "cluster/src/core/slot_gate.hpp"
#include "operation.hpp"

#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

namespace aether::sim {

class process;
class world;

/// What `cluster::slot_traffic` is to a node: the commands of its slots on their way to the actors,
/// those that come over the network and those of its own senders. Who opens and shuts is `slots`.
class traffic {
 public:
  /// A command of another node, or of this one by way of the network.
  struct kept_command {
    message what;
    std::chrono::steady_clock::time_point arrived{};
  };
  /// A command of a sender in this process.
  struct waiting_command {
    std::uint32_t actor = 0;
    std::uint64_t operation = 0;
    envelope command;
  };
  using gate = cluster::slot_gate<kept_command, waiting_command>;
  using passage = gate::passage;

  traffic(world& in, process& owner);

  /// Which way a command of this process goes; takes it when it is `kept`.
  [[nodiscard]] passage admit(std::uint32_t actor, std::uint64_t operation, envelope& command);
  [[nodiscard]] bool may_be_here(std::uint32_t slot) const;
  /// A command came over the network.
  void arrived(const message& what);
  /// Sends a tell to wherever its slot is served.
  void publish(std::uint32_t actor, std::uint64_t operation, envelope command);
  /// Gives a command to an actor here. @returns why not.
  std::optional<errc> deliver(std::uint32_t actor, std::uint64_t operation, envelope& command);

  void listen(std::uint32_t slot);
  void ignore(std::uint32_t slot);
  void open(std::uint32_t slot, const std::vector<command_id>& got, bool sure);
  void hold_local(std::uint32_t slot);
  void serve(std::uint32_t slot);
  void shut(std::uint32_t slot);
  void start_recording(std::uint32_t slot) { gates_[slot].start_recording(); }
  void stop_recording(std::uint32_t slot) { gates_[slot].stop_recording(); }
  [[nodiscard]] std::pair<bool, std::vector<command_id>> recorded(std::uint32_t slot);

 private:
  void hand_in(const kept_command& one, bool sure, bool noted);
  void pass_on(const kept_command& one);
  void pass_on(waiting_command one);
  void refuse(const message& what, errc why);
  void lost(std::uint32_t actor, std::uint64_t operation, errc why);
  [[nodiscard]] std::uint32_t slot_of(std::uint32_t actor) const;

  world& in_;
  process& owner_;
  std::vector<gate> gates_;
};

}  // namespace aether::sim
