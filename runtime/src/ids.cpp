#include <aether/runtime/ids.hpp>
#include "utf8.hpp"

#include <chrono>
#include <cstdio>
#include <limits>
#include <random>

namespace aether {
namespace detail {
namespace {

constexpr std::size_t token_bytes_max = 64;
constexpr std::size_t actor_id_bytes_max = 255;
constexpr char hex_digits[] = "0123456789abcdef";

bool is_token_char(char c) noexcept {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

/// `text` for an error: printable ASCII only and short, whatever it holds.
std::string quoted(std::string_view text) {
  constexpr std::size_t shown_max = 80;
  std::string out = "'";
  for (const char c : text.substr(0, shown_max)) out += c >= ' ' && c <= '~' ? c : '?';
  return out += text.size() > shown_max ? "...'" : "'";
}

std::string refuse_token(const char* what, std::string_view text) {
  if (text.empty()) return std::string{what} + " is empty; it needs 1-64 of [A-Za-z0-9_-]";
  if (text.size() > token_bytes_max)
    return std::string{what} + " " + quoted(text) + " has " + std::to_string(text.size()) +
           " characters; at most 64 are allowed";
  for (std::size_t i = 0; i < text.size(); ++i)
    if (!is_token_char(text[i]))
      return std::string{what} + " " + quoted(text) + " has a character at position " +
             std::to_string(i + 1) + " that is not one of [A-Za-z0-9_-]";
  return {};
}

/// xoshiro256++ 1.0 by Blackman and Vigna (public domain, https://prng.di.unimi.it).
class random_bits {
 public:
  random_bits() {
    std::random_device device;
    for (auto& word : state_) word = std::uint64_t{device()} << 32 | device();
    state_[0] |= 1;  // all zeros is the one state that never changes
  }
  std::uint64_t next() noexcept {
    const std::uint64_t value = rotate(state_[0] + state_[3], 23) + state_[0];
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate(state_[3], 45);
    return value;
  }

 private:
  static std::uint64_t rotate(std::uint64_t x, int by) noexcept { return x << by | x >> (64 - by); }
  std::array<std::uint64_t, 4> state_{};
};

using uuid_bytes = std::array<std::uint8_t, uuid::size>;

constexpr std::uint64_t millisecond_max = (std::uint64_t{1} << 48) - 1;
constexpr std::uint32_t counter_max = (1U << 26) - 1;

/// 48 bits of time, version 7, 12 bits of counter | variant 10, 14 bits of counter, 48 random.
uuid_bytes laid_out(std::uint64_t millisecond, std::uint32_t counter, std::uint64_t random) {
  const std::uint64_t high = millisecond << 16 | 0x7000U | counter >> 14;
  const std::uint64_t low =
      0x8000'0000'0000'0000U | std::uint64_t{counter & 0x3FFFU} << 48 | random;
  uuid_bytes raw{};
  for (std::size_t i = 0; i < 8; ++i) {
    raw[i] = static_cast<std::uint8_t>(high >> (56 - 8 * i));
    raw[8 + i] = static_cast<std::uint8_t>(low >> (56 - 8 * i));
  }
  return raw;
}

/// `count` bytes from `first` on, as one number.
std::uint64_t number_at(const uuid_bytes& raw, std::size_t first, std::size_t count) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = first; i < first + count; ++i) value = value << 8 | raw[i];
  return value;
}

std::uint32_t counter_of(const uuid_bytes& raw) {
  const auto high = number_at(raw, 6, 2) & 0x0FFFU, low = number_at(raw, 8, 2) & 0x3FFFU;
  return static_cast<std::uint32_t>(high << 14 | low);
}

/// One thread's source of ids: strictly increasing, by a counter of 26 bits below the millisecond
/// (RFC 9562, section 6.2, method 1) that starts at random in its lower half. A clock that steps
/// back is waited out by counting on; a full counter borrows the next millisecond.
class uuid_source {
 public:
  struct parts {
    std::uint64_t millisecond;
    std::uint32_t counter;
    std::uint64_t random;
  };
  parts next() {
    using namespace std::chrono;
    const auto since_1970 = duration_cast<milliseconds>(system_clock::now().time_since_epoch());
    const auto now = static_cast<std::uint64_t>(since_1970.count());
    const std::uint64_t random = random_.next();
    if (now > millisecond_) {
      restart(now, random);
    } else if (++counter_ > counter_max) {
      restart(millisecond_ + 1, random);
    }
    return {millisecond_, counter_, random_.next()};
  }

 private:
  void restart(std::uint64_t millisecond, std::uint64_t random) noexcept {
    millisecond_ = millisecond;
    counter_ = static_cast<std::uint32_t>(random) & (counter_max >> 1);
  }
  random_bits random_;
  std::uint64_t millisecond_ = 0;
  std::uint32_t counter_ = 0;
};

std::optional<std::uint8_t> hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  return std::nullopt;
}

}  // namespace

std::string namespace_rule::refuse(std::string_view text) {
  return refuse_token("namespace", text);
}
std::string actor_type_rule::refuse(std::string_view text) {
  return refuse_token("actor type", text);
}
std::string node_id_rule::refuse(std::string_view text) { return refuse_token("node id", text); }

std::string actor_id_rule::refuse(std::string_view text) {
  if (text.empty()) return "actor id is empty; it needs 1-255 bytes of UTF-8";
  if (text.size() > actor_id_bytes_max)
    return "actor id " + quoted(text) + " has " + std::to_string(text.size()) +
           " bytes; at most 255 are allowed";
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_front(text.substr(at));
    if (length == 0)
      return "actor id " + quoted(text) + " is not valid UTF-8 at byte " + std::to_string(at + 1);
    at += length;
  }
  return {};
}

std::uint64_t uuid::made_at_ms() const noexcept { return number_at(raw_, 0, 6); }

std::string uuid::hex() const {
  std::string text;
  text.reserve(2 * size);
  for (const std::uint8_t byte : raw_) {
    text += hex_digits[byte >> 4];
    text += hex_digits[byte & 0xF];
  }
  return text;
}

uuid uuid::make() {
  thread_local uuid_source source;
  const auto [millisecond, counter, random] = source.next();
  return uuid{laid_out(millisecond, counter, random >> 16)};
}

uuid uuid::make_after(const uuid& before) {
  const uuid fresh = make();
  if (fresh > before) return fresh;
  const std::uint64_t millisecond = before.made_at_ms(), random = number_at(fresh.raw_, 10, 6);
  const auto counter = counter_of(before.raw_);
  if (counter < counter_max)
    if (const uuid next{laid_out(millisecond, counter + 1, random)}; next > before) return next;
  // The counter is full, or `before` is of another version than 7.
  return millisecond < millisecond_max ? uuid{laid_out(millisecond + 1, 0, random)} : fresh;
}

std::optional<uuid> uuid::from_hex(std::string_view text) {
  if (text.size() != 2 * size) return std::nullopt;
  std::array<std::uint8_t, size> raw{};
  for (std::size_t i = 0; i < size; ++i) {
    const auto high = hex_value(text[2 * i]);
    const auto low = hex_value(text[2 * i + 1]);
    if (!high || !low) return std::nullopt;
    raw[i] = static_cast<std::uint8_t>(*high << 4 | *low);
  }
  return uuid{raw};
}

}  // namespace detail

std::string to_string(const actor_address& address) {
  std::string text = address.type.str();
  return text.append("/").append(address.id.str());
}

std::uint64_t stable_hash(const actor_address& address) noexcept {
  std::uint64_t value = 0xcbf29ce484222325U;
  const auto mix = [&value](std::string_view text) {
    for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  };
  mix(address.type.str());
  mix(std::string_view{"\0", 1});  // no type holds a zero byte, so no two addresses run together
  mix(address.id.str());
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9U;
  value = (value ^ value >> 27) * 0x94d049bb133111ebU;
  return value ^ value >> 31;
}

std::string to_string(const slot& which) {
  return which.type.str() + ", shard " + std::to_string(which.shard.value());
}

std::string to_string(const shard_range& range) {
  const auto first = std::to_string(range.first.value());
  if (range.count == 1) return "shard " + first;
  if (range.count == 0) return "no shard";
  return "shards " + first + "-" + std::to_string(range.first.value() + (range.count - 1));
}

shard_id shard_of(const actor_address& address, std::uint32_t shards) noexcept {
  AETHER_ASSERT(shards > 0);
  return shard_id{stable_hash(address) % shards};
}

}  // namespace aether
