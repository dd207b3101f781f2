#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>

namespace aether {

/// Bytes that may be in use at one time, handed out in credits to places that use them: so that
/// threads seldom meet at the one number that all share. Thread-safe.
class byte_budget {
 public:
  explicit byte_budget(std::size_t max) noexcept : max_{max} {}

  /// What a place takes or gives back at once. All places together keep less than half of the
  /// budget from the others.
  [[nodiscard]] std::size_t portion() const noexcept {
    return std::min<std::size_t>(max_ / 256, 65'536);
  }
  [[nodiscard]] bool take(std::size_t amount) noexcept {
    auto used = used_.load(std::memory_order_relaxed);
    do {
      if (amount > max_ || used > max_ - amount) return false;
    } while (!used_.compare_exchange_weak(used, used + amount, std::memory_order_relaxed));
    return true;
  }
  void take_anyway(std::size_t amount) noexcept {
    used_.fetch_add(amount, std::memory_order_relaxed);
  }
  void give_back(std::size_t amount) noexcept {
    used_.fetch_sub(amount, std::memory_order_relaxed);
  }
  /// Places' unspent credits included.
  [[nodiscard]] std::size_t used() const noexcept { return used_.load(std::memory_order_relaxed); }

 private:
  const std::size_t max_;
  std::atomic<std::size_t> used_{0};
};

/// One place's credit from a budget. Not thread-safe.
class byte_credit {
 public:
  /// False when the budget has not so many left.
  [[nodiscard]] bool spend(std::size_t amount, byte_budget& from) {
    if (left_ < amount) {
      const std::size_t lacks = amount - left_;
      const std::size_t more = std::max(lacks, from.portion());
      if (from.take(more))
        left_ += more;
      else if (from.take(lacks))
        left_ += lacks;
      else
        return false;
    }
    left_ -= amount;
    return true;
  }
  /// Goes over the budget where it must.
  void spend_anyway(std::size_t amount, byte_budget& from) {
    if (spend(amount, from)) return;
    from.take_anyway(amount - left_);
    left_ = 0;
  }
  void earn(std::size_t amount, byte_budget& from) {
    left_ += amount;
    if (left_ <= 2 * from.portion()) return;
    from.give_back(left_ - from.portion());
    left_ = from.portion();
  }
  [[nodiscard]] std::size_t left() const noexcept { return left_; }

 private:
  std::size_t left_ = 0;
};

}  // namespace aether
