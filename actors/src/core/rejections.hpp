#pragma once

#include <aether/actors/command.hpp>
#include <aether/runtime/error.hpp>

#include <chrono>
#include <cstddef>
#include <deque>

namespace aether {

/// The asks that an actor rejected lately, and what they were told. Another copy of one is told the
/// same: decided anew, it might be accepted, and an event of what its sender knows as rejected be
/// stored. In memory only, for a rejection leaves nothing in the log: who owns the actor next
/// refuses copies that are older than its ownership.
/// Pure: no clock, no I/O, no threads.
class rejections {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// The oldest is forgotten for one more. As many as an actor's mailbox holds: copies that wait
  /// side by side are always told the same.
  static constexpr std::size_t kept_max = 1'024;
  /// How much later than the first another copy may be decided.
  static constexpr std::chrono::seconds kept_for{10};

  void remember(const envelope& command, const error& why, time_point now);
  /// What `command` was told, borrowed until the next change; nullptr: nothing. Searches only where
  /// one of both copies says that it is `repeated`, as all but one do.
  [[nodiscard]] const error* find(const envelope& command, time_point now) const noexcept;
  /// It was not told after all.
  void forget(const command_id& id) noexcept;
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  /// Bytes on the heap, about.
  [[nodiscard]] std::size_t footprint() const noexcept { return entries_.size() * sizeof(entry); }

 private:
  struct entry {
    command_id id;
    bool repeated;
    time_point until;
    error why;
  };

  void forget_oldest() noexcept;

  std::deque<entry> entries_;
  /// Entries that are `repeated`.
  std::size_t repeated_ = 0;
};

}  // namespace aether
