#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

namespace flights {

/// Measures how long shards went without answering. A shard is waited for while it has commands
/// without an answer; its wait starts when the first of them is sent, starts anew with each answer,
/// and ends when none is left. A shard that nobody asks is not unavailable.
///
/// Pure: time is passed in, and never runs backwards. Not thread-safe.
class availability {
 public:
  using clock = std::chrono::steady_clock;

  explicit availability(std::size_t shards) : shards_(shards) {}

  /// @pre `shard` is below the number of shards.
  void sent(std::size_t shard, clock::time_point now);
  /// @pre as many were sent to the shard as answers are reported, this one included.
  void answered(std::size_t shard, clock::time_point now);

  /// The longest finished wait of any shard.
  [[nodiscard]] clock::duration longest() const noexcept { return longest_; }

 private:
  struct shard_state {
    std::size_t open = 0;
    clock::time_point waiting_since;
  };
  std::vector<shard_state> shards_;
  clock::duration longest_{0};
};

}  // namespace flights
