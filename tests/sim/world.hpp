#pragma once

#include <aether/actors/behavior.hpp>
#include "broker.hpp"
#include "client.hpp"
#include "cluster/src/core/ask_machine.hpp"
#include "cluster/src/core/coordination.hpp"
#include "engine/random.hpp"
#include "engine/timeline.hpp"
#include "engine/trace.hpp"
#include "invariants.hpp"
#include "kv.hpp"
#include "log_store.hpp"
#include "persistence/src/core/append_machine.hpp"
#include "process.hpp"
#include "settings.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aether::sim {

/// An actor of the run.
struct actor_place {
  actor_address address;
  /// Its type and shard, as one number: `type * shards + shard`.
  std::uint32_t slot = 0;
  const actor_traits* traits = nullptr;
  behavior_factory make;
};

/// How long things take that the production code lets one choose.
struct timings {
  cluster::duration heartbeat{};
  cluster::duration failure_timeout{};
  cluster::duration lease{};
  append_timing append{};
  cluster::ask_machine::options ask{};
};

/// A whole cluster in one thread and in virtual time, from one seed.
class world {
 public:
  explicit world(const settings& how);

  /// Lets the next thing happen and looks at the invariants. False when one is violated.
  bool step();
  /// Steps until that time. False when an invariant is violated.
  bool run_until(real_time end);

  // Processes and clients.
  process& add_node(std::uint32_t node, std::uint32_t weight);
  /// What a node of that name hosts, bit by bit.
  [[nodiscard]] std::uint32_t types_hosted_by(std::uint32_t node) const;
  /// Without this one, every type is still hosted by some, and there are two at least.
  [[nodiscard]] bool can_spare(const process& one) const;
  /// Every type is hosted by somebody.
  [[nodiscard]] bool hosts_all() const;
  /// A name that was not used yet.
  [[nodiscard]] std::uint32_t new_node();
  /// Those that are not dead; in the order of their start.
  [[nodiscard]] const std::vector<process*>& live() const noexcept { return live_; }
  /// Of them those that host actors, and are not on their way out.
  [[nodiscard]] std::vector<process*> hosting() const;
  [[nodiscard]] process* find(std::uint32_t number) const;
  void tend_clients();
  void stop_clients();
  [[nodiscard]] std::vector<process*> homes() const;
  /// Clears away who is dead.
  void bury();

  // What parts need of the whole.
  void note(happening what, std::uint32_t who, std::uint64_t a = 0, std::uint64_t b = 0,
            std::uint64_t c = 0) {
    lines.add(time.now(), what, who, a, b, c);
  }
  void violated(invariant what, std::string detail);
  [[nodiscard]] const std::optional<invariant>& violation() const noexcept { return violation_; }
  [[nodiscard]] const std::string& detail() const noexcept { return detail_; }
  [[nodiscard]] bool planned() const noexcept { return kind == profile::planned; }
  [[nodiscard]] bool drifting() const noexcept { return !planned(); }
  /// Its sender's node was on its way out.
  [[nodiscard]] bool may_fail(const operation& of) const;
  void servers_changed() {}

  // Names and places.
  [[nodiscard]] std::uint32_t shards() const noexcept { return shards_; }
  [[nodiscard]] std::uint32_t slots() const noexcept { return shards_ * types; }
  [[nodiscard]] const std::vector<actor_place>& actors() const noexcept { return actors_; }
  [[nodiscard]] const node_id& node_of(std::uint32_t index) const { return nodes_[index]; }
  [[nodiscard]] std::uint32_t index_of(const node_id& node) const;
  [[nodiscard]] static cluster::incarnation_id incarnation_of(std::uint32_t process);
  [[nodiscard]] cluster::process identity_of(std::uint32_t process) const;
  [[nodiscard]] static std::uint32_t number_of(const cluster::incarnation_id& incarnation);
  [[nodiscard]] static std::uint32_t number_of(const cluster::process& which) {
    return number_of(which.incarnation);
  }
  [[nodiscard]] subject commands_of(std::uint32_t slot) const {
    return {subject::kind::commands, slot};
  }
  [[nodiscard]] cluster::coordination_options coordination_of(const process& owner) const;
  [[nodiscard]] std::vector<cluster::hosted_type> types_of(const process& owner) const;
  [[nodiscard]] const cluster::shard_table::entry* owner_of(const cluster::shard_table& table,
                                                            std::uint32_t slot) const;
  [[nodiscard]] const cluster::shard_table::entry* giver_of(const cluster::shard_table& table,
                                                            std::uint32_t slot) const;
  [[nodiscard]] std::uint64_t hash_of(const cluster::shard_table& table) const;
  [[nodiscard]] command_id make_command_id(std::chrono::system_clock::time_point at);
  [[nodiscard]] commit_id make_commit_id(std::chrono::system_clock::time_point at);
  /// Empty, or why not all agree on one leader, its members and its table.
  [[nodiscard]] std::string disagreement() const;

  static constexpr std::uint32_t types = 2;

  random chance;
  timeline time;
  trace lines;
  timings timing;
  const breakage broken;
  const profile kind;
  /// The part of what a replica is asked for that it does not have yet.
  double replicas_lag = 0;

 private:
  std::uint32_t shards_;
  /// Not all nodes host all types.
  bool mixed_;
  std::vector<node_id> nodes_;
  std::vector<actor_place> actors_;
  std::vector<const actor_traits*> types_;
  std::vector<std::unique_ptr<process>> processes_;
  std::vector<process*> live_;
  std::vector<std::unique_ptr<client>> clients_;
  std::optional<invariant> violation_;
  std::string detail_;

 public:
  sim::judge judge;
  broker nats;
  kv keys;
  log_store logs;
};

}  // namespace aether::sim
