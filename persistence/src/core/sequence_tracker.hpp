#pragma once

#include <aether/runtime/ids.hpp>

#include <optional>
#include <string>

namespace aether {

/// Follows the sequences that come in of one stream, or of one subject in it, and finds what did
/// not come. Each sequence after the start is accepted once or is in one gap, whatever is lost,
/// comes twice or comes late: what comes behind its turn is in a gap already, and refused.
///
///     start(E)  -> E is behind us
///     message   -> accepted | refused, with a gap before it
///     end(E)    -> somebody who knows says that it ends at E: a gap up to E if nothing at all has
///                  come until the next `end`, so that what is merely under way has time to arrive
///
/// Pure: no clock, no I/O, no threads.
class sequence_tracker {
 public:
  struct gap {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    /// The stream is another one than before; where it is still empty, `last` is 0.
    bool another_stream = false;
    friend bool operator==(const gap&, const gap&) = default;
  };
  struct outcome {
    bool accepted = false;
    std::optional<gap> missing;
  };

  /// @param start everything up to here is behind us.
  /// @param shorter_looks after so many looks in a row, with nothing new between them, a stream
  /// that
  ///        ends before what came is another one; at least 2, more where a replica that lags behind
  ///        may answer.
  explicit sequence_tracker(std::uint64_t start = 0, std::string created = {},
                            std::uint32_t shorter_looks = 2)
      : last_{start}, created_{std::move(created)}, shorter_looks_{shorter_looks} {}

  /// A message came.
  /// @param before the one before it of what is followed; of a whole stream `sequence - 1`.
  outcome message(std::uint64_t sequence, std::uint64_t before);

  /// What somebody who knows said of the stream.
  /// @param last its end when it was asked. @param created when it came into being; empty: unknown.
  std::optional<gap> end(std::uint64_t last, const std::string& created = {});

  /// Whether `end` found something missing, and is to be told again soon.
  [[nodiscard]] bool doubtful() const noexcept { return doubt_.has_value(); }
  [[nodiscard]] std::uint64_t last() const noexcept { return last_; }

 private:
  gap missing_to(std::uint64_t end);
  gap become_another(std::uint64_t last, const std::string& created);

  std::uint64_t last_;
  std::string created_;
  std::uint32_t shorter_looks_;
  std::uint32_t shorter_ = 0;
  /// An end at which we were not when we were told of it, and where we were.
  struct doubt {
    std::uint64_t end;
    std::uint64_t last;
  };
  std::optional<doubt> doubt_;
};

}  // namespace aether
