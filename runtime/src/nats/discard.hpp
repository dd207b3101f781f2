#pragma once

#include <nats/nats.h>

namespace aether::nats {

/// Destroys `message`, now or later: as one of `discarded_together` of this thread. The library
/// hands each destroyed message to a collector thread and wakes it, which costs more than most
/// messages do; several in a row cost one wake-up. What is kept back is little (`kept_bytes_max`),
/// and goes with the thread at the latest.
/// @param message may be null.
void discard(natsMsg* message) noexcept;

inline constexpr int discarded_together = 64;
inline constexpr int kept_bytes_max = 64 << 10;

}  // namespace aether::nats
