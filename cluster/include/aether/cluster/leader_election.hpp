#pragma once

#include <aether/runtime/error.hpp>
#include <aether/runtime/nats.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace aether::cluster {

class election_candidate;  // what is behind `leader_election`

struct election_options {
  /// `[A-Za-z0-9_-]{1,64}`: who gives the same name in the same namespace competes.
  std::string name;
  /// `[A-Za-z0-9_-]{1,64}`, shown to the others as the leader. Two live candidates of one id are
  /// told apart all the same. Empty: one made of host name and process id.
  std::string candidate = {};
  /// As in `aether::options`: where the election is kept, the KV bucket `<prefix>_<ns>`.
  std::string ns = "default";
  std::string prefix = "aether";
  /// How long a leader leads without renewing, 100 ms to 24 h; the same for all candidates.
  /// Shorter: faster take-over, more requests, and less time to bear a server that is slow to
  /// answer.
  std::chrono::milliseconds lease{2'000};
  /// 1..5 copies of the bucket, where this candidate is the one that creates it.
  std::uint32_t replicas = 1;
};

/// What a candidate is told. Called one at a time and in order, on a thread of the election's own
/// that does nothing else: one that takes long delays the next call, but neither the renewal of the
/// lease nor what `leading` says. One that throws is logged, and that is all.
struct election_handlers {
  /// This candidate leads from now on, in `term`.
  std::function<void(std::uint64_t term)> on_elected = {};
  /// It no longer does; once for each `on_elected`. `leading` turned false before. `reason` is for
  /// logs: "not renewed in time", "another took the lease", "resigned", "leaving" and the like.
  std::function<void(std::uint64_t term, std::string_view reason)> on_deposed = {};
};

/// One candidate of an election: of all that compete under one name in a namespace, at most one
/// leads. Needs a connection to NATS; no node, no actors.
///
///     auto election = aether::cluster::leader_election::enter(connection, {.name = "invoices"});
///     if (!election) return report(election.error());
///     ...
///     if (election->leading()) send_invoices(election->term());
///
/// **Guarantees.** Of all candidates at most one is told `leading` at any instant, as long as no
/// steady clock runs faster than another by an eighth; and each term has one leader, terms only
/// ever increase. While candidates and NATS reach each other, one of them leads.
///
/// **Clocks need not agree.** No time of day is compared and the server expires nothing. The leader
/// renews a key by compare-and-set, every third of the lease; it counts 7/8 of the lease from
/// *before* it sent its last renewal that it knows to be stored, and then leads no more, whether or
/// not anybody can be reached. The others count a whole lease from *after* they saw the key change,
/// each by its own steady clock, before they try to take it.
///
/// **Fencing.** `leading` cannot call back what was begun: a process may be paused between asking
/// it and acting, and a request may arrive late. What two leaders must never both do carries the
/// term: whoever carries it out (a row in a database, a file, another service) keeps the greatest
/// term it has seen, together with what it guards, and refuses any smaller one. Terms are
/// comparable within one bucket, for as long as that is neither deleted nor restored from an older
/// copy.
///
/// **NATS unreachable.** Nothing throws and nothing blocks. A leader is deposed, in time; nobody
/// can take its place there either. Candidates try for ever; `problem` says why they cannot, and so
/// does the log, once for each reason.
///
/// **Times.** A leader that vanishes is replaced after two thirds to 7/5 of the lease; one that
/// resigns or leaves, within a few round trips. Each candidate that does not lead reads the key
/// four times per lease. An election has two threads.
///
/// Threads: all members may be called from any thread, but neither `leave` nor the destructor from
/// a handler. The connection may serve anything else as well; it is kept open until the end of this
/// object. Move-only; of one that was moved from, only the destructor and assignment may be called.
class leader_election {
 public:
  /// Becomes a candidate; returns at once, without waiting for NATS. The bucket is created where it
  /// is missing. A handler may be called before this returns.
  /// @pre `connection` is not null.
  /// @errors `invalid_argument`: an option is outside its domain; the text says which and why.
  [[nodiscard]] static result<leader_election> enter(std::shared_ptr<nats_connection> connection,
                                                     const election_options& options,
                                                     election_handlers handlers = {});
  leader_election(leader_election&&) noexcept;
  leader_election& operator=(leader_election&& other) noexcept;
  /// Leaves.
  ~leader_election();

  /// True only before the deadline of the last renewal: right whatever happens meanwhile to
  /// threads, server or network. Does not block.
  [[nodiscard]] bool leading() const noexcept;
  /// Of the current, or else the last own leadership; 0 before the first. The fencing token: may be
  /// asked at any time, for one that is outdated by the time it is used is refused there.
  [[nodiscard]] std::uint64_t term() const noexcept;
  /// Who leads, as last read: up to a quarter of the lease old. None where nobody does or where it
  /// is not known; this candidate only while `leading`. For people and logs, not for decisions.
  [[nodiscard]] std::optional<std::string> leader() const;
  /// This candidate's id.
  [[nodiscard]] const std::string& candidate() const noexcept;
  /// Why the election's key could not be read the last time; none when it could. `unavailable`,
  /// `timed_out`: NATS is not there. `store_failed`: the server refuses, say for want of space, and
  /// says why. `unsupported_server`: more than one replica before nats-server 2.9.21. It is tried
  /// again whatever the reason, but for the last two an operator has to do something.
  [[nodiscard]] std::optional<error> problem() const;

  /// Lets go, so that another can lead at once, and stays a candidate: one that does not try for a
  /// lease and so leads again only if nobody else wants to. Nothing where it does not lead. Stop
  /// what only a leader may do first: `leading` is false when this returns, which it does without
  /// waiting for the server.
  void resign();
  /// Lets go likewise and competes no more, for good. Blocks for a round trip, half a lease at
  /// most, and for the handlers that are under way or due; none runs after it returns. Idempotent.
  void leave();

  /// For `node`.
  explicit leader_election(std::shared_ptr<election_candidate> candidate) noexcept;

 private:
  std::shared_ptr<election_candidate> candidate_;
};

}  // namespace aether::cluster
