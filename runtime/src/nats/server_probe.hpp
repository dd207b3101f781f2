#pragma once

#include <aether/runtime/bytes.hpp>
#include <aether/runtime/nats.hpp>
#include "address.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace aether::nats {

/// The JSON of the `INFO` line with which a server greets every connection, read on a short
/// connection of its own: the client library knows the server's version, but has no way to say it.
/// Blocks.
/// @errors `unavailable`: no such line within `timeout`.
[[nodiscard]] result<std::string> read_server_greeting(const address& server,
                                                       std::chrono::milliseconds timeout);

/// What the greeting says; `api_level` stays 0.
/// @errors `decode_failed`: not a greeting.
[[nodiscard]] result<nats_server_info> parse_server_greeting(std::string_view json);

/// The API level in an answer to `$JS.API.INFO`.
/// @errors `unsupported_server`: JetStream is not enabled for this account. `unavailable`: it
/// cannot
///         be reached at the moment, for its servers have no leader, say.
[[nodiscard]] result<int> parse_jetstream_level(bytes_view answer);

/// `unsupported_server`, with the remedy.
[[nodiscard]] error jetstream_missing(std::string_view server);

}  // namespace aether::nats
