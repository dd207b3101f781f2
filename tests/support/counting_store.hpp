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
  /// Where the newest reading was told to begin.
  std::atomic<std::uint64_t> read_after{0};
  /// Called when shards were read for the nth time, before their reader learns that it was all.
  std::function<void(unsigned nth)> after_shards;
  /// How many shards are stored together; 0: as behind it.
  std::uint32_t stored_by = 0;
  /// As a store that reads from replicas.
  bool up_to_date = true;
  /// Which reading of shards fails; 0: none.
  unsigned failing_shard_read = 0;
  bool failing_fetches = false;

  void append(const actor_address& address, log_position expected, commit next,
              append_handler handler) override {
    behind_->append(address, expected, std::move(next), std::move(handler));
  }
  void read(const actor_address& address, event_version from, stream_sequence after,
            std::size_t commits_max, read_handler handler) override {
    ++reads;
    read_after = after.value();
    behind_->read(address, from, after, commits_max, std::move(handler));
  }
  void fetch(const actor_address& address, std::vector<stream_sequence> sequences,
             read_handler handler) override {
    ++fetches;
    if (failing_fetches) return handler(fail(errc::timed_out, "no answer"));
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
  [[nodiscard]] shard_range stored_together(shard_id shard) const noexcept override {
    if (stored_by == 0) return behind_->stored_together(shard);
    return {shard_id{shard.value() / stored_by * stored_by}, stored_by};
  }
  void read_shards(shard_range which, stream_sequence after, shard_handler handler) override {
    const unsigned nth = ++shard_reads;
    auto counted = [this, nth, handler = std::move(handler)](result<shard_page> page) mutable {
      if (after_shards && page && page->last) after_shards(nth);
      if (page) page->up_to_date = up_to_date;
      if (nth == failing_shard_read) page = fail(errc::timed_out, "no answer");
      return handler(std::move(page));
    };
    behind_->read_shards(which, after, std::move(counted));
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
  void load_shards(shard_range which, shard_handler handler) override {
    ++shard_loads;
    behind_->load_shards(which, std::move(handler));
  }

 private:
  const std::shared_ptr<snapshot_store> behind_;
};

}  // namespace aether::testing
