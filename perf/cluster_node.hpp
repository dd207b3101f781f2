#pragma once

#include <aether/cluster/node.hpp>
#include "counter.hpp"

#include <memory>
#include <string>
#include <vector>

/// What the measurements of a whole node share. Where something fails, these throw.
namespace aether::perf {

/// A member of namespace `ns` that hosts counters; with weight 0, one that owns none.
[[nodiscard]] std::unique_ptr<node> join(const std::string& url, const std::string& ns,
                                         std::uint32_t weight, const std::string& name = "perf");

/// References to `count` counters that have been brought to life.
[[nodiscard]] std::vector<actor_ref<counter>> awake(node& on, std::size_t count);

}  // namespace aether::perf
