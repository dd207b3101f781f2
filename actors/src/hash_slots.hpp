#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace aether {

/// Pointers by 64-bit hashes, several of which may be equal. All in one block of memory, so that a
/// search costs one miss of the caches instead of the three of a node-based map: open addressing,
/// linear probing, deletion by moving back what follows (Knuth, TAOCP 3, 6.4, algorithm R).
/// Not thread-safe; nothing stays in place across a change.
template <class Pointer>
class hash_slots {
 public:
  /// The first pointer under `hash` for which `is(*pointer)` holds; nullptr when there is none.
  template <class Is>
  [[nodiscard]] const Pointer* find(std::uint64_t hash, Is&& is) const {
    if (slots_.empty()) return nullptr;
    for (std::size_t at = home(hash); slots_[at].held; at = after(at))
      if (slots_[at].hash == hash && is(*slots_[at].held)) return &slots_[at].held;
    return nullptr;
  }

  /// @pre `added` is not null.
  void insert(std::uint64_t hash, Pointer added) {
    if (4 * (size_ + 1) > 3 * slots_.size()) grow();
    place({hash, std::move(added)});
    ++size_;
  }

  /// Removes `gone`, if it is there.
  void erase(std::uint64_t hash, const Pointer& gone) {
    if (slots_.empty()) return;
    std::size_t at = home(hash);
    while (slots_[at].held && slots_[at].held != gone) at = after(at);
    if (!slots_[at].held) return;
    for (std::size_t next = after(at); slots_[next].held; next = after(next)) {
      const bool may_move = distance(home(slots_[next].hash), next) >= distance(at, next);
      if (may_move) slots_[std::exchange(at, next)] = std::move(slots_[next]);
    }
    slots_[at] = {};
    --size_;
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const auto& each : slots_)
      if (each.held) visit(each.held);
  }

 private:
  struct slot {
    std::uint64_t hash = 0;
    Pointer held{};
  };

  // The bits that choose neither the shard nor the stripe.
  [[nodiscard]] std::size_t home(std::uint64_t hash) const noexcept {
    return (hash >> 38) & (slots_.size() - 1);
  }
  [[nodiscard]] std::size_t after(std::size_t at) const noexcept {
    return (at + 1) & (slots_.size() - 1);
  }
  [[nodiscard]] std::size_t distance(std::size_t from, std::size_t to) const noexcept {
    return (to - from) & (slots_.size() - 1);
  }

  void place(slot added) {
    std::size_t at = home(added.hash);
    while (slots_[at].held) at = after(at);
    slots_[at] = std::move(added);
  }

  void grow() {
    auto old = std::exchange(slots_, std::vector<slot>(slots_.empty() ? 16 : 2 * slots_.size()));
    for (auto& each : old)
      if (each.held) place(std::move(each));
  }

  /// Empty, or a power of two of them; at least a quarter holds nothing.
  std::vector<slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace aether
