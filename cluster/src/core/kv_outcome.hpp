#pragma once

#include <cstdint>

namespace aether::cluster {

/// How a conditional write to a KV key ended.
enum class write_outcome {
  stored,      ///< and is the newest value
  conflict,    ///< the key has another revision; nothing of this write is stored
  not_stored,  ///< nobody took it
  unknown,     ///< may be stored, now or later: read before writing again
};

struct write_result {
  write_outcome outcome = write_outcome::unknown;
  /// The key's new revision when `stored`.
  std::uint64_t revision = 0;
};

}  // namespace aether::cluster
