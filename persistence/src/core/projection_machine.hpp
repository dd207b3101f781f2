#pragma once

#include <aether/persistence/event_store.hpp>
#include <aether/persistence/projection.hpp>
#include "parking_lot.hpp"

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace aether {

/// What a partition wants done; carried out in order, answered through the machine's inputs.
namespace projection_effect {

struct load {};
struct load_lot {};
struct store {
  projection_position next;
};
/// Read the log behind `after`, page by page. `round` comes back with each page.
struct read {
  stream_sequence after;
  std::uint64_t round;
};
struct handle {
  std::shared_ptr<const projection_batch> batch;
};
struct store_lot {
  parking_lot lot;
  std::uint64_t expected;
};
/// Read parked commits again: this one, or, where the whole actor is parked, its commits behind
/// `after`, in order, the unreadable ones too. `round` comes back with them.
struct read_past {
  parked_commit entry;
  stream_sequence after;
  /// The version of the first of them; 0: not known.
  event_version from;
  std::uint64_t round;
};
/// Call `tick` then.
struct wake_at {
  std::chrono::steady_clock::time_point when;
};
/// Something for the operator; `event` is a stable name.
struct report {
  const char* event;
  std::string detail;
};
/// The last effect: nothing is under way any more.
struct stopped {};

}  // namespace projection_effect

using projection_effects = std::vector<
    std::variant<projection_effect::load, projection_effect::load_lot, projection_effect::store,
                 projection_effect::read, projection_effect::handle, projection_effect::store_lot,
                 projection_effect::read_past, projection_effect::wake_at,
                 projection_effect::report, projection_effect::stopped>>;

/// When an input comes, by two clocks.
struct projection_instant {
  std::chrono::steady_clock::time_point steady;
  /// Stamped on what is parked.
  std::chrono::sys_time<std::chrono::milliseconds> wall;
};

/// One partition of a projection, from taking it over to letting go of it.
///
///     loading --position--> loading_lot --what is parked--> claiming_lot --stored under a claim of
///              its own--> claiming --position stored once more--> working
///     working: reading --commits--> handling --done--> storing --stored--> reading ...
///              reading --the end of the log--> idle --hint, poll--> reading
///     handling --failed--> backing_off --in time--> handling
///     handling --failed for good--> parking --recorded--> storing
///     working --something parked is wanted--> replay_reading --> replaying --> parking
///     storing, parking --conflict, unknown--> backing_off --> loading
///     working --what is parked has another's claim--> loading
///     any phase but handling, replaying, storing, parking --stop--> stopped; these end first
///
/// - The position is stored behind what it covers was handled, parked or passed over: whoever loads
///   it misses nothing, and handles at most what was under way again.
/// - It never goes back: it is stored on the condition of the revision that was loaded, and what is
///   stored next lies behind.
/// - A batch has commits in the order of the stream, without a gap in what is wanted.
/// - A commit that fails `attempts_max` times alone is recorded as parked before the position
///   passes it.
/// - Before anything is handled that was read after a pause, the commit at the position is seen to
///   be the one that was handled: else the log is another one (`stream_regressed`), and nothing is,
///   until it is. Where the log forgets, a commit that is not there says nothing.
/// - What is passed over because its actor is parked is read again when that ends, unless the
///   position has passed it: then it is among what is replayed.
/// - Who was replaced can change nothing of what is parked, as little as the position. Where the
///   handler stores that, the one before may still store a batch from which it left out an actor
///   that is parked; so none is taken up again before it is certain that it cannot (`fenced_`).
///
/// Reading goes on beside everything else, as far as `ahead_commits_max`. Pure: no clock, I/O,
/// thread.
class projection_machine {
 public:
  using instant = projection_instant;
  enum class phase : std::uint8_t {
    loading,
    loading_lot,
    claiming_lot,
    claiming,
    reading,
    idle,
    handling,
    storing,
    parking,
    replay_reading,
    replaying,
    backing_off,
    stopped
  };
  /// While something is parked, how often it is looked whether somebody wants something of it.
  static constexpr std::chrono::milliseconds lot_interval{1'000};
  /// A replica may lag behind: so often in a row it is read again, ever later.
  static constexpr unsigned misses_max = 10;

  /// What an operator asks.
  struct numbers {
    std::uint64_t commits = 0, events = 0;
    std::uint64_t retries = 0;
    std::uint64_t batches = 0;
    /// Parked since the start, replayed and done since the start.
    std::uint64_t parked = 0, replayed = 0;
  };

  /// @param types, options as of the definition; both are copied.
  /// @param log_forgets as `event_store::forgets`.
  projection_machine(projection_key key, std::vector<actor_type> types, projection_options options,
                     bool handler_stores, bool log_forgets)
      : key_{std::move(key)},
        types_{std::move(types)},
        options_{options},
        handler_stores_{handler_stores},
        log_forgets_{log_forgets} {}

  [[nodiscard]] phase now_in() const noexcept { return phase_; }
  [[nodiscard]] const projection_position& position() const noexcept { return position_; }
  [[nodiscard]] const parking_lot& lot() const noexcept { return lot_; }
  [[nodiscard]] const numbers& counted() const noexcept { return numbers_; }
  /// Commits read and not yet handled.
  [[nodiscard]] std::size_t ahead() const noexcept;
  /// Commits not yet handled, as of the newest page.
  [[nodiscard]] std::uint64_t lag() const noexcept { return ahead() + behind_; }
  /// When the oldest commit that was read and is not handled was written.
  [[nodiscard]] std::optional<std::chrono::sys_time<std::chrono::milliseconds>> oldest() const;
  /// It stands at the end of the log, as of the newest page.
  [[nodiscard]] bool at_end() const noexcept { return at_end_ && ahead() == 0; }
  /// Why it does not go on; none where it does.
  [[nodiscard]] const std::optional<error>& problem() const noexcept { return problem_; }

  /// First input, and again after `stopped`.
  void start(projection_effects& out);
  void loaded(result<projection_position> found, instant now, projection_effects& out);
  /// @param lot with the revision of its record.
  void lot_loaded(result<std::pair<parking_lot, std::uint64_t>> lot, instant now,
                  projection_effects& out);
  void stored(result<std::uint64_t> revision, instant now, projection_effects& out);
  /// @param more another page of this round comes, unless this one is the last.
  void page_read(std::uint64_t round, result<shard_page> page, bool more, instant now,
                 projection_effects& out);
  void handled(result<void> outcome, instant now, projection_effects& out);
  void lot_stored(result<std::uint64_t> revision, instant now, projection_effects& out);
  void past_read(std::uint64_t round, result<std::vector<history_record>> records, instant now,
                 projection_effects& out);
  void tick(instant now, projection_effects& out);
  /// Something may have been stored.
  void hint(instant now, projection_effects& out);
  void stop(projection_effects& out);

 private:
  /// What is done when a back-off ends.
  enum class resume : std::uint8_t { load, lot, go_on, handle, store, past };

  /// Nil where the record cannot be read.
  [[nodiscard]] static commit_id id_of(const history_record& record);
  /// No fault of an event: tried for ever.
  [[nodiscard]] static bool passes_by_itself(const error& why);
  /// What is stored may be another's, or unknown.
  [[nodiscard]] static bool position_in_doubt(const error& why);

  void enter(phase next) noexcept { phase_ = next; }
  void begin_loading(projection_effects& out);
  void back_off(resume what, const error& why, instant now, projection_effects& out);
  void well() noexcept;
  bool stop_now(projection_effects& out);
  void lot_wanted(projection_effects& out);
  void lot_claimed(instant now, projection_effects& out);

  void go_on(instant now, projection_effects& out);
  bool look_at_lot(instant now, projection_effects& out);
  void read_on(instant now, projection_effects& out);
  [[nodiscard]] const parked_commit* next_wished() const;
  void wait(instant now, projection_effects& out);
  [[nodiscard]] result<void> verify(const shard_page& page);
  [[nodiscard]] result<void> missing(const shard_page& page);
  [[nodiscard]] std::unexpected<error> replaced(const std::string& what) const;
  void forget_read();
  void take(shard_page& page, bool more);

  void collect();
  [[nodiscard]] bool passes_over(const shard_page::entry& entry) const;
  void handle_batch(projection_effects& out);
  void batch_handled(const result<void>& outcome, instant now, projection_effects& out);
  void batch_failed(const error& why, instant now, projection_effects& out);
  void split();
  void park_front(instant now, projection_effects& out);
  void park_batch(const error& why, instant now, projection_effects& out);
  void park(parked_commit entry, projection_position reached, projection_effects& out);
  void store_lot(projection_effects& out);
  [[nodiscard]] bool lot_is_full() const noexcept;
  void wait_for_room(instant now, projection_effects& out);
  void store_position(projection_effects& out);

  void begin_replay(const parked_commit& entry, projection_effects& out);
  void want_past(projection_effects& out);
  void replay_next(projection_effects& out);
  void replay_handled(const result<void>& outcome, instant now, projection_effects& out);
  void replay_failed(const error& why, projection_effects& out);
  void settle_entry(std::optional<parked_commit> left, projection_effects& out);

  const projection_key key_;
  const std::vector<actor_type> types_;
  const projection_options options_;
  const bool handler_stores_;
  const bool log_forgets_;

  phase phase_ = phase::stopped;
  resume resume_ = resume::load;
  std::chrono::steady_clock::time_point wake_at_{};
  std::chrono::milliseconds delay_{};
  bool stopping_ = false;
  std::optional<error> problem_;

  projection_position position_;
  /// The last commit that was handled or passed over: the position to be stored next.
  projection_position reached_;
  parking_lot lot_;
  std::uint64_t lot_revision_ = 0, claim_ = 0;
  std::chrono::steady_clock::time_point claimed_at_{};
  /// Nothing that an owner before decided can be stored any more: the position was moved, or
  /// claimed, since; or there was nothing behind it to decide.
  bool fenced_ = false;
  std::chrono::steady_clock::time_point lot_seen_{};
  /// The lot as it is being stored.
  parking_lot next_lot_;

  // Reading
  bool reading_ = false;
  std::chrono::steady_clock::time_point reading_since_{};
  bool verified_ = false;
  /// How often in a row a replica did not have the commit at the position.
  unsigned misses_ = 0;
  std::uint64_t round_ = 0;
  stream_sequence read_to_;
  std::deque<shard_page::entry> queue_;
  std::uint64_t behind_ = 0;
  /// The newest page was the last one.
  bool at_end_ = false;
  /// It had commits in it: there may be more by now.
  bool fruitful_ = false;
  bool hinted_ = false;
  std::chrono::milliseconds pause_{};

  // Handling
  std::shared_ptr<const projection_batch> batch_;
  unsigned attempts_ = 0;
  /// Up to there, commits are handled one by one.
  projection_position single_until_;
  /// What is being replayed, and what of it was read.
  std::optional<parked_commit> replayed_;
  stream_sequence replay_after_;
  event_version replay_from_;
  std::uint64_t past_round_ = 0;
  std::deque<history_record> past_;

  numbers numbers_;
};

[[nodiscard]] std::string_view to_string(projection_machine::phase phase) noexcept;

}  // namespace aether
