#pragma once

#include <aether/persistence/memory_store.hpp>

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace aether::testing {

/// A memory store whose appends a test can hold back: closed, they wait; `open` lets them through.
class gated_store final : public event_store {
 public:
  void append(const actor_address& address, log_position expected, commit next,
              append_handler handler) override {
    {
      const std::lock_guard lock{mutex_};
      if (closed_) {
        waiting_.push_back([this, address, expected, next = std::move(next),
                            handler = std::move(handler)]() mutable {
          behind_.append(address, expected, std::move(next), std::move(handler));
        });
        return;
      }
    }
    behind_.append(address, expected, std::move(next), std::move(handler));
  }
  void read(const actor_address& address, event_version from, stream_sequence after,
            std::size_t commits_max, read_handler handler) override {
    behind_.read(address, from, after, commits_max, std::move(handler));
  }
  void fetch(const actor_address& address, std::vector<stream_sequence> sequences,
             read_handler handler) override {
    behind_.fetch(address, std::move(sequences), std::move(handler));
  }
  void latest(const actor_address& address, latest_handler handler) override {
    behind_.latest(address, std::move(handler));
  }
  void records(const actor_address& address, records_handler handler) override {
    behind_.records(address, std::move(handler));
  }
  [[nodiscard]] std::uint32_t shards() const noexcept override { return behind_.shards(); }
  void actors(const actor_type& type, shard_id shard, actors_handler handler) override {
    behind_.actors(type, shard, std::move(handler));
  }
  void read_shard(shard_id shard, stream_sequence after, shard_handler handler) override {
    behind_.read_shard(shard, after, std::move(handler));
  }

  void close() {
    const std::lock_guard lock{mutex_};
    closed_ = true;
  }
  void open() {
    std::vector<std::move_only_function<void()>> now;
    {
      const std::lock_guard lock{mutex_};
      closed_ = false;
      now.swap(waiting_);
    }
    for (auto& next : now) next();
  }
  [[nodiscard]] std::size_t waiting() {
    const std::lock_guard lock{mutex_};
    return waiting_.size();
  }

 private:
  memory_event_store behind_;
  std::mutex mutex_;
  bool closed_ = false;
  std::vector<std::move_only_function<void()>> waiting_;
};

}  // namespace aether::testing
