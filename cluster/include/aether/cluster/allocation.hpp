#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace aether::cluster {

/// A node that may own shards of the types in question, as an allocation strategy sees it.
struct allocation_node {
  std::string node;
  /// Its share relative to the others'; at least 1.
  std::uint32_t weight = 1;
  /// `key=value` each, sorted; as the node was started with.
  std::vector<std::string> labels;
  /// What the node calls its build; empty where nobody says.
  std::string version;
  /// The version is that of the node that started last. False while all versions are the same.
  bool newest = false;
};

/// One question to a strategy: the shards of actor types that the same nodes host.
struct allocation_request {
  /// Sorted by node; not empty.
  std::span<const allocation_node> nodes;
  /// Who owns each shard now: an index into `nodes`, or -1: nobody, or one that may no longer.
  std::span<const std::int32_t> owners;
  /// The nodes are of different versions: a roll-out is under way.
  bool rolling = false;
};

/// Says which node should own which shard. The leader asks it whenever the members change, and
/// while a rebalancing is under way; moves towards the answer happen in waves, so the next question
/// comes with some of them made.
///
/// Pure and deterministic: the same question has the same answer, on every node; no clock, no I/O.
/// Thread-safe. What it throws, and an answer of the wrong size or with an index out of range, is
/// logged and `even_allocation` used instead.
class allocation_strategy {
 public:
  virtual ~allocation_strategy() = default;
  /// @returns an index into `nodes` for each shard. Asked again with that answer as `owners`, it
  ///          gives the same answer.
  [[nodiscard]] virtual std::vector<std::int32_t> allocate(
      const allocation_request& request) const = 0;
};

/// The default. Each node gets its fair share, `shards * weight / sum of weights`, rounded up or
/// down, by the fewest moves. During a roll-out nothing moves for evenness: what must move goes to
/// nodes of the newest version where there are some, so that a roll-out that starts each new node
/// before it stops an old one moves each shard once.
[[nodiscard]] std::shared_ptr<const allocation_strategy> even_allocation();

}  // namespace aether::cluster
