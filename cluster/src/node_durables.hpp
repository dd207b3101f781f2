#pragma once

#include <aether/actors/actor_host.hpp>
#include <aether/runtime/nats.hpp>
#include <aether/runtime/subjects.hpp>
#include <aether/runtime/timers.hpp>
#include "core/shard_table.hpp"
#include "durable_reminders.hpp"
#include "durable_store.hpp"
#include "durable_streams.hpp"
#include "durable_worker.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace aether::cluster {

/// Which process works off the queues: for each range of shards its index, `none` where nobody can.
/// The owner of the range's first shard in the table's first assignment that has one: everybody who
/// follows the same table agrees.
[[nodiscard]] std::vector<std::int32_t> queue_owners(const shard_table& table,
                                                     std::uint32_t streams);

/// The durable sends of a node: stores them, and works off the queues of the ranges that are its
/// own. Thread-safe.
class node_durables final {
 public:
  struct parts {
    /// Null: a node in memory.
    std::shared_ptr<nats_connection> over;
    subjects names;
    durable_streams::layout layout;
    actor_host* host = nullptr;
    command_router* router = nullptr;
    std::shared_ptr<aether::dead_letters> dead;
    timers* clock = nullptr;
    std::function<std::chrono::system_clock::time_point()> wall_clock;
    durable_worker::options how{};
  };

  explicit node_durables(parts of);

  /// A node in memory begins.
  void start();
  /// Takes over and lets go of what the table says.
  void follow(const shard_table& table, const incarnation_id& self);
  /// Nothing is asked any more.
  void stop();

  void send(const actor_address& to, const envelope& command, const durable_options& how,
            receipt_sink done);
  [[nodiscard]] durable_store& store() noexcept { return *store_; }

 private:
  struct range {
    std::shared_ptr<durable_worker> worker;
    std::shared_ptr<durable_reminders> reminders;
  };
  [[nodiscard]] std::shared_ptr<durable_worker> make_worker(std::shared_ptr<durable_queue> queue,
                                                            const std::string& name) const;
  [[nodiscard]] range take_over(std::uint32_t k) const;
  static void let_go(const range& which);

  const parts parts_;
  std::shared_ptr<durable_streams> streams_;
  std::shared_ptr<durable_store> store_;
  std::mutex mutex_;
  bool stopped_ = false;
  std::vector<range> ranges_;
};

}  // namespace aether::cluster
