#pragma once

#include <aether/runtime/options.hpp>
#include "arguments.hpp"

#include <string>

namespace flights {

/// A member of the cluster that the run is about; AETHER_* variables set the rest.
[[nodiscard]] aether::result<aether::options> node_options(const std::string& nats_url,
                                                           const std::string& name_space,
                                                           const std::string& node_id);

/// What a node process does: hosts airports, reports "ready" or an error to its parent on
/// `child_process::report_fd`, and serves until SIGTERM.
/// @returns the process's exit status.
int run_node(const arguments& given);

}  // namespace flights
