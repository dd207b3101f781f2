#pragma once

#include "clock.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

namespace aether::cluster {

/// How a process takes up one slot (the actors of one type in one shard) that the table gives to
/// it: at once where nobody has to let go of it, else from its giver, so that no command is lost,
/// none is handled by both, and what one sender sends is handled in its order.
///
///     absent --assigned, no giver--> serving
///     absent --assigned, a giver--> announcing     asks it to note the ids of commands from now on
///     announcing --recorded--> subscribing         from now on both get each command; here it is
///     kept subscribing --the server knows--> awaiting   asks the giver to let go awaiting
///     --released--> fencing               what was kept goes to the actors, without what the
///                                                  giver got; what comes from elsewhere follows it
///     fencing --own commands came back--> serving  and what local senders sent meanwhile follows
///     that any --withdrawn--> absent                    what was kept goes back to the subject
///     announcing, subscribing, awaiting --the giver is gone--> the next one that needs no giver
///     any --its deadline--> the next one, by force
///
/// Why nothing is lost: the giver ends its subscription only after the server knows of this one, so
/// each command reaches at least one of the two, and the giver works off what it got before it says
/// `released`. `spread` is for servers that form a cluster: there the answer to "do you know of my
/// subscription" is one server's, and the others learn of it a moment later.
/// Why none is handled by both: the giver notes the ids of what it gets *before* this subscription
/// begins, and until its own has ended; what was kept under these ids is dropped.
/// Why order holds: what the giver got from one sender comes before what it did not get, for both
/// subscriptions see one order. Senders on this node send over the network until `fencing`; what
/// they send from then on waits until what they sent before has come back, on the same connection.
///
/// With a deadline passed or the giver gone it goes on all the same: then both may serve the slot
/// for a while, the conditional append keeps the histories sound, command ids keep effects from
/// happening twice, and order is not promised. All phases together last at most 18.1 s.
///
/// That the giver is gone is known from the table, or from two requests in a row that nobody was
/// there to hear, `retry_record` or `retry_release` apart: one alone is what a restart of the
/// server looks like.
///
/// Requests may be lost, late or answered twice: they are repeated, the giver answers each, and an
/// answer counts only for the assignment it was asked for, in the phase that waits for it.
///
/// Pure: no clock, no I/O, no threads.
class slot_intake {
 public:
  enum class phase { absent, announcing, subscribing, awaiting, fencing, serving };

  struct options {
    duration record_deadline = std::chrono::seconds{1};
    duration listen_deadline = std::chrono::seconds{1};
    /// Waited after the server knew of the subscription.
    duration spread = std::chrono::milliseconds{100};
    /// Longer than a giver takes by force: `slot_release::options`.
    duration release_deadline = std::chrono::seconds{15};
    duration fence_deadline = std::chrono::seconds{1};
    duration retry_record = std::chrono::milliseconds{200};
    duration retry_release = std::chrono::milliseconds{500};
  };

  /// Ask the giver; feed `recorded`, `released` or `unreachable`, or nothing. The ids that it names
  /// are to be kept for `open`.
  struct ask_record {};
  struct ask_release {};
  /// Subscribe, keep what comes, and feed `listening` when the server knows.
  struct listen {};
  /// Hand what was kept to the actors, but not what the giver got; what comes later follows.
  /// `sure`: the giver noted every command that came here too, so what it did not name it did not
  /// get. Else it may have handled what was kept: refuse asks,
  /// for their senders to repeat them, and mark tells as repeated.
  struct open {
    bool sure;
  };
  /// Let commands of local senders wait; feed `fenced` when what they sent before has come back.
  struct fence {};
  /// Hand what waited to the actors; what comes later follows.
  struct serve {};
  /// End the subscription; what was kept, or waits, goes back to the subject of the slot.
  struct give_up {};
  using effect = std::variant<ask_record, ask_release, listen, open, fence, serve, give_up>;
  using effects = std::vector<effect>;

  explicit slot_intake(options how) : options_{how} {}

  /// The table gives the slot to this process. @param round greater than before; answers bring it
  /// back.
  /// @pre `absent`.
  [[nodiscard]] effects assign(std::uint64_t round, bool has_giver, time_point now);
  /// The table gives it to another, or a giver has come to ask for it. Nothing where it is absent.
  [[nodiscard]] effects withdraw();
  /// The table names no giver any more, or one that is not there.
  [[nodiscard]] effects giver_gone(time_point now);
  [[nodiscard]] effects recorded(std::uint64_t round, time_point now);
  /// @param complete it could note all ids.
  [[nodiscard]] effects released(std::uint64_t round, bool complete, time_point now);
  /// Nobody listens where the giver should.
  [[nodiscard]] effects unreachable(std::uint64_t round, time_point now);
  [[nodiscard]] effects listening(std::uint64_t round, time_point now);
  [[nodiscard]] effects fenced(std::uint64_t round);
  /// Repeats requests and keeps deadlines; any number of calls does no harm.
  [[nodiscard]] effects tick(time_point now);

  [[nodiscard]] phase current() const noexcept { return phase_; }
  [[nodiscard]] std::uint64_t round() const noexcept { return round_; }
  /// Whether the slot is served here, as far as the network is concerned: from `fencing` on.
  [[nodiscard]] bool serves() const noexcept {
    return phase_ == phase::fencing || phase_ == phase::serving;
  }
  /// Whether it is, and the server knows: no giver is needed, and what is sent arrives.
  [[nodiscard]] bool settled() const noexcept { return serves() && known_at_.has_value(); }
  /// Since the last `assign`, whether a phase was left without what it waited for.
  [[nodiscard]] bool forced() const noexcept { return forced_; }
  /// When `tick` has something to do; the end of time when never.
  [[nodiscard]] time_point wake_at() const noexcept;

 private:
  void enter(phase next);
  [[nodiscard]] bool waits(std::uint64_t round, phase where) const noexcept {
    return round == round_ && phase_ == where;
  }
  effects begin_listening(time_point now);
  effects ask_to_release(time_point now);
  effects take_over(bool sure, time_point now);

  options options_;
  phase phase_ = phase::absent;
  std::uint64_t round_ = 0;
  bool giver_there_ = false;
  /// It noted ids before this subscription began.
  bool recorded_ = false;
  bool forced_ = false;
  unsigned unreachable_in_a_row_ = 0;
  time_point deadline_{};
  time_point retry_at_{};
  /// When the subscription is known everywhere; none until the first server knows, or should.
  std::optional<time_point> known_at_;
};

[[nodiscard]] std::string_view to_string(slot_intake::phase phase) noexcept;

}  // namespace aether::cluster
