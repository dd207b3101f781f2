#pragma once

#include <aether/runtime/ids.hpp>
#include <aether/runtime/nats.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace aether {

/// Remembers of each event stream how far it was seen to reach, and notices when it is behind that:
/// restored from an older copy, created anew, or short of its tail. Such a stream is not written to
/// any more: sequences may come again, and a condition on them may hold by accident.
///
/// It looks before the first append to a stream after each loss of the connection, because that is
/// when a server can have changed; and at each acknowledgement, which must name a sequence above
/// all that were acknowledged before the append was sent.
///
///   unknown --looked, as it was--> trusted --connection lost--> unknown
///   unknown --looked, behind--> regressed; trusted --an acknowledgement behind--> regressed
///
/// A replica that has just become leader may answer before it has caught up: with several, a stream
/// must stay behind for `replica_patience`.
///
/// Regressed is for the life of this object: an operator decides, then restarts the node.
/// Thread-safe.
class stream_watch : public std::enable_shared_from_this<stream_watch> {
 public:
  static constexpr std::chrono::seconds replica_patience{5};

  stream_watch(std::shared_ptr<nats_connection> connection, std::vector<std::string> streams,
               bool replicated);

  /// Gets an error, or none when the stream may be written to.
  /// @errors (to the handler) `stream_regressed`. `unavailable`: could not look; again later.
  using verdict_handler = std::move_only_function<void(result<void>)>;
  /// Calls `then` at once where it can, else when it has looked.
  void may_write(std::uint32_t stream, std::chrono::milliseconds timeout, verdict_handler then);

  /// A message at `sequence` was read or acknowledged.
  void saw(std::uint32_t stream, stream_sequence sequence);
  /// The greatest sequence seen so far.
  [[nodiscard]] stream_sequence reached(std::uint32_t stream) const;
  /// An append that was sent when the stream had reached `before` was stored at `sequence`.
  void stored(std::uint32_t stream, stream_sequence before, stream_sequence sequence);

 private:
  struct watched {
    std::string name;
    std::string created;
    std::uint64_t reached = 0;
    /// `reached` when it was last looked at: what is seen meanwhile may be newer than the answer.
    std::uint64_t asked_for = 0;
    std::optional<std::chrono::steady_clock::time_point> behind_since;
    /// The loss count of the connection when the stream was last looked at.
    std::optional<std::uint64_t> looked_at;
    std::optional<std::string> regressed;
    bool looking = false;
    std::vector<verdict_handler> waiting;
  };

  void look(std::uint32_t stream, std::chrono::milliseconds timeout, std::uint64_t losses);
  void looked(std::uint32_t stream, std::uint64_t losses, const result<nats_message>& answer);
  /// False when it must be looked at again.
  bool judge(watched& one, const std::string& created, std::uint64_t last) const;
  static void regress(watched& one, std::string why);
  static result<void> verdict(const watched& one);

  std::shared_ptr<nats_connection> connection_;
  const std::chrono::steady_clock::duration patience_;
  mutable std::mutex mutex_;
  std::vector<watched> streams_;
};

}  // namespace aether
