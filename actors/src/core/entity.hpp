#pragma once

#include <aether/actors/behavior.hpp>
#include <aether/actors/command.hpp>
#include <aether/persistence/commit.hpp>
#include <aether/persistence/snapshot_store.hpp>
#include "back_trail.hpp"
#include "command_window.hpp"
#include "departure.hpp"
#include "instant.hpp"
#include "recovery_machine.hpp"
#include "rejections.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace aether {

/// What an entity wants done; carried out in order, answered through its inputs.
namespace entity_effect {

struct read_tail {};
/// The same once more, for an actor that is at work: whether it is the newest that it knows.
struct confirm_tail {};
struct load_snapshot {};
struct read_history {
  event_version from;
  stream_sequence after;
};
struct fetch_commits {
  std::vector<stream_sequence> sequences;
};
struct read_records {};
/// The owner stamps id, time, writer and epoch before it appends.
struct append {
  log_position expected;
  commit next;
};
struct save_snapshot {
  snapshot taken;
};
/// The command has ended. `expired`: undecided, because its deadline had passed.
struct answer {
  envelope command;
  result<any_reply> with;
  bool expired = false;
};
/// Run these for the command that `known` describes, up to one that throws; tell of that by
/// `side_effect_threw`.
struct act {
  std::vector<detail::side_effect> what;
  command_context::facts known;
};
/// Call `retry` after about `delay`: spread at random, so that many do not come back at once.
struct retry_later {
  std::chrono::milliseconds delay;
};
/// Call `expire` then.
struct expire_at {
  std::chrono::steady_clock::time_point when;
};
/// Something for the operator; `event` is a stable name.
struct report {
  const char* event;
  std::string detail;
};
/// The last effect: the entity wants to go and holds nothing any more. With commands in `left`, or
/// `ended`, it must: those are for its next incarnation. `ended`: it stopped itself, and that one
/// may live here; else it lives where the actor is served by then.
struct retired {
  bool ended = false;
  std::vector<envelope> left{};
};

}  // namespace entity_effect

using entity_effects = std::vector<std::variant<
    entity_effect::read_tail, entity_effect::confirm_tail, entity_effect::load_snapshot,
    entity_effect::read_history, entity_effect::fetch_commits, entity_effect::read_records,
    entity_effect::append, entity_effect::save_snapshot, entity_effect::answer, entity_effect::act,
    entity_effect::retry_later, entity_effect::expire_at, entity_effect::report,
    entity_effect::retired>>;

/// The life of one event-sourced actor in memory.
///
///     recovering --caught up--> ready --events decided--> appending --stored--> ready
///     appending --conflict--> recovering            (its commands are decided again)
///     appending --unknown, refused--> recovering    (its commands are answered so)
///     ready --decided on what may be outdated--> confirming --it is not--> ready
///     confirming --it is--> recovering              (its commands are decided again)
///     confirming --cannot tell--> ready             (they are answered `unavailable`)
///     recovering --cannot now--> backing_off --retry--> recovering
///     recovering --cannot ever--> recovering (once, heeding an operator's markers), quarantined
///     quarantined --retry--> recovering
///     ready --an apply threw, or what the actor restarts for--> recovering
///                                     (its command is answered so, the others are decided again)
///     ready --the same again--> backing_off, and then quarantined
///     ready --retire, an effect stops it--> leaving --snapshot saved, or not--> retired
///     quarantined, backing_off --retire--> retired
///     leaving, retired --a command, when not forced--> ready, recovering
///
/// - At most one append is in flight; commands wait meanwhile, and then go out as one commit. The
///   same while it confirms.
/// - Every answer decided behind events of a batch leaves after the batch is stored, rejections
///   included: they were decided against a state that was not yet true.
/// - An answer misses nothing that was stored before its command was sent. For those with events
/// the
///   store vouches, by storing them. For others (queries, rejections, replies without events) it is
///   enough that nobody else can have been at work: that the actor was read back, or stored
///   something, within the present contact. Out of contact they wait for the log's end to be read
///   (or for the append that they share a batch with). Repeated commands that the window knows are
///   answered as they were.
/// - Where another owner may have begun, because this one was sent away by force, or without its
///   hearing of it (`contact::serves_until`), no ask is decided, and nothing decided before is
///   said: what may be stored then is `outcome_unknown`, all else `unavailable`. So an owner in
///   contact, whose memory counts, misses nothing that anyone was told of.
/// - Another copy of an ask that was rejected lately is told the same (`rejections`).
/// - A command that only reads is answered without waiting for an append, from what is stored; one
///   that may be stale, without waiting for anything.
/// - A deferred command waits apart and is decided again behind the next stored event.
/// - Told to finish (`when_done`), it decides all that waits; what it had put off goes on in
/// `left`,
///   or, asked, is answered `not_owner` and sent again.
/// - A command whose id is in the window is answered from it; nothing is applied twice.
/// - What is not stored is not kept: after anything but "stored" the state is thrown away and read
///   back from history. A history that then ends before what was once acknowledged is not continued
///   (`stream_regressed`, quarantined).
/// - A quarantined actor tries again by itself, ever less often: whatever was wrong may have been
///   skipped, restored or deployed meanwhile.
/// - Each command is answered exactly once, or given to the next incarnation. One that is told to
///   go (`forced`) takes no more: asks are answered `not_owner`, tells go on in `left`.
/// Pure: no clock, no I/O, no threads, no randomness.
class entity {
 public:
  enum class phase {
    recovering,
    backing_off,
    ready,
    appending,
    confirming,
    quarantined,
    leaving,
    retired
  };
  /// Lost races in a row after which the batch is given up with `unavailable`; to find that another
  /// writer was there is one.
  static constexpr unsigned conflicts_max = 5;
  static constexpr std::chrono::milliseconds retry_min{50};
  static constexpr std::chrono::milliseconds retry_max{2'000};
  /// Recoveries that fail before one goes without a snapshot that cannot be loaded: it saves time,
  /// and is no reason to be down. Going without, a log that lost its end is not noticed by it.
  static constexpr unsigned snapshot_patience = 1;
  /// Between two attempts of a quarantined actor: doubled from the first to the second value.
  static constexpr std::chrono::milliseconds quarantine_min{1'000};
  static constexpr std::chrono::milliseconds quarantine_max{60'000};

  /// All three outlive it. `make` runs with each start and restart; what it throws quarantines.
  entity(const actor_traits& traits, const actor_address& self, const behavior_factory& make);

  [[nodiscard]] phase now() const noexcept { return phase_; }
  /// It failed, and nothing shows yet that this is over.
  [[nodiscard]] bool in_trouble() const noexcept { return trouble_ != nullptr; }
  /// It was told to go, whatever waits.
  [[nodiscard]] bool forced() const noexcept { return forced_; }
  /// Commands accepted and not yet answered.
  [[nodiscard]] std::size_t held() const noexcept {
    return waiting_.size() + batch_.size() + (deferred_ ? deferred_->size() : 0);
  }
  /// About how many bytes the actor and what is kept for it take.
  [[nodiscard]] std::size_t footprint() const noexcept;

  /// First input: begins recovery.
  /// @param now no later than what is read ahead of its wishes.
  void start(instant now, entity_effects& out);
  void receive(envelope&& command, instant now, entity_effects& out);
  void tail_read(result<std::optional<recorded_commit>> tail, instant now, entity_effects& out);
  void snapshot_loaded(result<std::optional<snapshot>> loaded, instant now, entity_effects& out);
  void history_read(result<std::vector<recorded_commit>> page, instant now, entity_effects& out);
  void commits_fetched(result<std::vector<recorded_commit>> commits, instant now,
                       entity_effects& out);
  void records_read(result<std::vector<history_record>> records, instant now, entity_effects& out);
  void appended(result<log_position> outcome, instant now, entity_effects& out);
  void snapshot_saved(result<void> outcome, entity_effects& out);
  void side_effect_threw(const std::string& what, instant now, entity_effects& out);
  void retry(instant now, entity_effects& out);
  void expire(instant now, entity_effects& out);
  /// The end of it: all commands that it holds.
  [[nodiscard]] std::vector<envelope> give_up();
  /// Asks it to go; the stronger wish counts. `if_idle` is forgotten where it cannot.
  void retire(departure how, entity_effects& out);

 private:
  /// A command decided in the batch under way, and the answer it gets once the batch is stored.
  struct decided {
    envelope command;
    result<any_reply> answer;
    bool persists = false;
    /// Answered from the window.
    bool recalled = false;
    bool stops = false;
    bool defers = false;
    /// It rests on a state that may be outdated.
    bool unproven = false;
    std::vector<detail::side_effect> after{};
    event_version version{};
  };
  /// The commit that a batch grows into.
  struct draft {
    commit next;
    std::size_t bytes = 0;
  };
  /// What went wrong lately; nothing, mostly.
  struct hardship {
    unsigned failures = 0;
    unsigned quarantines = 0;
    unsigned crashes = 0;
    std::chrono::steady_clock::time_point last_crash{};
    /// Why the newest attempt failed.
    std::optional<error> why{};
    /// Why care is taken: what the last recovery without it failed with.
    std::optional<error> damage{};
  };

  /// Why nothing is said of what was decided.
  static constexpr const char* replaced_unheard =
      "this node has lost its cluster, and another may own the actor by now";

  void enter(phase next);
  [[nodiscard]] hardship& trouble();
  /// For reports: the actor's type, and why.
  [[nodiscard]] std::string placed(const error& why) const;
  void begin_recovery(instant now, entity_effects& out);
  bool make_actor(entity_effects& out);
  void advance(recovery_machine::steps steps, instant now, entity_effects& out);
  void want(recovery_machine::step& step, entity_effects& out) const;
  bool restore(const snapshot& from, entity_effects& out);
  bool replay(const commit& stored);
  void recovery_ended(instant now, entity_effects& out);
  void recovery_failed(const error& why, bool care_may_help, instant now, entity_effects& out);
  void restart(const error& why, instant now, entity_effects& out);
  [[nodiscard]] bool crashed_lately(instant now) const noexcept;
  /// Whether it may go before it is back from its history, with nobody waiting.
  [[nodiscard]] bool may_rest(instant now) const noexcept;
  void quarantine(const error& why, std::string_view in_short, entity_effects& out);
  void back_off(const error& why, std::chrono::milliseconds delay, instant now,
                entity_effects& out);

  void decide_waiting(instant now, entity_effects& out);
  [[nodiscard]] bool takes_more() const noexcept;
  /// False when the command must wait for the next commit.
  bool decide_next(envelope& command, instant now, entity_effects& out);
  bool decide_guarded(envelope& command, instant now);
  bool decide_fresh(envelope& command, instant now);
  /// Whether the state is surely the newest, without asking.
  [[nodiscard]] bool is_sure(instant now) const noexcept;
  [[nodiscard]] bool serves(instant now) const noexcept;
  /// Answers what was decided about this command already; false where nothing was.
  bool recall(envelope& command, instant now);
  void hold_rejection(envelope& command, error why, instant now);
  /// It is not told after all.
  void forget_rejection(const decided& done) noexcept;
  /// Takes back what was decided: the owner that there may be by now knows nothing of it.
  void disown(decided& done);
  /// Whether a command that only reads is answered while others are stored or confirmed.
  [[nodiscard]] bool may_look(const envelope& command, instant now) const noexcept;
  [[nodiscard]] result<any_reply> look(const envelope& command, instant now);
  void answer_look(envelope&& command, instant now, entity_effects& out);
  /// What was just decided is held until it is proven, where it must be.
  void mark_unproven(instant now) noexcept;
  [[nodiscard]] bool may_defer() const noexcept;
  void defer(envelope command, entity_effects& out);
  void take_up_deferred();
  [[nodiscard]] command_context::facts facts_of(const envelope& command, event_version version,
                                                instant now) const;
  [[nodiscard]] event_version tentative_version() const noexcept;
  bool persist(envelope& command, detail::decision made);
  void begin_commit(const envelope& first);
  /// Encodes a decision's events at the end of the commit. @returns what they add to its bytes.
  std::size_t add_events(const detail::decision& made);
  /// Commands that the batch under way may still come to, from what waits now.
  [[nodiscard]] std::size_t batch_room() const noexcept;
  bool apply(detail::decision& made);
  result<any_reply> reply_now(detail::decision& made);
  void add_to_commit(envelope& command, any_reply reply, detail::decision& made);
  /// After an `apply` threw: answers its command, and reads the state back for the others.
  void start_over(instant now, entity_effects& out);
  decided& hold(envelope& command, result<any_reply> answer);
  void close_batch(instant now, entity_effects& out);
  void release_answers(instant now, entity_effects& out);
  void confirmed(const result<std::optional<recorded_commit>>& tail, instant now,
                 entity_effects& out);
  void not_confirmed(const error& why, instant now, entity_effects& out);
  void outdated(instant now, entity_effects& out);
  void go_on(instant now, entity_effects& out);
  /// What was decided is answered: goes, or restarts, where that is wanted.
  void turn_ended(instant now, entity_effects& out);
  void not_stored(const error& why, instant now, entity_effects& out);
  /// Throws the state away.
  void read_back(instant now, entity_effects& out);
  /// True when a smaller batch may do what this one, too large for the store, could not.
  bool shrink_batches();
  /// Answers `those` of the batch with an error; the others are decided again.
  void settle_batch(const error& why, bool decided::*those, entity_effects& out);
  void return_batch_to_waiting();
  void turn_away(envelope&& command, entity_effects& out);
  void turn_away_asks(entity_effects& out);
  void refuse_waiting(const error& why, entity_effects& out);
  void expire_waiting(instant now, const error& why, entity_effects& out);
  void snapshot_if_due(entity_effects& out);
  [[nodiscard]] snapshot take_snapshot() const;
  [[nodiscard]] bool dirty() const noexcept;
  void save(entity_effects& out);
  void leave(entity_effects& out);
  void go(entity_effects& out);

  const actor_traits& traits_;
  const actor_address& self_;
  const behavior_factory& make_;
  std::unique_ptr<behavior> actor_;
  command_window window_;
  phase phase_ = phase::recovering;
  bool saving_ = false;
  bool forced_ = false;
  /// It goes as soon as nothing waits.
  bool draining_ = false;
  /// An effect stopped it: what waits is for the next incarnation.
  bool stopping_ = false;
  bool skip_snapshot_ = false;
  /// Recover heeding an operator's markers.
  bool careful_ = false;
  /// The batch has an answer that is `unproven`.
  bool unproven_ = false;
  /// The state stands for `stored_`, or for it and the commit under way.
  bool loaded_ = false;
  /// An `apply` threw: the state is neither here nor there.
  bool broken_ = false;
  std::uint8_t conflicts_ = 0;
  /// Commands in one batch; fewer for a while after the store called one too large.
  std::uint16_t batch_max_ = commit_commands_max;
  /// The actor object is to be made anew, once the batch under way has ended.
  std::unique_ptr<error> crash_;
  log_position stored_;
  /// The newest version that was acknowledged to us or read back.
  event_version known_;
  event_version snapshot_version_;
  /// The version of the newest snapshot that was tried.
  event_version saving_version_;
  stream_sequence saving_sequence_;
  back_trail trail_;
  /// A time at which `stored_` was the end of the log.
  std::chrono::steady_clock::time_point proven_;
  /// When the store was asked what it is asked now.
  std::chrono::steady_clock::time_point asked_;
  std::vector<envelope> waiting_;
  std::vector<decided> batch_;
  std::unique_ptr<std::vector<envelope>> deferred_;
  /// Null: none.
  std::unique_ptr<rejections> rejected_;
  /// The earliest time for which `expire` was asked.
  std::chrono::steady_clock::time_point expiry_ = std::chrono::steady_clock::time_point::max();
  std::unique_ptr<recovery_machine> recovery_;
  std::unique_ptr<draft> draft_;
  std::unique_ptr<hardship> trouble_;
  std::unique_ptr<error> quarantine_;
};

}  // namespace aether
