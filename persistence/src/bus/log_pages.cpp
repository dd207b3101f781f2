#include "log_pages.hpp"

#include <utility>

namespace aether {

std::optional<shard_range> shards_of(const event_store& store, std::uint32_t index) {
  for (std::uint64_t shard = 0; shard < store.shards();) {
    const shard_range range = store.stored_together(shard_id{shard});
    if (index-- == 0) return range;
    shard = range.first.value() + range.count;
  }
  return std::nullopt;
}

event_store::shard_handler page_slot::handler(std::shared_ptr<page_slot> slot) {
  return [slot = std::move(slot)](result<shard_page> page) {
    slot->set(std::move(page));
    return false;
  };
}

void page_slot::set(result<shard_page> page) {
  const std::lock_guard lock{mutex_};
  if (!page_) page_.emplace(std::move(page));
  changed_.notify_all();
}

void page_slot::abandon() {
  const std::lock_guard lock{mutex_};
  abandoned_ = true;
  changed_.notify_all();
}

std::optional<result<shard_page>> page_slot::wait() {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [this] { return page_ || abandoned_; });
  if (abandoned_) return std::nullopt;
  return std::exchange(page_, std::nullopt);
}

}  // namespace aether
