#pragma once

#include <aether/runtime/nats.hpp>

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// A stream as any NATS client sees it, past every store of ours.
namespace aether::testing_support {

/// A message as the stream holds it.
struct raw_message {
  std::uint64_t sequence = 0;
  std::string subject;
  std::map<std::string, std::string> headers;
  bytes payload;
};

/// Asks `$JS.API.STREAM.<what>`; null for no body.
/// @returns the answer, a refusal ("error") included.
/// @errors as `nats_connection::request`; `store_failed`: the answer is no JSON object.
[[nodiscard]] result<nlohmann::json> stream_request(
    nats_connection& connection, const std::string& what, const nlohmann::json& body,
    std::chrono::milliseconds timeout = std::chrono::seconds{5});

/// All messages of a stream in its order, each asked for by its sequence, through the leader. What
/// was deleted is left out. Throws `std::runtime_error` where the stream cannot be read in time.
[[nodiscard]] std::vector<raw_message> whole_stream(nats_connection& connection,
                                                    const std::string& stream);

/// Stores a message as a plain client does. Throws `std::runtime_error` when it is not stored.
/// @returns its sequence.
std::uint64_t store_by_hand(nats_connection& connection, const std::string& subject,
                            bytes_view payload,
                            const std::vector<std::pair<std::string, std::string>>& headers = {});

/// Deletes one message, as an operator can where the stream allows it (ours do not). Throws
/// `std::runtime_error` where it fails.
void delete_by_hand(nats_connection& connection, const std::string& stream, std::uint64_t sequence);

}  // namespace aether::testing_support
