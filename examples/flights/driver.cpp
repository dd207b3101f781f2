#include "driver.hpp"

#include <aether/runtime/ids.hpp>
#include "airport.hpp"
#include "ask_window.hpp"
#include "availability.hpp"
#include "text.hpp"

#include <algorithm>
#include <memory>
#include <mutex>
#include <ranges>
#include <utility>

namespace flights {

namespace {

using clock = std::chrono::steady_clock;
using airport_ref = aether::actor_ref<airport>;

/// An ask answers by its deadline "or shortly after"; beyond this it is a fault of the runtime.
constexpr std::chrono::seconds patience = ask_deadline + std::chrono::seconds{15};

/// What the answers' handlers write. They share it, so one that comes late finds it alive.
struct bookkeeping {
  bookkeeping(std::size_t in_flight, std::uint32_t shard_count)
      : window{in_flight, patience}, shards{shard_count} {}

  ask_window window;
  std::mutex mutex;
  availability shards;
  std::uint64_t acknowledged = 0;
  std::map<std::string, drive_result::failure> failed;
  /// Commands sent before the kill and not answered yet; they come back last of all.
  std::uint64_t sent_before_kill = 0;
  std::uint64_t open_before_kill = 0;
  clock::time_point killed_at;
  clock::time_point resumed_at;
};

class one_drive {
 public:
  one_drive(aether::node& node, std::span<const flight> all, const drive_options& options)
      : node_{node},
        all_{all},
        options_{options},
        books_{std::make_shared<bookkeeping>(options.in_flight, options.shards)} {}

  or_error<drive_result> run() {
    for (const flight& one : all_) {
      if (auto sent = send(one.origin, record_departure{one.delay_minutes, one.distance_miles});
          !sent)
        return std::unexpected(sent.error());
      if (auto sent = send(one.destination, record_arrival{}); !sent)
        return std::unexpected(sent.error());
    }
    if (auto drained = books_->window.drain([this] { show_progress(); }); !drained)
      return std::unexpected(drained.error());
    show_resumption();
    return result();
  }

 private:
  struct target {
    airport_ref ref;
    std::size_t shard;
  };

  target& target_of(const airport_code& code) {
    if (const auto known = targets_.find(code); known != targets_.end()) return known->second;
    auto ref = node_.actor<airport>(code.str());
    const auto shard = aether::shard_of(*ref.address(), options_.shards);
    return targets_.emplace(code, target{std::move(ref), shard.value()}).first->second;
  }

  template <class Command>
  or_error<void> send(const airport_code& code, Command command) {
    if (auto place = books_->window.take([this] { show_progress(); }); !place) return place;
    if (sent_ == all_.size() && options_.at_half)
      if (auto done = kill(); !done) return done;
    show_progress();
    const target& to = target_of(code);
    const std::uint64_t index = sent_++;
    {
      const std::lock_guard lock{books_->mutex};
      books_->shards.sent(to.shard, clock::now());
    }
    to.ref.ask(command, ask_deadline, [books = books_, shard = to.shard, index](auto answer) {
      note(*books, shard, index, answer);
    });
    return {};
  }

  static void note(bookkeeping& books, std::size_t shard, std::uint64_t index,
                   const aether::result<void>& answer) {
    {
      const std::lock_guard lock{books.mutex};
      const auto now = clock::now();
      books.shards.answered(shard, now);
      if (answer) {
        ++books.acknowledged;
      } else {
        auto& failure = books.failed[std::string{aether::to_string(answer.error().code())}];
        if (failure.count++ == 0) failure.example = answer.error().text();
      }
      if (index < books.sent_before_kill && --books.open_before_kill == 0) books.resumed_at = now;
    }
    books.window.give_back();
  }

  or_error<void> kill() {
    if (auto done = options_.at_half(); !done) return done;
    const std::lock_guard lock{books_->mutex};
    const auto answered = books_->acknowledged + failures();
    books_->killed_at = clock::now();
    books_->sent_before_kill = sent_;
    books_->open_before_kill = sent_ - answered;
    return {};
  }

  /// @pre the mutex is held.
  [[nodiscard]] std::uint64_t failures() const {
    std::uint64_t count = 0;
    for (const auto& failure : std::views::values(books_->failed)) count += failure.count;
    return count;
  }

  void show_progress() {
    const auto now = clock::now();
    if (now < next_progress_) return;
    show_resumption();
    const std::lock_guard lock{books_->mutex};
    const auto answered = books_->acknowledged + failures();
    const std::chrono::duration<double> since = now - next_progress_ + progress_interval;
    const auto rate = static_cast<double>(answered - answered_before_) / since.count();
    say("  " + grouped(answered) + " of " + grouped(2 * all_.size()) + " commands, " +
        grouped(static_cast<std::int64_t>(rate)) + "/s");
    answered_before_ = answered;
    next_progress_ = now + progress_interval;
  }

  void show_resumption() {
    const std::lock_guard lock{books_->mutex};
    if (resumption_shown_ || books_->resumed_at == clock::time_point{}) return;
    resumption_shown_ = true;
    const std::chrono::duration<double, std::milli> gap = books_->resumed_at - books_->killed_at;
    say("  service resumed: all that was under way at the kill is answered, " +
        fixed(gap.count(), 0) + " ms after it");
  }

  drive_result result() {
    const std::lock_guard lock{books_->mutex};
    return {.acknowledged = books_->acknowledged,
            .failed = books_->failed,
            .took = clock::now() - started_,
            .unavailable = books_->shards.longest()};
  }

  static constexpr std::chrono::seconds progress_interval{1};

  aether::node& node_;
  const std::span<const flight> all_;
  const drive_options& options_;
  const std::shared_ptr<bookkeeping> books_;
  std::map<airport_code, target> targets_;
  std::uint64_t sent_ = 0;
  const clock::time_point started_ = clock::now();
  clock::time_point next_progress_ = started_ + progress_interval;
  std::uint64_t answered_before_ = 0;
  bool resumption_shown_ = false;
};

/// What the queries' handlers write.
struct readings {
  explicit readings(std::size_t in_flight) : window{in_flight, patience} {}
  ask_window window;
  std::mutex mutex;
  totals_by_airport found;
  std::string problem;
};

void note(readings& all, const std::string& code, const aether::result<stats>& answer) {
  {
    const std::lock_guard lock{all.mutex};
    if (answer)
      all.found[code] = {answer->departures, answer->arrivals, answer->delay_minutes,
                         answer->distance_miles};
    else if (all.problem.empty())
      all.problem = "airport " + code + " does not answer: " + answer.error().message();
  }
  all.window.give_back();
}

}  // namespace

or_error<drive_result> drive(aether::node& node, std::span<const flight> all,
                             const drive_options& options) {
  return one_drive{node, all, options}.run();
}

or_error<totals_by_airport> query(aether::node& node, const totals_by_airport& expected) {
  constexpr std::size_t in_flight = 64;
  const auto all = std::make_shared<readings>(in_flight);
  for (const std::string& code : std::views::keys(expected)) {
    if (auto place = all->window.take([] {}); !place) return std::unexpected(place.error());
    node.actor<airport>(code).ask(get_stats{}, ask_deadline,
                                  [all, code](auto answer) { note(*all, code, answer); });
  }
  if (auto drained = all->window.drain([] {}); !drained) return std::unexpected(drained.error());
  const std::lock_guard lock{all->mutex};
  if (!all->problem.empty()) return std::unexpected(all->problem);
  return std::move(all->found);
}

}  // namespace flights
