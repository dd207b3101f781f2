#include <aether/runtime/error.hpp>
#include <aether/runtime/timers.hpp>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace aether {

struct timers::impl {
  struct entry {
    clock::time_point when;
    std::uint64_t order;  // keeps first come, first served among equal times
    task what;
  };
  static bool later(const entry& a, const entry& b) noexcept {
    return a.when != b.when ? a.when > b.when : a.order > b.order;
  }

  void add(clock::time_point when, task what) {
    std::unique_lock lock{mutex};
    if (stopped) return;  // `what` is destroyed after the lock is gone: it is the caller's
    heap.push_back({when, next_order, std::move(what)});
    std::ranges::push_heap(heap, later);
    const bool is_first = heap.front().order == next_order++;
    lock.unlock();
    if (is_first) wake.notify_one();
  }

  task take_first() {
    std::ranges::pop_heap(heap, later);
    task what = std::move(heap.back().what);
    heap.pop_back();
    return what;
  }

  /// noexcept: a task that throws is our own mistake and ends the process.
  void run() noexcept {
    std::unique_lock lock{mutex};
    while (!stopped) {
      if (heap.empty()) {
        wake.wait(lock);
      } else if (const auto when = heap.front().when; clock::now() < when) {
        wake.wait_until(lock, when);
      } else {
        task what = take_first();
        lock.unlock();
        what();
        what = nullptr;  // a task's destructor may call `at`: not under the lock
        lock.lock();
      }
    }
  }

  void stop() {
    std::vector<entry> dropped;
    {
      const std::lock_guard lock{mutex};
      stopped = true;
      dropped.swap(heap);
    }
    wake.notify_one();
    const std::lock_guard lock{join_mutex};
    AETHER_ASSERT(thread.get_id() != std::this_thread::get_id());
    if (thread.joinable()) thread.join();
  }

  std::mutex mutex;
  std::condition_variable wake;
  std::vector<entry> heap;
  std::uint64_t next_order = 0;
  bool stopped = false;
  std::mutex join_mutex;
  std::thread thread{[this] { run(); }};
};

timers::timers() : impl_{std::make_unique<impl>()} {}
timers::~timers() { impl_->stop(); }

void timers::at(clock::time_point when, task what) { impl_->add(when, std::move(what)); }
void timers::stop() { impl_->stop(); }

}  // namespace aether
