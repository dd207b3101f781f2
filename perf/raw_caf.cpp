#include "raw_caf.hpp"

#include <algorithm>
#include <thread>

namespace aether::perf {

raw_config::raw_config() {
  set("scheduler.policy", caf::atom("sharing"));
  set("scheduler.max-threads", std::size_t{std::max(1U, std::thread::hardware_concurrency())});
}

}  // namespace aether::perf
