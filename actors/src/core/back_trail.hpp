#pragma once

#include <aether/persistence/commit.hpp>

#include <string>
#include <vector>

namespace aether {

/// The back-pointers of an actor's next commit, packed: an actor that is idle keeps one to three
/// bytes for each commit since its last snapshot.
/// Pure: no clock, no I/O, no threads.
class back_trail {
 public:
  void clear() noexcept;
  /// @pre greater than all before.
  void push(stream_sequence next);
  /// Forgets what lies before `from`, but never the newest: a snapshot covers it.
  void forget_before(stream_sequence from);
  /// Ascending, at most `commit_back_pointers_max`.
  [[nodiscard]] std::vector<stream_sequence> list() const;

 private:
  void rebuild(const std::vector<stream_sequence>& from);

  /// LEB128: the first sequence, then the distances.
  std::string packed_;
  std::uint32_t size_ = 0;
  stream_sequence newest_;
};

}  // namespace aether
