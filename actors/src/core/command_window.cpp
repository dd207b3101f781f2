#include "command_window.hpp"

#include <aether/runtime/codec.hpp>

#include <algorithm>
#include <cstring>
#include <span>

namespace aether {

namespace {

struct stored_command {
  bytes id;
  bytes reply;
  AETHER_MESSAGE("aether.command", id, reply)
};

struct stored_window {
  std::uint64_t forgotten_until = 0;
  std::vector<stored_command> commands;
  AETHER_MESSAGE("aether.window", forgotten_until, commands)
};

/// What an encoded window takes at most besides its entries, and an entry besides its reply.
constexpr std::size_t frame_bytes_max = 48;
constexpr std::size_t entry_bytes_max = 40;

}  // namespace

std::uint64_t command_window::key_of(const command_id& id) noexcept {
  std::uint64_t key = 0;
  std::memcpy(&key, id.raw().data() + 8, sizeof key);
  return key;
}

std::size_t command_window::place(std::size_t nth) const noexcept {
  const std::size_t at = oldest_ + nth;
  return at < entries_.size() ? at : at - entries_.size();
}

bool command_window::is_used(std::size_t at) const noexcept {
  return (at >= oldest_ ? at - oldest_ : at + entries_.size() - oldest_) < size_;
}

const bytes* command_window::find(const command_id& id) const noexcept {
  if (id > greatest_) return nullptr;
  const std::uint64_t key = key_of(id);
  for (std::size_t at = 0; at < keys_.size(); ++at)
    if (keys_[at] == key && entries_[at].id == id && is_used(at)) return &entries_[at].reply;
  return nullptr;
}

bool command_window::possibly_forgotten(const command_id& id) const noexcept {
  return id.made_at_ms() < forgotten_until_ms_ && find(id) == nullptr;
}

void command_window::remember(const command_id& id, bytes reply) {
  greatest_ = std::max(greatest_, id);
  reply_bytes_ += reply.size();
  while (size_ > 0 && (size_ == capacity_ || reply_bytes_ > reply_bytes_max)) forget_oldest();
  if (size_ == entries_.size()) grow();
  const std::size_t at = place(size_++);
  keys_[at] = key_of(id);
  entries_[at] = {id, std::move(reply)};
}

void command_window::forget_oldest() noexcept {
  entry& gone = entries_[oldest_];
  forgotten_until_ms_ = std::max(forgotten_until_ms_, gone.id.made_at_ms() + 1);
  reply_bytes_ -= gone.reply.size();
  gone.reply = {};
  oldest_ = place(1);
  --size_;
}

void command_window::grow() {
  const auto middle = static_cast<std::ptrdiff_t>(oldest_);
  std::rotate(keys_.begin(), keys_.begin() + middle, keys_.end());
  std::rotate(entries_.begin(), entries_.begin() + middle, entries_.end());
  oldest_ = 0;
  keys_.emplace_back();
  entries_.emplace_back();
}

void command_window::clear() noexcept {
  keys_.clear();
  entries_.clear();
  oldest_ = size_ = reply_bytes_ = 0;
  greatest_ = {};
  forgotten_until_ms_ = 0;
}

bytes command_window::encode() const {
  if (size_ == 0) return {};
  // As a `stored_window`, without making one: this runs for every snapshot.
  bytes stored;
  stored.reserve(frame_bytes_max + size_ * entry_bytes_max + reply_bytes_);
  encoder out{stored};
  out.map(2);
  out.text("forgotten_until");
  out.unsigned_integer(forgotten_until_ms_);
  out.text("commands");
  out.array(size_);
  for (std::size_t i = 0; i < size_; ++i) {
    const entry& next = entries_[place(i)];
    out.map(2);
    out.text("id");
    out.binary(std::as_bytes(std::span{next.id.raw()}));
    out.text("reply");
    out.binary(next.reply);
  }
  return stored;
}

result<void> command_window::decode(bytes_view data) {
  clear();
  if (data.empty()) return {};
  auto stored = aether::decode<stored_window>(data);
  if (!stored) return std::unexpected(std::move(stored).error());
  for (const auto& next : stored->commands)
    if (next.id.size() != command_id::size)
      return fail(errc::decode_failed, "aether.window: a command id is not 16 bytes");
  forgotten_until_ms_ = stored->forgotten_until;
  for (auto& next : stored->commands) {
    std::array<std::uint8_t, command_id::size> raw{};
    std::memcpy(raw.data(), next.id.data(), raw.size());
    remember(command_id{raw}, std::move(next.reply));
  }
  return {};
}

}  // namespace aether
