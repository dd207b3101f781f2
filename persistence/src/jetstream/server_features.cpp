#include "server_features.hpp"

#include <aether/persistence/commit.hpp>

#include <algorithm>

namespace aether {

namespace {

/// JetStream's API level of 2.11.
constexpr int paged_reads_level = 1;

}  // namespace

server_features features_of(const nats_server_info& server) {
  return {.replicated_conditions = server.at_least(2, 9, 21),
          .paged_reads = server.api_level >= paged_reads_level,
          .several_filters = server.at_least(2, 10, 0),
          .sync_interval = server.at_least(2, 10, 0)};
}

std::size_t storable_bytes_max(const nats_server_info& server) {
  // What the server counts against its payload limit besides the payload.
  constexpr std::size_t headers_bytes_max = 2'048;
  const std::size_t most = server.payload_bytes_max;
  if (most == 0) return commit_bytes_max;
  return std::min(commit_bytes_max, most - std::min(most, headers_bytes_max));
}

std::vector<missing_feature> missing_in(const server_features& have) {
  std::vector<missing_feature> missing;
  if (!have.replicated_conditions)
    missing.push_back({"replicated_conditions", "2.9.21",
                       "conditional appends are not safe with replicas: more than 1 is refused"});
  if (!have.several_filters)
    missing.push_back({"several_filters", "2.10",
                       "reading several shards, but not all of a stream, reads all of it"});
  if (!have.sync_interval)
    missing.push_back({"sync_interval", "2.10",
                       "the server flushes to disk every 2 minutes, and cannot be told otherwise"});
  if (!have.paged_reads)
    missing.push_back(
        {"paged_reads", "2.11", "a history without back-pointers is read one commit at a time"});
  return missing;
}

}  // namespace aether
