#include "rejections.hpp"

#include <algorithm>

namespace aether {

void rejections::remember(const envelope& command, const error& why, time_point now) {
  while (!entries_.empty() && (entries_.size() >= kept_max || entries_.front().until <= now))
    forget_oldest();
  entries_.push_back({command.id, command.repeated, now + kept_for, why});
  repeated_ += command.repeated ? 1 : 0;
}

const error* rejections::find(const envelope& command, time_point now) const noexcept {
  if (!command.repeated && repeated_ == 0) return nullptr;
  const auto found = std::ranges::find(entries_, command.id, &entry::id);
  return found == entries_.end() || found->until <= now ? nullptr : &found->why;
}

void rejections::forget(const command_id& id) noexcept {
  const auto found = std::ranges::find(entries_, id, &entry::id);
  if (found == entries_.end()) return;
  repeated_ -= found->repeated ? 1 : 0;
  entries_.erase(found);
}

void rejections::forget_oldest() noexcept {
  repeated_ -= entries_.front().repeated ? 1 : 0;
  entries_.pop_front();
}

}  // namespace aether
