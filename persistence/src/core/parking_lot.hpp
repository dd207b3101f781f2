#pragma once

#include <aether/persistence/parked.hpp>
#include <aether/runtime/bytes.hpp>

#include <optional>
#include <vector>

namespace aether {

/// What is parked in one partition, in the order of the stream, as one record. Pure.
class parking_lot {
 public:
  static constexpr std::size_t reason_bytes_max = 256;

  [[nodiscard]] const std::vector<parked_commit>& entries() const noexcept { return entries_; }
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

  /// Whether this very commit is parked, or waits behind one of its actor.
  [[nodiscard]] bool covers(const actor_address& address, stream_sequence sequence) const;
  /// Adds it; one of that sequence already there is replaced. Its reason is cut.
  void add(parked_commit entry);
  void remove(stream_sequence sequence);
  [[nodiscard]] parked_commit* find(stream_sequence sequence);
  /// The first up to `reached` that somebody wants something of; null: none.
  [[nodiscard]] const parked_commit* wished(stream_sequence reached) const;

  /// How often the partition was taken over: whoever finds another number here than its own was
  /// replaced.
  std::uint64_t claim = 0;
  /// The version is over: nothing of it is to be run any more.
  bool retired = false;

  [[nodiscard]] bytes encode() const;
  /// @param data empty: an empty lot.
  /// @errors `decode_failed`.
  [[nodiscard]] static result<parking_lot> decode(bytes_view data, std::uint32_t partition);

 private:
  std::vector<parked_commit> entries_;
};

}  // namespace aether
