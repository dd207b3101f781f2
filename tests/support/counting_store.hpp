#pragma once

#include <aether/persistence/event_store.hpp>
#include <aether/persistence/snapshot_store.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace aether::testing {

/// Passes every call on to another store, and counts it.
class counting_event_store final : public event_store {
 public:
  explicit counting_event_store(std::shared_ptr<event_store> behind) : behind_{std::move(behind)} {}

  std::atomic<unsigned> reads{0}, fetches{0}, tails{0}, all_records{0}, shard_reads{0};
  /// Called when a shard was read, before its reader learns that it was all.
  std::function<void()> after_shard;

  void append(const actor_address& address, log_position expected, commit next,
              append_handler handler) override {
    behind_->append(address, expected, std::move(next), std::move(handler));
  }
  void read(const actor_address& address, event_version from, stream_sequence after,
            std::size_t commits_max, read_handler handler) override {
    ++reads;
    behind_->read(address, from, after, commits_max, std::move(handler));
  }
  void fetch(const actor_address& address, std::vector<stream_sequence> sequences,
             read_handler handler) override {
    ++fetches;
    behind_->fetch(address, std::move(sequences), std::move(handler));
  }
  void latest(const actor_address& address, latest_handler handler) override {
    ++tails;
    behind_->latest(address, std::move(handler));
  }
  void records(const actor_address& address, records_handler handler) override {
    ++all_records;
    behind_->records(address, std::move(handler));
  }
  [[nodiscard]] std::uint32_t shards() const noexcept override { return behind_->shards(); }
  void actors(const actor_type& type, shard_id shard, actors_handler handler) override {
    behind_->actors(type, shard, std::move(handler));
  }
  void read_shard(shard_id shard, stream_sequence after, shard_handler handler) override {
    ++shard_reads;
    behind_->read_shard(shard, after,
                        [this, handler = std::move(handler)](result<shard_page> page) mutable {
                          if (after_shard && page && page->last) after_shard();
                          return handler(std::move(page));
                        });
  }

 private:
  const std::shared_ptr<event_store> behind_;
};

class counting_snapshot_store final : public snapshot_store {
 public:
  explicit counting_snapshot_store(std::shared_ptr<snapshot_store> behind)
      : behind_{std::move(behind)} {}

  std::atomic<unsigned> loads{0}, shard_loads{0};

  void save(const actor_address& address, snapshot taken, save_handler handler) override {
    behind_->save(address, std::move(taken), std::move(handler));
  }
  void load(const actor_address& address, event_version at_most, load_handler handler) override {
    ++loads;
    behind_->load(address, at_most, std::move(handler));
  }
  void load_shard(shard_id shard, shard_handler handler) override {
    ++shard_loads;
    behind_->load_shard(shard, std::move(handler));
  }

 private:
  const std::shared_ptr<snapshot_store> behind_;
};

}  // namespace aether::testing
