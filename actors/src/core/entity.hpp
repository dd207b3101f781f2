#pragma once

#include <aether/actors/behavior.hpp>
#include <aether/actors/command.hpp>
#include <aether/persistence/commit.hpp>
#include <aether/persistence/snapshot_store.hpp>
#include "back_trail.hpp"
#include "command_window.hpp"
#include "recovery_machine.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace aether {

/// What an entity wants done; carried out in order, answered through its inputs.
namespace entity_effect {

struct read_tail {};
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
struct answer {
  reply_sink sink;
  result<any_reply> with;
};
/// Call `retry` after about `delay`: spread at random, so that many do not come back at once.
struct retry_later {
  std::chrono::milliseconds delay;
};
/// Something for the operator; `event` is a stable name.
struct report {
  const char* event;
  std::string detail;
};
/// The last effect: the entity wants to go and holds nothing any more.
struct retired {};

}  // namespace entity_effect

using entity_effects = std::vector<std::variant<
    entity_effect::read_tail, entity_effect::load_snapshot, entity_effect::read_history,
    entity_effect::fetch_commits, entity_effect::read_records, entity_effect::append,
    entity_effect::save_snapshot, entity_effect::answer, entity_effect::retry_later,
    entity_effect::report, entity_effect::retired>>;

/// The life of one event-sourced actor in memory.
///
///     recovering --caught up--> ready --events decided--> appending --stored--> ready
///     appending --conflict--> recovering            (its commands are decided again)
///     appending --unknown, refused--> recovering    (its commands are answered so)
///     recovering --cannot now--> backing_off --retry--> recovering
///     recovering --cannot ever--> recovering (once, heeding an operator's markers), quarantined
///     quarantined --retry--> recovering
///     ready --an apply threw--> recovering          (its command is answered so, the others again)
///     ready --retire--> leaving --snapshot saved, or not--> retired
///     quarantined, backing_off --retire--> retired
///     leaving, retired --a command, when not forced--> ready, recovering
///
/// - At most one append is in flight; commands wait meanwhile, and then go out as one commit.
/// - Every answer decided in a batch leaves after the batch is stored, rejections included: they
///   were decided against a state that was not yet true.
/// - A command whose id is in the window is answered from it; nothing is applied twice.
/// - What is not stored is not kept: after anything but "stored" the state is thrown away and read
///   back from history. A history that then ends before what was once acknowledged is not continued
///   (`stream_regressed`, quarantined).
/// - A quarantined actor tries again by itself, ever less often: whatever was wrong may have been
///   skipped, restored or deployed meanwhile.
/// - Each command is answered exactly once. One that is told to go (`forced`) takes no more.
/// Pure: no clock, no I/O, no threads, no randomness.
class entity {
 public:
  enum class phase { recovering, backing_off, ready, appending, quarantined, leaving, retired };
  using time_point = std::chrono::steady_clock::time_point;

  /// Lost races in a row after which the batch is given up with `unavailable`.
  static constexpr unsigned conflicts_max = 5;
  static constexpr std::chrono::milliseconds retry_min{50};
  static constexpr std::chrono::milliseconds retry_max{2'000};
  /// Recoveries that fail before one goes without a snapshot that cannot be loaded: it saves time,
  /// and is no reason to be down. Going without, a log that lost its end is not noticed by it.
  static constexpr unsigned snapshot_patience = 1;
  /// Between two attempts of a quarantined actor: doubled from the first to the second value.
  static constexpr std::chrono::milliseconds quarantine_min{1'000};
  static constexpr std::chrono::milliseconds quarantine_max{60'000};

  /// `traits` outlives it.
  entity(const actor_traits& traits, std::unique_ptr<behavior> actor);
  /// An actor that could not be made: quarantined from the start, every command is answered `why`.
  entity(const actor_traits& traits, error why);

  [[nodiscard]] phase now() const noexcept { return phase_; }
  /// It was told to go, whatever waits.
  [[nodiscard]] bool forced() const noexcept { return forced_; }
  /// It was made; what could not be made cannot recover either.
  [[nodiscard]] bool recovers() const noexcept { return actor_ != nullptr; }
  /// Commands accepted and not yet answered.
  [[nodiscard]] std::size_t held() const noexcept { return waiting_.size() + batch_.size(); }

  /// First input: begins recovery.
  void start(entity_effects& out);
  void receive(envelope&& command, time_point now, entity_effects& out);
  void tail_read(result<std::optional<recorded_commit>> tail, time_point now, entity_effects& out);
  void snapshot_loaded(result<std::optional<snapshot>> loaded, time_point now, entity_effects& out);
  void history_read(result<std::vector<recorded_commit>> page, time_point now, entity_effects& out);
  void commits_fetched(result<std::vector<recorded_commit>> commits, time_point now,
                       entity_effects& out);
  void records_read(result<std::vector<history_record>> records, time_point now,
                    entity_effects& out);
  void appended(result<log_position> outcome, time_point now, entity_effects& out);
  void snapshot_saved(result<void> outcome, entity_effects& out);
  void retry(time_point now, entity_effects& out);
  /// Asks it to go. An idle entity leaves when nothing waits; a `forced` one answers what waits
  /// with `not_owner` once the append or the recovery under way has ended.
  void retire(bool forced, entity_effects& out);

 private:
  /// A command decided in the batch under way, and the answer it gets once the batch is stored.
  struct decided {
    envelope command;
    result<any_reply> answer;
    bool persists;
  };

  void enter(phase next);
  /// For reports: the actor's type, and why.
  [[nodiscard]] std::string placed(const error& why) const;
  void begin_recovery(entity_effects& out);
  void advance(recovery_machine::steps steps, time_point now, entity_effects& out);
  void want(recovery_machine::step& step, entity_effects& out) const;
  bool restore(const snapshot& from, entity_effects& out);
  bool replay(const commit& stored);
  void recovery_ended(time_point now, entity_effects& out);
  void recovery_failed(const error& why, bool care_may_help, time_point now, entity_effects& out);
  void quarantine(const error& why, entity_effects& out);
  void back_off(const error& why, time_point now, entity_effects& out);

  void decide_waiting(time_point now, entity_effects& out);
  /// False when the command must wait for the next commit.
  bool decide_next(envelope& command, time_point now);
  bool decide_fresh(envelope& command);
  bool decide_guarded(envelope& command);
  bool persist(envelope& command, detail::decision made);
  void begin_commit(const envelope& first);
  /// Encodes a decision's events at the end of the commit. @returns what they add to its bytes.
  std::size_t add_events(const detail::decision& made);
  /// Commands that the batch under way may still come to, from what waits now.
  [[nodiscard]] std::size_t batch_room() const noexcept;
  bool apply(detail::decision& made);
  result<any_reply> reply_now(detail::decision& made);
  void add_to_commit(envelope& command, any_reply reply, std::size_t events);
  /// After an `apply` threw: answers its command, and reads the state back for the others.
  void start_over(entity_effects& out);
  void hold(envelope& command, result<any_reply> answer, bool persists = false);
  void close_batch(entity_effects& out);
  void release_answers(entity_effects& out);
  void not_stored(const error& why, entity_effects& out);
  /// True when a smaller batch may do what this one, too large for the store, could not.
  bool shrink_batches();
  void settle_batch(const error& why, entity_effects& out);
  void return_batch_to_waiting(bool persisting_too);
  void refuse_waiting(const error& why, entity_effects& out);
  void expire_waiting(time_point now, const error& why, entity_effects& out);
  void snapshot_if_due(entity_effects& out);
  [[nodiscard]] snapshot take_snapshot() const;
  [[nodiscard]] bool dirty() const noexcept;
  void save(entity_effects& out);
  void leave(entity_effects& out);

  const actor_traits& traits_;
  std::unique_ptr<behavior> actor_;
  command_window window_;
  phase phase_ = phase::recovering;
  bool saving_ = false;
  bool forced_ = false;
  bool skip_snapshot_ = false;
  /// Recover heeding an operator's markers.
  bool careful_ = false;
  /// The state stands for `stored_`, or for it and the commit under way.
  bool loaded_ = false;
  /// An `apply` threw: the state is neither here nor there.
  bool broken_ = false;
  unsigned conflicts_ = 0;
  unsigned failures_ = 0;
  unsigned quarantines_ = 0;
  /// Commands in one batch; fewer for a while after the store called one too large.
  std::size_t batch_max_ = commit_commands_max;
  log_position stored_;
  /// The newest version that was acknowledged to us or read back.
  event_version known_;
  event_version snapshot_version_;
  /// The version of the newest snapshot that was tried.
  event_version saving_version_;
  stream_sequence saving_sequence_;
  back_trail trail_;
  std::vector<envelope> waiting_;
  std::vector<decided> batch_;
  std::unique_ptr<recovery_machine> recovery_;
  std::unique_ptr<commit> next_;
  std::size_t next_bytes_ = 0;
  /// Why the newest attempt to recover failed.
  std::unique_ptr<error> trouble_;
  /// Why care is taken: what the last recovery without it failed with.
  std::unique_ptr<error> damage_;
  std::unique_ptr<error> quarantine_;
};

}  // namespace aether
