#pragma once

#include <aether/actors/actor_host.hpp>
#include <aether/cluster/node.hpp>
#include <aether/persistence/event_bus.hpp>
#include <aether/runtime/nats.hpp>
#include <aether/runtime/subjects.hpp>
#include <aether/runtime/timers.hpp>
#include "coordinator.hpp"
#include "node_durables.hpp"
#include "node_elections.hpp"
#include "node_projections.hpp"
#include "router.hpp"
#include "slot_keeper.hpp"
#include "slot_traffic.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace aether::cluster {

/// What a program sets in code rather than by options.
struct choices {
  std::function<std::chrono::system_clock::time_point()> wall_clock =
      &std::chrono::system_clock::now;
  /// Not null.
  std::shared_ptr<const allocation_strategy> strategy = even_allocation();
  /// All valid, each name and version once.
  std::vector<projection_definition> projections{};
};

struct hosted {
  const actor_traits* traits;
  behavior_factory factory;
};

/// A node that has joined: its parts, in the order in which they need each other. Without a
/// connection it is a whole system in memory.
class node_parts {
 public:
  /// @errors as for `node::join`.
  [[nodiscard]] static result<std::unique_ptr<node_parts>> join(
      const options& settings, const std::vector<hosted>& types, choices made,
      std::shared_ptr<aether::dead_letters> dead_letters);
  ~node_parts();

  [[nodiscard]] command_router& commands() noexcept { return *router_; }
  [[nodiscard]] const std::shared_ptr<event_store>& events() const noexcept { return events_; }
  [[nodiscard]] const std::shared_ptr<snapshot_store>& snapshots() const noexcept {
    return snapshots_;
  }
  /// Made when first asked for.
  [[nodiscard]] std::shared_ptr<event_bus> bus();
  /// @errors as for `node::election`.
  [[nodiscard]] result<leader_election> election(std::string_view name, election_handlers handlers);
  [[nodiscard]] const node_projections& projections() const noexcept { return *projections_; }
  [[nodiscard]] durable_store& stored_commands() noexcept { return durables_->store(); }
  bool leave();
  [[nodiscard]] node_status status() const;

 private:
  node_parts(const options& settings, choices made, std::shared_ptr<aether::dead_letters> dead)
      : settings_{settings}, chosen_{std::move(made)}, dead_letters_{std::move(dead)} {}
  result<void> start_in_memory(const std::vector<hosted>& types);
  result<void> start_on_nats(const std::vector<hosted>& types);
  void make_host(const std::vector<hosted>& types);
  void make_router(subjects names);
  void make_durables(subjects names, std::uint32_t replicas);
  result<void> start_projections(subjects names);
  void follow(const std::shared_ptr<const shard_table>& next);
  void make_keeper(subjects names);
  void settled(std::uint64_t revision, const std::vector<slot>& taken);
  void warm_up(std::vector<shard_id> gained);
  void evicted(const error& why);
  void await_owners();
  [[nodiscard]] result<void> all_permitted();
  [[nodiscard]] bool all_served(const shard_table* table) const;
  // Leaving (node_leaving.cpp)
  [[nodiscard]] bool hand_over_all();
  [[nodiscard]] std::vector<actor_type> types_left(const shard_table& table) const;
  [[nodiscard]] bool someone_can_take_over(const std::vector<actor_type>& types) const;

  const options settings_;
  const choices chosen_;
  const std::shared_ptr<aether::dead_letters> dead_letters_;
  std::vector<actor_type> types_;
  timers clock_;
  std::shared_ptr<nats_connection> connection_;
  std::shared_ptr<event_store> events_;
  std::shared_ptr<snapshot_store> snapshots_;
  std::function<std::shared_ptr<event_bus>()> make_bus_;
  std::once_flag bus_once_;
  std::shared_ptr<event_bus> bus_;
  std::shared_ptr<record_store> records_;
  std::unique_ptr<actor_host> host_;
  std::shared_ptr<cluster::router> router_;
  std::shared_ptr<slot_traffic> traffic_;
  std::unique_ptr<node_projections> projections_;
  std::unique_ptr<node_durables> durables_;
  std::shared_ptr<slot_keeper> keeper_;
  std::unique_ptr<coordinator> coordinator_;
  node_elections elections_;
  std::atomic<bool> left_{false};

  std::mutex owned_mutex_;
  std::condition_variable owned_changed_;
  /// The table that this node acts on, null before the first.
  std::shared_ptr<const shard_table> followed_;
};

}  // namespace aether::cluster
