#pragma once

#include <aether/persistence/jetstream_store.hpp>

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>

/// The streams of a namespace as JetStream configurations: docs/formats.md, "Streams".
namespace aether {

/// @pre `k < layout.streams`
[[nodiscard]] nlohmann::json event_stream_config(const subjects& names,
                                                 const jetstream_layout& layout, std::uint32_t k);
[[nodiscard]] nlohmann::json snapshot_stream_config(const subjects& names,
                                                    const jetstream_layout& layout);

/// What of `wanted` the existing stream does otherwise in a way that would lose, hide or misplace a
/// message; empty when it will do. Replicas, sizes and unknown fields may differ.
[[nodiscard]] std::string harmful_difference(const nlohmann::json& wanted,
                                             const nlohmann::json& existing);

/// How many replicas a stream of this configuration has.
[[nodiscard]] std::uint32_t replicas_of(const nlohmann::json& existing);
/// Whether appends are safe on streams with so many replicas.
/// @errors `unsupported_server`
[[nodiscard]] result<void> check_replicas(const nats_server_info& server, std::uint32_t replicas);

}  // namespace aether
