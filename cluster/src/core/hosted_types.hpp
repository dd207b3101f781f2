#pragma once

#include <aether/actors/behavior.hpp>
#include <aether/runtime/message.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace aether::cluster {

/// One actor type as a node knows it. Lists hold wire names and are sorted.
struct hosted_type {
  std::string type;
  std::vector<std::string> commands;
  /// Every event this build can read, those that it upcasts included.
  std::vector<std::string> events;
  std::uint32_t snapshot_schema = 0;
  AETHER_MESSAGE("aether.hosted_type", type, commands, events, snapshot_schema)
  friend bool operator==(const hosted_type&, const hosted_type&) = default;
};

/// A node's answer to the question what it hosts, sorted by type.
struct types_table {
  std::vector<hosted_type> types;
  AETHER_MESSAGE("aether.types_table", types)
};

/// An actor type as this build has it; its lists are not sorted yet.
[[nodiscard]] hosted_type describe(const actor_traits& traits);

/// Sorts types and their lists, so that two nodes with the same types have equal tables.
[[nodiscard]] std::vector<hosted_type> sorted(std::vector<hosted_type> types);

/// FNV-1a (64 bit) over the sorted table. Equal tables, equal fingerprints; only ever compared
/// between live nodes, never stored.
/// @pre `types` is `sorted`.
[[nodiscard]] std::uint64_t fingerprint(std::span<const hosted_type> types) noexcept;

}  // namespace aether::cluster
