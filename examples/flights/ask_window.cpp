#include "ask_window.hpp"

#include "stop_request.hpp"

namespace flights {

using clock = std::chrono::steady_clock;

or_error<void> ask_window::take(const std::function<void()>& meanwhile) {
  std::unique_lock lock{mutex_};
  auto waited = wait_until_below(size_, lock, meanwhile);
  if (!waited) return waited;
  if (taken_++ == 0) last_answer_ = clock::now();
  return {};
}

or_error<void> ask_window::drain(const std::function<void()>& meanwhile) {
  std::unique_lock lock{mutex_};
  return wait_until_below(1, lock, meanwhile);
}

void ask_window::give_back() {
  const std::lock_guard lock{mutex_};
  --taken_;
  last_answer_ = clock::now();
  changed_.notify_one();
}

or_error<void> ask_window::wait_until_below(std::size_t limit, std::unique_lock<std::mutex>& lock,
                                            const std::function<void()>& meanwhile) {
  for (;;) {
    if (stop_requested() != 0) return std::unexpected("interrupted");
    if (taken_ < limit) return {};
    if (clock::now() - last_answer_ > patience_)
      return std::unexpected(std::to_string(taken_) + " asks were never answered");
    changed_.wait_for(lock, std::chrono::milliseconds{100});
    lock.unlock();
    meanwhile();
    lock.lock();
  }
}

}  // namespace flights
