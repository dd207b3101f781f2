#pragma once

#include <aether/persistence/commit.hpp>
#include <aether/persistence/snapshot_store.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace aether::sim {

class process;
class world;

/// JetStream's streams: one log for each actor, its messages numbered in one sequence, and the
/// newest snapshot of each. An append has a condition, checked where it is stored.
class log_store {
 public:
  explicit log_store(world& in);

  /// The stored commit's sequence; 0: the condition does not hold.
  std::uint64_t append(process& from, std::uint32_t actor, const log_position& expected,
                       const commit& next);
  [[nodiscard]] const std::vector<recorded_commit>& log(std::uint32_t actor) const {
    return logs_[actor];
  }
  /// The first commit after that sequence.
  [[nodiscard]] const recorded_commit* after(std::uint32_t actor, stream_sequence which) const;
  void save(process& from, std::uint32_t actor, const snapshot& taken);
  [[nodiscard]] const std::optional<snapshot>& saved(std::uint32_t actor) const {
    return snapshots_[actor];
  }

 private:
  world& in_;
  std::uint64_t sequence_ = 0;
  std::vector<std::vector<recorded_commit>> logs_;
  std::vector<std::optional<snapshot>> snapshots_;
};

}  // namespace aether::sim
