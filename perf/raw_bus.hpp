#pragma once

#include <cstddef>
#include <string>

/// What NATS alone takes from a publisher to a subscriber on another connection, both in this
/// process. Where something fails, these throw.
namespace aether::perf {

struct raw_messages {
  std::size_t total = 0;
  std::size_t payload_bytes = 0;
  /// Published and not yet received, at most: below what a server keeps for one that reads slowly.
  std::size_t window = 1'000;
};

/// Messages received in a second.
[[nodiscard]] double raw_to_subscriber(const std::string& url, const raw_messages& what);
/// The median time from a publish to the subscriber's callback, in microseconds, one at a time.
[[nodiscard]] double raw_hop_p50(const std::string& url, const raw_messages& what);

}  // namespace aether::perf
