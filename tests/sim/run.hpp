#pragma once

#include "settings.hpp"

#include <string>
#include <vector>

namespace aether::sim {

/// One run, from its seed.
struct report {
  verdict how;
  /// The last lines of the trace.
  std::vector<std::string> trace;
};

[[nodiscard]] report run(const settings& how);

/// What the run under way has come to, for a process that is about to abort.
void print_run_under_way();

}  // namespace aether::sim
