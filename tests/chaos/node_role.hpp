#pragma once

#include <aether/runtime/error.hpp>
#include <aether/runtime/options.hpp>

#include <cstdint>
#include <string>

namespace aether::chaos {

/// What every member of a run's cluster is told.
struct member_options {
  std::string nats_url;
  std::string node_id;
  std::uint32_t shards = 32;
  std::uint32_t replicas = 1;
};

/// The rest comes from AETHER_* variables.
[[nodiscard]] result<options> options_of(const member_options& member);

/// What a node process does: hosts lists, reports "ready" on `child_process::report_fd` when it has
/// joined, trying as long as it has to, and serves until SIGTERM.
/// @returns the process's exit status.
int run_node(const member_options& member);

}  // namespace aether::chaos
