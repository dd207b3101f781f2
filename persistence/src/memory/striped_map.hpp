#pragma once

#include <aether/runtime/ids.hpp>

#include <array>
#include <memory_resource>
#include <mutex>
#include <unordered_map>

namespace aether {

/// One value per actor, spread over 64 locks so that threads seldom meet.
template <class Value>
class striped_map {
 public:
  /// Runs `use` on the actor's value, made when missing, under the lock; returns what it returns.
  /// It is also given memory for what stays as long as this map.
  template <class Use>
  auto with(const actor_address& address, Use&& use) {
    const auto hash = stable_hash(address);
    stripe& mine = stripes_[hash >> 58];
    const std::lock_guard lock{mine.mutex};
    return use(mine.values.try_emplace(address).first->second, mine.lasting);
  }

  /// The same, but a missing value stays missing: `use` gets nullptr.
  template <class Use>
  auto with_existing(const actor_address& address, Use&& use) {
    const auto hash = stable_hash(address);
    stripe& mine = stripes_[hash >> 58];
    const std::lock_guard lock{mine.mutex};
    const auto found = mine.values.find(address);
    return use(found == mine.values.end() ? nullptr : &found->second);
  }

  /// Calls `visit` once for each stripe, under its lock.
  template <class Visit>
  void for_each_stripe(Visit&& visit) {
    for (stripe& next : stripes_) {
      const std::lock_guard lock{next.mutex};
      visit();
    }
  }

  /// Calls `visit` with each address and its value, a stripe at a time, under its lock.
  template <class Visit>
  void for_each(Visit&& visit) {
    for (stripe& next : stripes_) {
      const std::lock_guard lock{next.mutex};
      for (const auto& [address, value] : next.values) visit(address, value);
    }
  }

 private:
  static constexpr std::size_t lasting_bytes_min = 4'096;

  /// Not noexcept, unlike `std::hash<actor_address>`: so libstdc++ keeps each hash with its value
  /// and does not compute it anew for whatever a search passes by.
  struct kept_hash {
    std::size_t operator()(const actor_address& address) const { return stable_hash(address); }
  };
  struct alignas(64) stripe {
    std::mutex mutex;
    /// Grows by large steps: many small ones make threads wait for one another in the kernel.
    std::pmr::monotonic_buffer_resource lasting{lasting_bytes_min};
    std::unordered_map<actor_address, Value, kept_hash> values;
  };
  std::array<stripe, 64> stripes_;
};

}  // namespace aether
