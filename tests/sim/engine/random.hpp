#pragma once

#include <chrono>
#include <cstdint>

namespace aether::sim {

/// xoshiro256++, seeded by SplitMix64: the same numbers on every machine and with every library.
class random {
 public:
  explicit random(std::uint64_t seed) noexcept {
    for (auto& word : state_) word = split_mix(seed);
  }

  std::uint64_t next() noexcept {
    const std::uint64_t made = rotated(state_[0] + state_[3], 23) + state_[0];
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotated(state_[3], 45);
    return made;
  }
  /// In `[0, n)`. @pre `n > 0`.
  std::uint64_t below(std::uint64_t n) noexcept { return next() % n; }
  /// In `[0, 1)`.
  double fraction() noexcept { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  bool chance(double probability) noexcept { return probability > 0 && fraction() < probability; }
  bool coin() noexcept { return (next() & 1U) != 0; }
  std::chrono::nanoseconds between(std::chrono::nanoseconds from,
                                   std::chrono::nanoseconds to) noexcept {
    return from + std::chrono::nanoseconds{static_cast<std::int64_t>(
                      below(static_cast<std::uint64_t>((to - from).count()) + 1))};
  }

 private:
  static std::uint64_t rotated(std::uint64_t word, int by) noexcept {
    return word << by | word >> (64 - by);
  }
  static std::uint64_t split_mix(std::uint64_t& state) noexcept {
    std::uint64_t mixed = (state += 0x9E3779B97F4A7C15U);
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9U;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EBU;
    return mixed ^ mixed >> 31;
  }

  std::uint64_t state_[4];
};

}  // namespace aether::sim
