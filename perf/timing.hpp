#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <thread>

/// What every measurement does with time.
namespace aether::perf {

using clock = std::chrono::steady_clock;

[[nodiscard]] inline double per_second(std::size_t count, clock::time_point begin) {
  const std::chrono::duration<double> took = clock::now() - begin;
  return static_cast<double>(count) / took.count();
}

[[nodiscard]] inline double microseconds_since(clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(clock::now() - begin).count();
}

/// Returns at most a scheduler's tick after `done` has reached `wanted`, and takes next to no
/// processor time from those who bring it there.
inline void await(const std::atomic<std::size_t>& done, std::size_t wanted) {
  while (done.load(std::memory_order_acquire) < wanted)
    std::this_thread::sleep_for(std::chrono::microseconds{50});
}

}  // namespace aether::perf
