#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

namespace aether::testing {

/// Randomness from the environment variable AETHER_SEED, which tests/main.cpp sets and prints.
inline std::mt19937_64 seeded_random() {
  const char* seed = std::getenv("AETHER_SEED");
  return std::mt19937_64{seed != nullptr ? std::strtoull(seed, nullptr, 10) : 1};
}

/// Uniform in `[min, max]`.
inline std::uint64_t random_between(std::mt19937_64& random, std::uint64_t min, std::uint64_t max) {
  return std::uniform_int_distribution<std::uint64_t>{min, max}(random);
}

/// Any bytes.
inline std::string random_bytes(std::mt19937_64& random, std::size_t size) {
  std::string out(size, '\0');
  for (char& c : out) c = static_cast<char>(random_between(random, 0, 255));
  return out;
}

inline void append_utf8(std::string& out, std::uint32_t point) {
  const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
  const auto tail = [&](int shift) { put(0x80U | (point >> shift & 0x3FU)); };
  if (point < 0x80) return put(point);
  if (point < 0x800) {
    put(0xC0U | point >> 6);
  } else if (point < 0x10000) {
    put(0xE0U | point >> 12);
    tail(6);
  } else {
    put(0xF0U | point >> 18);
    tail(12);
    tail(6);
  }
  tail(0);
}

/// An actor id: 1-255 bytes of valid UTF-8, rich in what means something to NATS.
inline std::string random_id(std::mt19937_64& random) {
  constexpr char special[] = {'.', '*', '>', ' ', '=', '$', '\0', '\n', '/', '%', '_', 'A'};
  const std::size_t target = random_between(random, 1, 251);
  std::string out;
  while (out.size() < target) {
    auto point = static_cast<std::uint32_t>(random_between(random, 0, 0x10FFFF));
    if (point >= 0xD800 && point <= 0xDFFF) point = 'x';
    if (random_between(random, 0, 2) == 0)
      out += special[random_between(random, 0, sizeof special - 1)];
    else
      append_utf8(out, random_between(random, 0, 1) == 0 ? point : point % 0x80);
  }
  return out;
}

}  // namespace aether::testing
