#pragma once

#include "measure.hpp"

#include <cstddef>

namespace aether::perf {

[[nodiscard]] benchmark local_tell_memory_1(const scale& scale);
[[nodiscard]] benchmark local_tell_memory_10k(const scale& scale);
[[nodiscard]] benchmark local_tell_memory_1m(const scale& scale);
[[nodiscard]] benchmark local_ask_actor(const scale& scale);
[[nodiscard]] benchmark activation_cycle_memory(const scale& scale);
[[nodiscard]] benchmark persisted_10k_actors_jetstream(const scale& scale);
[[nodiscard]] benchmark persisted_hot_actor_jetstream(const scale& scale);
[[nodiscard]] benchmark remote_ask_p50(const scale& scale);
[[nodiscard]] benchmark bytes_per_idle_actor(const scale& scale);
[[nodiscard]] benchmark append_through_store(const scale& scale);
[[nodiscard]] benchmark append_100_events(const scale& scale);
[[nodiscard]] benchmark bus_throughput(const scale& scale);
[[nodiscard]] benchmark bus_delay(const scale& scale);
[[nodiscard]] benchmark rehydrate_snapshot_p50(const scale& scale);
[[nodiscard]] benchmark rehydrate_100_commits_p50(const scale& scale);
[[nodiscard]] benchmark rehydrate_10k_actors(const scale& scale);
[[nodiscard]] benchmark projection_catch_up(const scale& scale);
[[nodiscard]] benchmark durable_sends(const scale& scale);
[[nodiscard]] benchmark server_bytes_per_actor(const scale& scale);
[[nodiscard]] benchmark kill_of_an_owner(const scale& scale);
[[nodiscard]] benchmark stop_of_an_owner(const scale& scale);
[[nodiscard]] benchmark planned_leave(const scale& scale);
[[nodiscard]] benchmark three_nodes_jetstream(const scale& scale);
[[nodiscard]] benchmark table_of_100_nodes(const scale& scale);
[[nodiscard]] benchmark start_of_a_node(const scale& scale);

}  // namespace aether::perf
