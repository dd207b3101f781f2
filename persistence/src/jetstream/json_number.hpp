#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>

namespace aether {

/// The whole number under `key`; 0 where there is none. The library's own conversion would wrap a
/// negative one and round a real one, where it can, into a sequence that nobody gave.
[[nodiscard]] inline std::uint64_t number_of(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

}  // namespace aether
