#pragma once

#include <aether/runtime/nats.hpp>

#include <cstdint>
#include <string_view>
#include <vector>

namespace aether {

/// What the server at the other end can do: the one place of this module that knows versions and
/// API levels. Elsewhere, the connection refuses what is older than Aether needs, and the
/// coordinator asks for `replicated_conditions` too.
struct server_features {
  /// Conditional appends are safe on replicated streams: from 2.9.21 on. Before, both writers of a
  /// race may be acknowledged.
  bool replicated_conditions = false;
  /// One direct get answers with many messages: API level 1, 2.11.
  bool paged_reads = false;
  /// A consumer can have more than one filter: 2.10.
  bool several_filters = false;
  /// `sync_interval` can be set, so that an acknowledgement can mean flushed to disk: 2.10.
  bool sync_interval = false;

  friend bool operator==(const server_features&, const server_features&) = default;
};

[[nodiscard]] server_features features_of(const nats_server_info& server);

/// The largest payload, of a commit or a snapshot, that the server takes: its own limit counts the
/// headers too.
[[nodiscard]] std::size_t storable_bytes_max(const nats_server_info& server);

struct missing_feature {
  /// A stable name, for logs.
  std::string_view name;
  /// The first version that has it.
  std::string_view since;
  /// What it costs to be without.
  std::string_view cost;
};

/// What the server lacks and could have.
[[nodiscard]] std::vector<missing_feature> missing_in(const server_features& have);

}  // namespace aether
