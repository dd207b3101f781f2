#include <aether/actors/dead_letters.hpp>
#include <aether/runtime/log.hpp>

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>

namespace aether {

namespace {

using clock = std::chrono::steady_clock;
constexpr std::chrono::seconds log_pause{1};

}  // namespace

struct dead_letters::impl {
  std::atomic<std::uint64_t> count{0};
  std::atomic<bool> observed{false};

  std::mutex log_mutex;
  clock::time_point log_again{};
  std::uint64_t unlogged = 0;

  std::mutex mutex;
  std::map<std::uint64_t, handler> handlers;
  std::uint64_t next = 0;

  void show(const dead_letter& letter) {
    const std::lock_guard lock{mutex};
    for (auto& [number, each] : handlers) {
      try {
        each(letter);
      } catch (...) {  // an observer's own affair
      }
    }
  }

  void note(const dead_letter& letter) {
    std::uint64_t others = 0;
    {
      const std::lock_guard lock{log_mutex};
      const auto now = clock::now();
      if (now < log_again) {
        ++unlogged;
        return;
      }
      log_again = now + log_pause;
      others = std::exchange(unlogged, 0);
    }
    log::warn("actor", "dead_letter",
              {{"actor", to_string(letter.to)},
               {"command", letter.command},
               {"id", letter.id.hex()},
               {"reason", letter.why.message()},
               {"unlogged_before", others}});
  }
};

dead_letters::dead_letters() : impl_{std::make_shared<impl>()} {}
dead_letters::~dead_letters() = default;

dead_letters::subscription dead_letters::subscribe(handler observer) {
  const std::lock_guard lock{impl_->mutex};
  const std::uint64_t number = impl_->next++;
  impl_->handlers.emplace(number, std::move(observer));
  impl_->observed = true;
  return subscription{std::shared_ptr<void>{nullptr, [from = impl_, number](void*) {
                                              const std::lock_guard guard{from->mutex};
                                              from->handlers.erase(number);
                                              from->observed = !from->handlers.empty();
                                            }}};
}

void dead_letters::publish(const dead_letter& letter) {
  impl_->count.fetch_add(1, std::memory_order_relaxed);
  impl_->note(letter);
  if (impl_->observed) impl_->show(letter);
}

std::uint64_t dead_letters::count() const noexcept { return impl_->count; }

}  // namespace aether
