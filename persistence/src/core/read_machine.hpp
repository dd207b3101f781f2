#pragma once

#include <aether/persistence/commit.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace aether {

/// Puts one actor's history together from what a stream hands out in pages, and checks that no
/// version is missing.
///
///   paging --page ended, nothing follows--> done, or confirming where replicas may lag
///   confirming --nothing follows--> done
///   any --`commits_max` collected--> done
///
/// Pure: no clock, no I/O, no threads.
class read_machine {
 public:
  /// At most so many commits, and about so many bytes, are asked for at once.
  static constexpr std::size_t page_commits_max = 256;
  static constexpr std::size_t page_bytes_max = 8 << 20;

  enum class phase { paging, confirming, done };

  struct fetch {
    stream_sequence first;
    std::size_t count;
    /// Ask the leader: only it knows that nothing follows.
    bool from_leader;
  };

  /// @param after as in `event_store::read`.
  /// @param pages the server hands out many commits at once; else one.
  /// @param confirm the end is to be confirmed by the leader.
  read_machine(event_version from, stream_sequence after, std::size_t commits_max, bool pages,
               bool confirm);

  [[nodiscard]] bool done() const noexcept { return phase_ == phase::done; }
  /// What to ask for now. @pre `!done()`
  [[nodiscard]] fetch next() const;
  /// The version that is to come next, at the latest.
  [[nodiscard]] event_version expected() const noexcept { return expected_.value_or(from_); }
  /// A commit out of the answer, in its order; ignored when done.
  /// @errors `corrupt_history`: it does not follow the one before; the text has the place.
  [[nodiscard]] result<void> take(recorded_commit commit);
  /// The answer is complete. @param more the stream has further commits of this actor.
  void page_ended(bool more);
  /// @pre `done()`
  [[nodiscard]] std::vector<recorded_commit> collected() && { return std::move(collected_); }

 private:
  [[nodiscard]] bool follows(const recorded_commit& next) const;

  event_version from_;
  std::size_t commits_max_;
  bool pages_;
  bool confirm_;
  /// The first sequence not seen yet.
  stream_sequence next_;
  /// The version that must come next; none before the first commit of a read from the middle.
  std::optional<event_version> expected_;
  /// The commit taken last.
  commit_id before_;
  std::vector<recorded_commit> collected_;
  phase phase_;
};

}  // namespace aether
