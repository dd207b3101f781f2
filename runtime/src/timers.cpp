#include <aether/runtime/error.hpp>
#include <aether/runtime/timers.hpp>

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

namespace aether {

struct timers::impl {
  ticket add(clock::time_point when, task what) {
    std::unique_lock lock{mutex};
    if (stopped) return {};  // `what` is destroyed after the lock is gone: it is the caller's
    const auto added = waiting.emplace(ticket{when, ++last_order}, std::move(what)).first;
    const ticket made = added->first;
    const bool is_first = added == waiting.begin();
    lock.unlock();
    if (is_first) wake.notify_one();
    return made;
  }

  void cancel(const ticket& which) {
    std::unique_lock lock{mutex};
    const auto dropped = waiting.extract(which);
    lock.unlock();  // a task's destructor may call `at`
  }

  /// noexcept: a task that throws is our own mistake and ends the process.
  void run() noexcept {
    std::unique_lock lock{mutex};
    while (!stopped) {
      if (waiting.empty()) {
        wake.wait(lock);
      } else if (const auto when = waiting.begin()->first.when; clock::now() < when) {
        wake.wait_until(lock, when);
      } else {
        auto first = waiting.extract(waiting.begin());
        lock.unlock();
        first.mapped()();
        first = {};  // a task's destructor may call `at`: not under the lock
        lock.lock();
      }
    }
  }

  void stop() {
    std::map<ticket, task> dropped;
    {
      const std::lock_guard lock{mutex};
      stopped = true;
      dropped.swap(waiting);
    }
    wake.notify_one();
    const std::lock_guard lock{join_mutex};
    AETHER_ASSERT(thread.get_id() != std::this_thread::get_id());
    if (thread.joinable()) thread.join();
  }

  std::mutex mutex;
  std::condition_variable wake;
  std::map<ticket, task> waiting;
  std::uint64_t last_order = 0;
  bool stopped = false;
  std::mutex join_mutex;
  std::thread thread{[this] { run(); }};
};

timers::timers() : impl_{std::make_unique<impl>()} {}
timers::~timers() { impl_->stop(); }

timers::ticket timers::at(clock::time_point when, task what) {
  return impl_->add(when, std::move(what));
}
void timers::cancel(const ticket& which) { impl_->cancel(which); }
std::size_t timers::waiting() const {
  const std::lock_guard lock{impl_->mutex};
  return impl_->waiting.size();
}
void timers::stop() { impl_->stop(); }

}  // namespace aether
