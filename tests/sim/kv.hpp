#pragma once

#include "cluster/src/core/coordination.hpp"

#include <cstdint>

namespace aether::sim {

class process;
class world;

/// The namespace's KV bucket: two keys, written by compare-and-set, with one sequence for both.
class kv {
 public:
  explicit kv(world& in);

  [[nodiscard]] const cluster::lease_state& lease() const noexcept { return lease_; }
  [[nodiscard]] const cluster::shard_table& table() const noexcept { return table_; }
  cluster::write_result write_lease(process& from, const cluster::coordination::write_lease& what);
  cluster::write_result write_table(process& from, const cluster::coordination::write_table& what);

 private:
  [[nodiscard]] bool holds(process& from, unsigned key, std::uint64_t expected,
                           std::uint64_t revision);

  world& in_;
  std::uint64_t sequence_ = 0;
  cluster::lease_state lease_;
  cluster::shard_table table_;
};

}  // namespace aether::sim
