#pragma once

#include <aether/actors/behavior.hpp>
#include <aether/persistence/projection_client.hpp>
#include <aether/persistence/projection_runner.hpp>
#include <aether/runtime/nats.hpp>
#include <aether/runtime/subjects.hpp>
#include <aether/runtime/timers.hpp>
#include "slot_tenant.hpp"

#include <chrono>
#include <memory>
#include <mutex>
#include <set>
#include <string_view>
#include <vector>

namespace aether::cluster {

/// The actor type under which the cluster knows a version of a projection: no actor has it. Which
/// nodes run the projection, which of them owns which shard, and how a shard moves is then as with
/// any type. Who owns the first shard of a partition runs the partition.
[[nodiscard]] actor_type projection_type(std::string_view name, std::uint32_t version);

/// What `host` needs to know of such a type; it hosts nothing.
[[nodiscard]] std::unique_ptr<const actor_traits> projection_traits(
    const projection_definition& of);

/// The projections of a node that has joined: runs the partitions whose slots it is given. Listens
/// to what is stored in their shards, so that it is read at once.
///
/// Threads: any, except that `start` comes first.
class node_projections final : public slot_tenant {
 public:
  struct parts {
    std::shared_ptr<event_store> events;
    std::shared_ptr<record_store> records;
    /// Null: a node in memory, which owns everything.
    std::shared_ptr<nats_connection> connection;
    subjects names;
    std::function<std::chrono::system_clock::time_point()> wall_clock;
  };

  /// The timers outlive it.
  node_projections(const std::vector<projection_definition>& all, parts of, timers& clock);

  /// Listens for hints; a node in memory begins to run everything.
  /// @errors as of `nats_connection::subscribe`.
  [[nodiscard]] result<void> start();
  /// Releases everything. @returns false when a handler still runs after `timeout`.
  bool stop(std::chrono::milliseconds timeout);

  /// @param positions null: those of the projection, where it is run here; else with the records.
  [[nodiscard]] projection_client client(std::string_view name, std::uint32_t version,
                                         std::shared_ptr<projection_positions> positions) const;
  /// The newest version of that name which runs here; 0: none does.
  [[nodiscard]] std::uint32_t newest(std::string_view name) const;
  [[nodiscard]] std::vector<projection_stats> stats() const;

  void move_in(const slot& where) override;
  void move_out(const slot& where, std::chrono::steady_clock::time_point deadline,
                gone_handler done) override;
  void evict(const slot& where) override;

 private:
  struct tenant {
    actor_type type;
    /// Shared with the handlers of hints.
    std::shared_ptr<projection_runner> runner;
    nats_connection::subscription hints{};
  };
  struct place {
    projection_runner* runner;
    std::uint32_t partition;
  };
  /// What is stored in the shards of a partition: the same for each projection.
  struct ear {
    std::set<const projection_runner*> owners;
    std::vector<nats_connection::subscription> shards;
  };
  void listen(const place& to);
  void ignore(const place& to);
  [[nodiscard]] std::vector<nats_connection::subscription> subscribe(std::uint32_t partition);

  /// None where no partition lives there.
  [[nodiscard]] std::optional<place> find(const slot& where) const;
  [[nodiscard]] const tenant* find(std::string_view name, std::uint32_t version) const;

  const parts parts_;
  timers& clock_;
  std::vector<tenant> tenants_;
  std::mutex mutex_;
  std::vector<ear> ears_;
};

}  // namespace aether::cluster
