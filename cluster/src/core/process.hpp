#pragma once

#include "heartbeat.hpp"

namespace aether::cluster {

/// One start of one node: what owns slots. A restarted process of the same name is another one.
struct process {
  node_id node;
  incarnation_id incarnation;
  friend auto operator<=>(const process&, const process&) = default;
};

}  // namespace aether::cluster
