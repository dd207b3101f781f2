#pragma once

#include <aether/runtime/nats.hpp>
#include "discard.hpp"

#include <nats/nats.h>

#include <cstddef>
#include <memory>
#include <string_view>

namespace aether::nats {

struct message_deleter {
  void operator()(natsMsg* message) const noexcept { discard(message); }
};
using message_ptr = std::unique_ptr<natsMsg, message_deleter>;

/// True for a dotted name without blanks, control characters or empty tokens.
[[nodiscard]] bool is_subject(std::string_view text) noexcept;
/// True for a queue group's name.
[[nodiscard]] bool is_queue(std::string_view text) noexcept;

/// @errors `invalid_argument`: not a subject, a header that would not arrive as it is, or more
///         than `payload_bytes_max`, which headers and payload share; the text has both sizes.
[[nodiscard]] result<void> check(const nats_outgoing& message, std::size_t payload_bytes_max);

/// What it costs of the server's payload limit.
[[nodiscard]] std::size_t encoded_bytes(const nats_outgoing& message) noexcept;

/// The client library's copy of the message.
/// @errors `unavailable`: no memory.
[[nodiscard]] result<message_ptr> to_message(const nats_outgoing& message,
                                             std::string_view reply_to);

}  // namespace aether::nats
