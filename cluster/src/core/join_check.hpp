#pragma once

#include <aether/runtime/error.hpp>
#include <aether/runtime/message.hpp>
#include "heartbeat.hpp"
#include "hosted_types.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace aether::cluster {

/// The version of everything Aether stores and sends in a namespace: subjects, records, hash.
inline constexpr std::uint32_t layout_format = 1;

/// The value of the settings key: what the first node of a namespace fixed for ever.
struct namespace_settings {
  std::uint32_t format = layout_format;
  std::uint32_t shards = 0;
  std::uint32_t streams = 0;
  AETHER_MESSAGE("aether.settings", format, shards, streams)
  friend bool operator==(const namespace_settings&, const namespace_settings&) = default;
};

/// @errors `incompatible_cluster`: the text has each difference and what to do.
[[nodiscard]] result<void> check_settings(const namespace_settings& own,
                                          const namespace_settings& stored);

/// Whether a node with types `own` may join `other`, a live node with `theirs`.
///
/// Of each actor type that both host it must handle every command and read every event and snapshot
/// that `other` knows. It may know more: that is how a newer build is rolled out. An older build is
/// refused while newer ones live, since it could not read what they write. Types that only one of
/// them hosts live on the nodes that do.
/// @errors `incompatible_cluster`: the text has each difference.
[[nodiscard]] result<void> check_types(std::span<const hosted_type> own, const node_id& other,
                                       std::span<const hosted_type> theirs);

/// Whether a process that is joining must give way to another one that uses the same node id: to
/// one that is up or leaving, and, while both are joining, to the one that started first.
[[nodiscard]] bool must_give_way(const incarnation_id& own, const heartbeat& other);

}  // namespace aether::cluster
