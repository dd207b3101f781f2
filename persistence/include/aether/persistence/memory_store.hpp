#pragma once

#include <aether/persistence/event_store.hpp>
#include <aether/persistence/snapshot_store.hpp>

#include <cstdint>
#include <functional>
#include <memory>

namespace aether {

/// Histories and snapshots in this process's memory: for tests and for a single node without NATS.
/// Gone with the object. Handlers are called from within each call.
class memory_event_store final : public event_store {
 public:
  /// @param shards for `actors` and `read_shards`.
  /// @pre `shards > 0`
  explicit memory_event_store(std::uint32_t shards = 256);
  ~memory_event_store() override;
  void append(const actor_address& address, log_position expected, commit next,
              append_handler handler) override;
  void read(const actor_address& address, event_version from, stream_sequence after,
            std::size_t commits_max, read_handler handler) override;
  void fetch(const actor_address& address, std::vector<stream_sequence> sequences,
             read_handler handler) override;
  void latest(const actor_address& address, latest_handler handler) override;
  void records(const actor_address& address, records_handler handler) override;
  [[nodiscard]] std::uint32_t shards() const noexcept override;
  void actors(const actor_type& type, shard_id shard, actors_handler handler) override;
  [[nodiscard]] shard_range stored_together(shard_id shard) const noexcept override;
  void read_shards(shard_range which, stream_sequence after, shard_handler handler) override;

  /// A commit that is being stored; borrowed.
  struct stored {
    const actor_address& address;
    const aether::commit& commit;
    stream_sequence sequence;
    const log_position& expected;
    std::size_t bytes;
  };
  /// Returns false when it wants to see no more.
  using observer = std::function<bool(const stored&)>;
  /// Calls `sees` with each commit that is stored from now on, in the order of the sequences, one
  /// at a time, before it is acknowledged. It is quick, throws nothing, and does not call the
  /// store. From the first observer on, appends of different actors wait for one another a little.
  /// @returns the last sequence that it does not see.
  stream_sequence observe(observer sees);

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

class memory_snapshot_store final : public snapshot_store {
 public:
  /// @param kept snapshots of one actor, the newest. @pre `kept > 0`, `shards > 0`
  explicit memory_snapshot_store(std::size_t kept = 1, std::uint32_t shards = 256);
  ~memory_snapshot_store() override;
  void save(const actor_address& address, snapshot taken, save_handler handler) override;
  void load(const actor_address& address, event_version at_most, load_handler handler) override;
  void load_shards(shard_range which, shard_handler handler) override;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace aether
