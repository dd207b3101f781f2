#pragma once

#include <aether/persistence/event_store.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace aether::testing {

/// The store of a process that dies: after so many appends nothing is stored or answered any more.
/// What was stored is in the store behind it, for the next process. Thread-safe.
class mortal_store final : public event_store {
 public:
  enum class last_words {
    heard,  ///< the last append was acknowledged
    lost,   ///< it was stored, and nobody was told
  };

  /// @param appends at least 1 with `last_words::lost`.
  mortal_store(std::shared_ptr<event_store> behind, std::size_t appends, last_words last)
      : behind_{std::move(behind)}, appends_{appends}, last_{last} {}

  /// Whether an append was swallowed, or its acknowledgement.
  [[nodiscard]] bool dead() const noexcept { return dead_; }

  void append(const actor_address& address, log_position expected, commit next,
              append_handler handler) override {
    const std::size_t number = ++seen_;
    const bool silent = number > appends_ || (number == appends_ && last_ == last_words::lost);
    if (!silent) return behind_->append(address, expected, std::move(next), std::move(handler));
    if (number <= appends_) behind_->append(address, expected, std::move(next), [](auto&&) {});
    dead_ = true;
  }

  void read(const actor_address& address, event_version from, stream_sequence after,
            std::size_t commits_max, read_handler handler) override {
    behind_->read(address, from, after, commits_max, std::move(handler));
  }
  void fetch(const actor_address& address, std::vector<stream_sequence> sequences,
             read_handler handler) override {
    behind_->fetch(address, std::move(sequences), std::move(handler));
  }
  void latest(const actor_address& address, latest_handler handler) override {
    behind_->latest(address, std::move(handler));
  }
  void records(const actor_address& address, records_handler handler) override {
    behind_->records(address, std::move(handler));
  }
  [[nodiscard]] std::uint32_t shards() const noexcept override { return behind_->shards(); }
  void actors(const actor_type& type, shard_id shard, actors_handler handler) override {
    behind_->actors(type, shard, std::move(handler));
  }
  [[nodiscard]] shard_range stored_together(shard_id shard) const noexcept override {
    return behind_->stored_together(shard);
  }
  void read_shards(shard_range which, stream_sequence after, shard_handler handler) override {
    behind_->read_shards(which, after, std::move(handler));
  }

 private:
  std::shared_ptr<event_store> behind_;
  std::size_t appends_;
  last_words last_;
  std::atomic<std::size_t> seen_{0};
  std::atomic<bool> dead_{false};
};

}  // namespace aether::testing
