#pragma once

#include <aether/runtime/ids.hpp>
#include <aether/runtime/nats.hpp>
#include "stored_record.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace aether {

/// Remembers of each event stream how far it was seen to reach and which commit was there, and
/// notices when the stream is another one now: restored from an older copy, created anew, or short
/// of its tail. Such a stream is not written to any more: sequences may come again, and a condition
/// on them may hold by accident.
///
/// It looks before the first append to a stream after each loss of the connection, because that is
/// when a server can have changed, and whenever the last look is older than `look_every`; and at
/// each acknowledgement, which must name a sequence above all that were acknowledged before the
/// append was sent.
///
///   unknown --looked, as it was--> trusted --connection lost | `look_every` passed--> unknown
///   unknown, trusted --looked, and it is another--> regressed
///   trusted --an acknowledgement behind--> regressed
///
/// A replica that has just become leader may answer before it has caught up: with several, a stream
/// must stay behind for `replica_patience`.
///
/// Regressed is for the life of this object: an operator decides, then restarts the node.
/// Thread-safe.
class stream_watch : public std::enable_shared_from_this<stream_watch> {
 public:
  static constexpr std::chrono::seconds replica_patience{5};

  /// A commit that was seen in a stream; its id is nil where it is not known.
  struct sighting {
    stream_sequence sequence;
    commit_id commit;
  };

  stream_watch(std::shared_ptr<nats_connection> connection, std::vector<std::string> streams,
               std::chrono::milliseconds look_every, bool replicated);

  [[nodiscard]] bool replicated() const noexcept { return patience_.count() > 0; }

  /// Gets an error, or none when the stream may be written to.
  /// @errors (to the handler) `stream_regressed`. `unavailable`: could not look; again later.
  using verdict_handler = std::move_only_function<void(result<void>)>;
  /// Calls `then` at once where it can, else when it has looked.
  void may_write(std::uint32_t stream, std::chrono::milliseconds timeout, verdict_handler then);

  /// Whether it is known to be another stream than before.
  /// @errors `stream_regressed`
  [[nodiscard]] result<void> verdict(std::uint32_t stream) const;

  /// It was read, or acknowledged to somebody.
  void saw(std::uint32_t stream, sighting what);
  /// The greatest sequence seen so far.
  [[nodiscard]] stream_sequence reached(std::uint32_t stream) const;
  /// An append that was sent when the stream had reached `before` was stored.
  void stored(std::uint32_t stream, stream_sequence before, sighting what);

 private:
  using clock = std::chrono::steady_clock;

  struct watched {
    std::string name;
    std::string created;
    std::uint64_t reached = 0;
    /// The newest whose commit is known.
    sighting witness;
    /// What is being looked for: what is seen meanwhile may be newer than the answer.
    std::uint64_t asked_for = 0;
    sighting asked_witness;
    std::optional<clock::time_point> behind_since;
    /// The loss count of the connection when the stream was last looked at, and when that was.
    std::optional<std::uint64_t> looked_at;
    clock::time_point looked_when;
    std::optional<std::string> regressed;
    bool looking = false;
    std::vector<verdict_handler> waiting;
  };

  void look(std::uint32_t stream, std::chrono::milliseconds timeout, std::uint64_t losses);
  /// Looks for the witness, when the stream reaches far enough.
  void informed(std::uint32_t stream, std::chrono::milliseconds timeout, std::uint64_t losses,
                const result<nats_message>& answer);
  void looked(std::uint32_t stream, std::uint64_t losses, result<void> outcome);
  /// @errors `unavailable`: it must be looked at again.
  result<void> judge(watched& one, const std::string& created, std::uint64_t last) const;
  void judge_witness(std::uint32_t stream, const result<std::optional<stored_record>>& found);
  static void regress(watched& one, std::string why);
  static void note(watched& one, const sighting& what);
  static result<void> verdict(const watched& one);

  std::shared_ptr<nats_connection> connection_;
  const std::chrono::milliseconds look_every_;
  const std::chrono::milliseconds patience_;
  mutable std::mutex mutex_;
  std::vector<watched> streams_;
};

}  // namespace aether
