#pragma once

#include <aether/runtime/ids.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace aether {

/// What the reply subject of a message from a JetStream consumer tells, which is also where it is
/// acknowledged: where the message is in its stream, and how it came.
struct nats_delivery {
  stream_sequence sequence;
  /// Of the consumer's deliveries, from 1, without a gap.
  std::uint64_t number = 0;
  /// How often this message was delivered, this time included.
  std::uint64_t times = 0;
  /// Messages of the consumer that lie behind it.
  std::uint64_t pending = 0;

  /// @returns none for any other subject.
  [[nodiscard]] static std::optional<nats_delivery> parse(std::string_view reply_subject) noexcept;
};

}  // namespace aether
