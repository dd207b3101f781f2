#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <stdexcept>
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

/// Returns at most a scheduler's tick after `is_so`, and takes next to no processor time from those
/// who make it so.
/// @throws std::runtime_error after five minutes.
template <class Predicate>
void await_that(Predicate is_so) {
  for (const auto begin = clock::now(); !is_so();) {
    if (clock::now() - begin > std::chrono::minutes{5})
      throw std::runtime_error{"what was waited for did not come"};
    std::this_thread::sleep_for(std::chrono::microseconds{50});
  }
}

inline void await(const std::atomic<std::size_t>& done, std::size_t wanted) {
  await_that([&] { return done.load(std::memory_order_acquire) >= wanted; });
}

}  // namespace aether::perf
