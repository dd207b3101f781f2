#pragma once

#include "callback.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

namespace aether::sim {

/// Since the beginning of the run, as an observer has it who stands outside; no process does.
using real_time = std::chrono::nanoseconds;

/// What is going to happen, and when. What falls on the same instant happens in the order in which
/// it was planned.
class timeline {
 public:
  [[nodiscard]] real_time now() const noexcept { return now_; }
  [[nodiscard]] std::uint64_t steps() const noexcept { return steps_; }
  [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }
  /// @pre not `empty()`.
  [[nodiscard]] real_time next() const noexcept { return heap_.front().at; }

  void at(real_time when, task what) {
    std::uint32_t slot = 0;
    if (free_.empty()) {
      slot = static_cast<std::uint32_t>(tasks_.size());
      tasks_.push_back(std::move(what));
    } else {
      slot = free_.back();
      free_.pop_back();
      tasks_[slot] = std::move(what);
    }
    heap_.push_back({std::max(when, now_), ++planned_, slot});
    std::push_heap(heap_.begin(), heap_.end(), &later);
  }
  void after(real_time delay, task what) { at(now_ + delay, std::move(what)); }

  /// Lets the next thing happen. @pre not `empty()`.
  void step() {
    std::pop_heap(heap_.begin(), heap_.end(), &later);
    const entry next = heap_.back();
    heap_.pop_back();
    now_ = next.at;
    ++steps_;
    task what = std::move(tasks_[next.slot]);
    free_.push_back(next.slot);
    what();
  }

 private:
  struct entry {
    real_time at;
    std::uint64_t order;
    std::uint32_t slot;
  };
  static bool later(const entry& a, const entry& b) noexcept {
    return a.at != b.at ? a.at > b.at : a.order > b.order;
  }

  real_time now_{};
  std::uint64_t steps_ = 0;
  std::uint64_t planned_ = 0;
  std::vector<entry> heap_;
  std::vector<task> tasks_;
  std::vector<std::uint32_t> free_;
};

}  // namespace aether::sim
