#pragma once

#include <aether/runtime/message.hpp>
#include "clock.hpp"
#include "heartbeat.hpp"
#include "kv_outcome.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace aether::cluster {

/// The value of the lease key. An empty holder: released, anyone may take it at once.
struct lease_record {
  std::uint32_t format = 1;
  std::string holder;
  /// Hexadecimal; which process of that name.
  std::string incarnation;
  /// Which write of that process.
  std::uint64_t nonce = 0;
  /// The holder's lease, for candidates that were given a shorter one; 0: it did not say.
  std::chrono::milliseconds ttl{0};
  AETHER_MESSAGE("aether.lease", format, holder, incarnation, nonce, ttl)
};

/// The lease key as read; revision 0 when there is none yet.
struct lease_state {
  std::uint64_t revision = 0;
  lease_record record = {};
};

struct lease_options {
  node_id node;
  incarnation_id incarnation;
  duration ttl = std::chrono::seconds{2};
  /// A leader stops so long before its lease may be taken; covers clocks of different speed.
  duration margin = std::chrono::milliseconds{250};
};

/// One candidate for a lease, the cluster's or a user's, which lives in a KV key written by
/// compare-and-set.
///
///     following --vacant, or unchanged for ttl--> acquiring --stored--> leading
///     acquiring --conflict | not stored--> following        (outcome unknown: read back, decide)
///     leading --deadline passed | lost to another--> following
///     leading --resign--> releasing --answered--> following     (and lets others go first for ttl)
///     any --leave--> releasing --answered | nothing to release--> stopped
///
/// Guarantees, as long as no clock runs faster than another by `margin / ttl`:
///  - at most one candidate is `leading` at any instant. A leader's deadline counts from *before*
///    its last successful write was sent, a candidate's patience from *after* it saw that write.
///  - a term (the revision at which the lease was acquired) has one leader, and terms increase.
///  - candidates may be given different leases, as while a cluster is being reconfigured: nobody is
///    less patient than the holder's own lease wants.
///  - nothing depends on any two clocks showing the same time, nor on the server's expiring keys.
///
/// Everything it does in time follows from `ttl` alone: a leader renews every `ttl / 3`, the others
/// read every `ttl / 4`, what failed is tried again after `ttl / 20`. Nothing is sent but at
/// inputs: call `tick` about every `ttl / 20`. Rarer ticks are safe, for they only make take-over
/// and renewal later by as much; from `ttl / 8` on a single lost answer may cost the leadership.
///
/// The shell answers each `read` and `write` with exactly one `read_done` or `write_done`; a
/// request that is not answered within about `ttl / 4` is better given up (`unknown`), so that
/// there is time for another. Pure: no clock, no I/O, no threads, no randomness.
class lease_machine {
 public:
  enum class phase { following, acquiring, leading, releasing, stopped };

  struct read {};
  struct write {
    std::uint64_t expected;
    lease_record record;
  };
  struct elected {
    std::uint64_t term;
  };
  struct deposed {
    std::uint64_t term;
    std::string_view reason;
  };
  /// Nothing follows.
  struct stopped {};
  using effect = std::variant<read, write, elected, deposed, stopped>;
  using effects = std::vector<effect>;

  explicit lease_machine(lease_options options);

  /// @param jitter added to the patience of a candidate, so that not all try at once.
  /// @param eligible whether this node may become leader; one that is stays it.
  [[nodiscard]] effects tick(time_point now, duration jitter, bool eligible);
  /// @param found none: the key could not be read.
  [[nodiscard]] effects read_done(const std::optional<lease_state>& found, time_point now);
  [[nodiscard]] effects write_done(const write_result& result, time_point now);
  /// Someone proved that there is a later term.
  [[nodiscard]] effects step_down(time_point now);
  /// Lets go of the lease so that the next one can take it at once. Nothing while not leading.
  /// Stays a candidate, but does not try to take it for `ttl` and the jitter, so that another gets
  /// it where there is another.
  [[nodiscard]] effects resign(time_point now);
  /// Lets go likewise, and is no candidate any more.
  [[nodiscard]] effects leave(time_point now);
  /// The holder may be gone: read at the next tick.
  void read_soon() noexcept { must_read_ = true; }

  [[nodiscard]] phase current() const noexcept { return phase_; }
  /// True only before the deadline: right even when no tick came in time.
  [[nodiscard]] bool leading(time_point now) const noexcept {
    return phase_ == phase::leading && now < deadline_;
  }
  /// Who leads, as far as known: the holder last read. None where it is vacant, unknown, or not
  /// renewed for so long that it may have been taken; never this one unless `leading`.
  [[nodiscard]] std::optional<std::string_view> holder(time_point now) const noexcept;
  /// Of the current, or else the last own leadership; 0 before the first.
  [[nodiscard]] std::uint64_t term() const noexcept { return term_; }
  [[nodiscard]] time_point deadline() const noexcept { return deadline_; }

 private:
  enum class request { none, read, write };

  void enter(phase next);
  void advance(time_point now, effects& out);
  void advance_releasing(time_point now, effects& out);
  void expire(time_point now, effects& out);
  void depose(std::string_view reason, effects& out);
  void release(std::string_view reason, bool stays, time_point now, effects& out);
  void win(time_point now, effects& out);
  void conflicted(effects& out);
  void observe(const lease_state& found, time_point now);
  void judge_own_lease(effects& out);
  void send_read(effects& out);
  void send_write(time_point now, lease_record record, effects& out);
  [[nodiscard]] bool may_acquire(time_point now) const;
  [[nodiscard]] duration patience() const;
  [[nodiscard]] bool mine(const lease_record& record) const;
  [[nodiscard]] lease_record own_record();

  lease_options options_;
  phase phase_ = phase::following;
  request in_flight_ = request::none;
  duration jitter_{};
  bool eligible_ = false;
  bool release_sent_ = false;
  bool stays_ = false;  // after the release, as a candidate

  // What the key held last, and since when it has not changed.
  std::optional<lease_state> seen_;
  time_point may_take_at_{};
  time_point abstains_until_{};
  bool must_read_ = true;
  // A write of ours, made under the revision in `seen_`, may still be on its way.
  bool uncertain_ = false;
  time_point next_read_{};
  time_point retry_at_{};

  // The last write and the leadership.
  lease_record written_{};
  std::uint64_t nonce_ = 0;  // of this process, never used twice
  time_point sent_at_{};
  time_point next_renewal_{};
  time_point deadline_{};
  std::uint64_t term_ = 0;
};

}  // namespace aether::cluster
