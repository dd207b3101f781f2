#pragma once

#include <aether/cluster/allocation.hpp>
#include <aether/persistence/jetstream_store.hpp>
#include <aether/runtime/nats.hpp>
#include <aether/runtime/subjects.hpp>
#include <aether/runtime/timers.hpp>
#include "core/hosted_types.hpp"
#include "core/membership.hpp"
#include "core/shard_table.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace aether::cluster {

struct coordinator_options {
  node_id node;
  /// Share of the shards relative to other nodes'; 0: a client, which hosts nothing and never
  /// leads.
  std::uint32_t weight = 1;
  jetstream_layout layout = {};
  /// `key=value` each.
  std::vector<std::string> labels = {};
  std::string version = {};
  std::chrono::milliseconds heartbeat{500};
  /// Silence that means down. At least 3 heartbeats.
  std::chrono::milliseconds failure_timeout{2'000};
  /// How long a leader leads without renewing. At least 100 ms.
  std::chrono::milliseconds lease{500};
  /// How long `join` listens for others before it says that this node is up. Those that are there
  /// answer its first words at once.
  std::chrono::milliseconds observe{100};
  /// Not null.
  std::shared_ptr<const allocation_strategy> strategy = even_allocation();
  /// Slots in hand-over at once.
  std::size_t moves_max = 32;
  /// What this node hosts, in any order.
  std::vector<hosted_type> types = {};
};

/// One node's part in the cluster: membership, leader election and the shard table, which all live
/// in `core/coordination.hpp`; this runs them over NATS and in real time.
///
/// Threads: all members may be called from any thread, but neither `leave` nor the destructor from
/// a handler, nor while holding a lock that a handler takes. Handlers run on the thread of
/// `timers`, one at a time and in order. Takes the connection's `on_state`. Connection and timers
/// must run until `leave` has returned.
class coordinator {
 public:
  using table_handler = std::function<void(std::shared_ptr<const shard_table>)>;
  using time_point = std::chrono::steady_clock::time_point;
  using contact_handler = std::function<void(time_point contact_until, time_point serves_until)>;
  using eviction_handler = std::function<void(const error&)>;

  coordinator(std::shared_ptr<nats_connection> connection, subjects names, timers& clock,
              coordinator_options options);
  /// Leaves, if that has not happened.
  ~coordinator();
  coordinator(const coordinator&) = delete;
  coordinator& operator=(const coordinator&) = delete;

  /// Called with each new table, ever higher revisions; the first perhaps before `join` returns.
  /// @pre before `join`, as for the other two.
  void on_table(table_handler handler);
  /// Called many times a second, and before the table that a change of these comes with: until when
  /// no slot of this node can have been given away behind its back, and until when it serves out of
  /// contact. In the past where it can, or does not. See `coordination`.
  void on_contact(contact_handler handler);
  /// Called at most once, when a later process with this node's id is up: this one no longer speaks
  /// for the node and must stop; it takes part in nothing any more.
  void on_evicted(eviction_handler handler);

  /// Creates the KV bucket if it is missing, compares settings and types, listens for `observe` and
  /// announces this node as up. Blocks up to `timeout`. Once only.
  /// @errors `incompatible_cluster`: settings or types differ, the text has each difference;
  ///         `node_id_in_use`; `unavailable`: NATS or JetStream did not answer in time;
  ///         `not_permitted`: the server refuses a subject to this user, the text names it;
  ///         `store_failed`: the server refused the bucket, and why; `unsupported_server`.
  ///         After an error it has left.
  [[nodiscard]] result<void> join(std::chrono::milliseconds timeout);
  /// From a successful `join` to `leave` or eviction.
  [[nodiscard]] bool joined() const;

  /// The newest known; null before the first. Stays in force while there is no leader.
  [[nodiscard]] std::shared_ptr<const shard_table> table() const;
  /// Sorted by node; those that went down lately included.
  [[nodiscard]] std::vector<member> members() const;
  /// False as soon as the lease may have passed to another, even when nothing could be checked.
  [[nodiscard]] bool leading() const;
  /// Of this node's current or last leadership; 0 before the first.
  [[nodiscard]] std::uint64_t term() const;
  /// This process.
  [[nodiscard]] incarnation_id incarnation() const;

  /// Tells the leader that this node serves every slot it owns in the table of that revision, so
  /// that nobody has to give any of them any more.
  void settled(std::uint64_t revision);

  /// From now on the leader moves this node's shards to others. Returns at once.
  void announce_leaving();
  /// Lets go of the lease, says farewell, and takes part in nothing any more; no handler runs after
  /// it returns. Blocks for a round trip, at most about half a lease. Idempotent.
  void leave();

 private:
  class impl;
  std::shared_ptr<impl> impl_;
};

}  // namespace aether::cluster
