#pragma once

#include "checker.hpp"

#include <nlohmann/json.hpp>

namespace aether::chaos {

/// `{"ok":1,"fail":0,"unknown":0}`
[[nodiscard]] nlohmann::json to_json(const outcome_counts& counts);
/// The keys that `aether_check --json` and `aether_chaos --json` share.
[[nodiscard]] nlohmann::json to_json(const verdict& what);

}  // namespace aether::chaos
