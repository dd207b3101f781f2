#pragma once

#include <aether/runtime/bytes.hpp>
#include <aether/runtime/ids.hpp>

#include <string>

namespace aether {

/// What JetStream answered to a publish.
struct pub_ack {
  enum class kind {
    stored,
    /// Stored earlier, it says, under this message id; perhaps another's message.
    duplicate,
    /// 10071: the expected last sequence of the subject is not the last.
    conflict,
    /// Not stored, but may be in a moment: 10164, and the server's "temporarily unavailable".
    busy,
    /// Not stored; `text` has the server's reason.
    refused,
    /// 10077: it could not be stored where it was to be acknowledged, `text` says why. With several
    /// replicas the others may have stored it all the same.
    not_stored_here,
    /// No acknowledgement at all; nothing is known.
    unreadable,
  };
  kind what = kind::unreadable;
  stream_sequence sequence{};
  std::string text{};
};

[[nodiscard]] pub_ack parse_pub_ack(bytes_view payload);

}  // namespace aether
