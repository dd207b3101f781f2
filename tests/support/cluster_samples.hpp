#pragma once

#include "cluster/src/core/clock.hpp"
#include "cluster/src/core/heartbeat.hpp"

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What the tests of the cluster's machines share: made-up times, nodes and processes.
namespace aether::cluster::samples {

/// Virtual time: `since_start` after an arbitrary beginning.
[[nodiscard]] inline time_point at(std::chrono::nanoseconds since_start) {
  return time_point{std::chrono::hours{1}} + since_start;
}

[[nodiscard]] inline node_id node(std::string_view name) { return node_id::parse(name).value(); }

/// A process; a greater number started later.
[[nodiscard]] inline incarnation_id process(std::uint64_t number) {
  std::array<std::uint8_t, incarnation_id::size> raw{};
  for (std::size_t i = 0; i < 8; ++i) raw[i] = static_cast<std::uint8_t>(number >> (56 - 8 * i));
  return incarnation_id{raw};
}

[[nodiscard]] inline heartbeat beat(std::string_view name, std::uint64_t process_number,
                                    member_state state = member_state::up,
                                    std::uint32_t weight = 1) {
  return {.node = node(name),
          .incarnation = process(process_number),
          .state = state,
          .weight = weight,
          .shards = 256,
          .types_hash = 0,
          .table_revision = 0,
          .sent_at = 0};
}

/// The seed of this run: AETHER_SEED, which tests/main.cpp always sets.
[[nodiscard]] inline std::uint64_t seed() {
  const char* text = std::getenv("AETHER_SEED");
  return text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
}

/// The first effect of type `T`, or null.
template <class T, class Effects>
[[nodiscard]] const T* first(const Effects& effects) {
  for (const auto& one : effects)
    if (const auto* found = std::get_if<T>(&one)) return found;
  return nullptr;
}

}  // namespace aether::cluster::samples
