#pragma once

#include "tcp_proxy.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aether::chaos {

/// The way of a node to the servers: a proxy before each of them.
///
/// From one thread.
class line_to_servers {
 public:
  using clock = std::chrono::steady_clock;

  explicit line_to_servers(const std::vector<std::uint16_t>& ports);

  void set(flow how);
  /// A black hole that first takes what the node sends: so it is given work, and what comes of it
  /// is held back until others have long taken over.
  void block_by_and_by(clock::time_point now);
  void tick(clock::time_point now);
  void open();
  /// Where the node finds the servers.
  [[nodiscard]] std::string url() const;

 private:
  std::vector<std::unique_ptr<tcp_proxy>> ways_;
  std::optional<clock::time_point> blocked_after_;
};

}  // namespace aether::chaos
