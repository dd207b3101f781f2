#pragma once

#include <aether/runtime/ids.hpp>

namespace aether {

/// Where an actor's history ended when something was answered: whoever has seen the log up to there
/// has seen what the answer rests on.
struct stored_position {
  actor_address actor;
  /// The newest event's version; 0: the actor has no events.
  event_version version;
  /// Its commit's sequence in the event stream of the actor's shard.
  stream_sequence sequence;
  friend bool operator==(const stored_position&, const stored_position&) = default;
};

}  // namespace aether
