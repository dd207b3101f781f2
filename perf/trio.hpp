#pragma once

#include <aether/actors/actor_ref.hpp>
#include "child.hpp"
#include "cluster_node.hpp"
#include "tests/support/nats_server.hpp"
#include "timing.hpp"

#include <memory>
#include <string>
#include <vector>

namespace aether::perf {

/// A server, nodes in processes of their own, and one in this process that owns nothing and asks.
/// Where something fails, its members throw.
class trio {
 public:
  /// @param owners processes, named n1, n2 ...
  /// @param resident counters that are brought to life, at least one in each shard.
  trio(std::size_t owners, std::size_t resident);

  [[nodiscard]] std::size_t size() const noexcept { return nodes_.size(); }
  [[nodiscard]] child& operator[](std::size_t which) { return *nodes_[which]; }
  /// One counter in each shard.
  [[nodiscard]] const std::vector<actor_ref<counter>>& one_a_shard() const { return one_a_shard_; }
  [[nodiscard]] const std::vector<actor_ref<counter>>& all() const { return all_; }

  /// Milliseconds from `begin` until every shard has answered a command that was sent after it.
  [[nodiscard]] double until_all_answer(clock::time_point begin) const;
  /// Another process in the place of one that has ended; returns when all own their share again.
  void replace(std::size_t which);

 private:
  void await_even() const;

  testing_support::nats_server server_;
  std::vector<std::unique_ptr<child>> nodes_;
  std::unique_ptr<node> asking_;
  std::vector<actor_ref<counter>> one_a_shard_;
  std::vector<actor_ref<counter>> all_;
  std::size_t started_ = 0;
};

}  // namespace aether::perf
