#pragma once

#include <aether/actors/actor_ref.hpp>
#include "counter.hpp"
#include "timing.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

/// Commands as measurements send them. Where something fails, these throw.
namespace aether::perf {

/// Tells `to` to add 1; while it is overloaded, yields and says so again.
template <class Actor>
void add_one(const actor_ref<Actor>& to) {
  for (auto sent = to.tell(add{1}); !sent; sent = to.tell(add{1})) {
    if (sent.error().code() != errc::overloaded) throw std::runtime_error{sent.error().message()};
    std::this_thread::yield();
  }
}

/// Asks every actor, which brings it to life; returns when each has answered that it counted to
/// `value`, and throws when one did not. An answer leaves only when all before it is stored.
template <class Actor>
void expect_counts(const std::vector<actor_ref<Actor>>& all, std::int64_t value) {
  constexpr std::ptrdiff_t window = 256;
  std::counting_semaphore<window> free{window};
  std::atomic<std::size_t> wrong{0};
  for (const auto& one : all) {
    free.acquire();
    one.ask(read_count{}, std::chrono::seconds{30}, [&](const result<count>& now) {
      if (!now || now->value != value) ++wrong;
      free.release();
    });
  }
  for (std::ptrdiff_t i = 0; i < window; ++i) free.acquire();
  if (wrong != 0) throw std::runtime_error{std::to_string(wrong) + " actors counted wrong"};
}

/// Asks each actor in turn, `window` unanswered at a time; an answer means that the event is
/// stored.
template <class Actor>
double acknowledged_per_second(const std::vector<actor_ref<Actor>>& all, std::size_t total,
                               std::ptrdiff_t window) {
  std::counting_semaphore<> free{window};
  std::atomic<std::size_t> failed{0};
  const auto begin = clock::now();
  for (std::size_t i = 0; i < total; ++i) {
    free.acquire();
    all[i % all.size()].ask(add{1}, std::chrono::seconds{30}, [&](const result<void>& done) {
      if (!done) ++failed;
      free.release();
    });
  }
  for (std::ptrdiff_t i = 0; i < window; ++i) free.acquire();
  const double rate = per_second(total, begin);
  if (failed != 0) throw std::runtime_error{std::to_string(failed) + " commands failed"};
  return rate;
}

}  // namespace aether::perf
