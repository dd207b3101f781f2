#pragma once

#include <aether/persistence/commit.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace aether {

/// The commands an actor answered most recently, with their replies: what makes a repeated command
/// an answer instead of a second effect. Bounded; rides along in commits and snapshots, so it is
/// the same after a crash or a move.
///
/// Only the newest `capacity` are remembered, and of those only as many as have `reply_bytes_max`
/// bytes of replies, but always the newest one: a window must fit into a snapshot. What was
/// forgotten is bounded from above by the newest making time among the forgotten ids: a repeated
/// command made no later than that may have been one of them, and is neither answered nor applied
/// (`possibly_forgotten`). No clocks are compared but that of each id's own maker, so this cannot
/// miss one.
/// Pure: no clock, no I/O, no threads.
class command_window {
 public:
  static constexpr std::size_t reply_bytes_max = 262'144;

  /// @param capacity at least 1.
  explicit command_window(std::size_t capacity) noexcept : capacity_{capacity} {}

  /// The reply recorded for `id`, borrowed until the next change; nullptr when not remembered.
  [[nodiscard]] const bytes* find(const command_id& id) const noexcept;
  /// True when `id` is not remembered but may have been once.
  [[nodiscard]] bool possibly_forgotten(const command_id& id) const noexcept;
  /// @pre not remembered.
  void remember(const command_id& id, bytes reply);
  void clear() noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Bytes on the heap, about.
  [[nodiscard]] std::size_t footprint() const noexcept {
    return entries_.capacity() * (sizeof(entry) + sizeof(std::uint64_t)) + reply_bytes_;
  }

  /// msgpack, see docs/formats.md; an empty window encodes to no bytes.
  [[nodiscard]] bytes encode() const;
  /// Replaces the content; keeps the newest when there are more than `capacity`.
  /// @errors `decode_failed`: not what `encode` wrote; the window is then empty.
  result<void> decode(bytes_view data);

 private:
  struct entry {
    command_id id;
    bytes reply;
  };

  [[nodiscard]] static std::uint64_t key_of(const command_id& id) noexcept;
  [[nodiscard]] std::size_t place(std::size_t nth) const noexcept;
  [[nodiscard]] bool is_used(std::size_t at) const noexcept;
  void forget_oldest() noexcept;
  void grow();

  std::size_t capacity_;
  /// Ring buffers of equal length: `keys_` has the random half of each id, to search quickly.
  std::vector<std::uint64_t> keys_;
  std::vector<entry> entries_;
  /// The ring's used part: `size_` places from `oldest_` on.
  std::size_t oldest_ = 0;
  std::size_t size_ = 0;
  std::size_t reply_bytes_ = 0;
  /// The greatest id ever remembered. Ids grow with time, so a new command's is mostly greater
  /// still, and then needs no search.
  command_id greatest_;
  /// All forgotten ids were made before this millisecond; none forgotten yet: 0.
  std::uint64_t forgotten_until_ms_ = 0;
};

}  // namespace aether
