#pragma once

#include <aether/persistence/event_bus.hpp>

#include <algorithm>
#include <deque>
#include <memory>
#include <utility>
#include <variant>

namespace aether {

/// What waits for one subscription: at most so many commits and bytes. What does not fit becomes
/// part of a gap at the end, one for each stream, and once something did not fit nothing does
/// before half of the buffer is free: so there are few gaps, and
/// their number is bounded too, by the streams and by how often one becomes another.
///
/// What is put in of a stream comes in the order of the stream, and out in the same.
/// Pure: no clock, no I/O, no threads.
/// @tparam Item has `place()` and `bytes()`.
template <class Item>
class gap_buffer {
 public:
  using item_pointer = std::shared_ptr<Item>;
  using entry = std::variant<item_pointer, event_gap>;

  gap_buffer(std::size_t items_max, std::size_t bytes_max)
      : items_max_{items_max}, bytes_max_{bytes_max} {}

  /// @returns false when it did not fit, and is in a gap now.
  bool put(item_pointer item) {
    const bool had_room = !full_ || (items_ <= items_max_ / 2 && bytes_ <= bytes_max_ / 2);
    // One that is larger than the buffer is let into an empty one: else it never came.
    full_ = !had_room || items_ >= items_max_ ||
            (items_ > 0 && item->bytes() > bytes_max_ - std::min(bytes_, bytes_max_));
    if (full_) {
      const auto& place = item->place();
      put(event_gap{place.stream, place.sequence, place.sequence, gap_reason::buffer_full});
      return false;
    }
    ++items_;
    bytes_ += item->bytes();
    gaps_at_end_ = 0;
    entries_.push_back(std::move(item));
    return true;
  }

  /// Joined with one of its stream that stands at the end, whatever the reason of that one.
  void put(event_gap gap) {
    for (std::size_t back = 1; back <= gaps_at_end_; ++back) {
      auto& other = std::get<event_gap>(entries_[entries_.size() - back]);
      if (other.stream != gap.stream) continue;
      if (gap.reason == gap_reason::another_stream) break;
      other.last = gap.last;
      return;
    }
    ++gaps_at_end_;
    entries_.push_back(std::move(gap));
  }

  /// @pre not empty
  entry take() {
    entry next = std::move(entries_.front());
    entries_.pop_front();
    if (const auto* item = std::get_if<item_pointer>(&next)) {
      --items_;
      bytes_ -= (*item)->bytes();
    }
    gaps_at_end_ = std::min(gaps_at_end_, entries_.size());
    return next;
  }

  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  /// Commits that wait.
  [[nodiscard]] std::size_t items() const noexcept { return items_; }
  [[nodiscard]] std::size_t entries() const noexcept { return entries_.size(); }

 private:
  const std::size_t items_max_;
  const std::size_t bytes_max_;
  std::deque<entry> entries_;
  std::size_t items_ = 0;
  std::size_t bytes_ = 0;
  std::size_t gaps_at_end_ = 0;
  bool full_ = false;
};

}  // namespace aether
