#pragma once

#include <cstddef>
#include <string>

namespace aether::perf {

/// Messages a second through a work queue of NATS, by its own client: published with a message id,
/// `window` unacknowledged at most, pulled by one consumer and acknowledged, until all are gone.
/// Throws where something fails.
[[nodiscard]] double raw_work_queue(const std::string& url, std::size_t total, std::size_t window,
                                    std::size_t payload_bytes);

}  // namespace aether::perf
