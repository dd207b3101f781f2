#pragma once

#include <chrono>

namespace aether::cluster {

/// Every machine is told the time; none reads a clock.
using time_point = std::chrono::steady_clock::time_point;
using duration = std::chrono::steady_clock::duration;

}  // namespace aether::cluster
