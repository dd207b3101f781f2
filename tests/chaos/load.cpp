#include "load.hpp"

#include "list_actor.hpp"

#include <optional>
#include <utility>

namespace aether::chaos {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using list_ref = actor_ref<list_actor>;

/// Most have time to get through a fail-over; some have not.
constexpr milliseconds patient{4'000};
constexpr milliseconds impatient{400};
constexpr unsigned one_in_impatient = 8;
/// Of the appends whose outcome is unknown, one in so many is asked for again.
constexpr unsigned one_in_again = 2;
constexpr int tries_max = 3;
/// An ask is answered by its deadline "or shortly after"; beyond this nobody waits.
constexpr milliseconds overdue{20'000};
constexpr milliseconds final_read{5'000};
/// One durable send in so many has a copy that goes another way.
constexpr unsigned one_in_mixed = 4;

/// Whether the error promises that nothing was persisted, now or later (docs/errors.md).
bool nothing_persisted(errc code) {
  return code != errc::outcome_unknown && code != errc::timed_out && code != errc::decode_failed;
}

}  // namespace

/// One client's random decisions, and its way through an operation.
class load::client {
 public:
  client(load& all, std::uint32_t number)
      : all_{all},
        through_{*all.through_[number % all.through_.size()]},
        name_{std::to_string(number)},
        durable_{number < all.how_.durable},
        random_{all.how_.seed * 1'000'003 + number} {}

  void operate() {
    const bool append = roll(2) == 0;
    const std::string key = all_.choose(static_cast<std::uint32_t>(roll(all_.how_.keys)), append);
    const list_ref list = through_.actor<list_actor>(key);
    operation made{.client = name_, .key = key};
    if (append && durable_)
      send_to(list, made);
    else if (append)
      append_to(list, made);
    else
      read(list, made);
    all_.into_.add(made);
  }

  /// A wait of `mean` on average.
  clock::duration pause(clock::duration mean) {
    return mean / 2 + clock::duration{static_cast<std::int64_t>(
                          roll(static_cast<std::uint64_t>(mean.count()) + 1))};
  }

 private:
  std::uint64_t roll(std::uint64_t sides) { return random_() % sides; }
  milliseconds timeout() { return roll(one_in_impatient) == 0 ? impatient : patient; }

  void append_to(const list_ref& list, operation& made) {
    made.op = operation_kind::append;
    made.value = all_.next_value_++;
    made.invoke_us = now_us();
    const auto id = command_id::make();
    bool perhaps = false;
    for (int tries = 1; tries <= tries_max; ++tries) {
      const auto asked = list.with_id(id, tries > 1);
      if (answered(asked.ask(append_number{*made.value}, timeout()), made)) break;
      perhaps = perhaps || made.outcome == outcome::unknown;
      if (!perhaps || all_.stopping() || roll(one_in_again) != 0) break;
    }
    // A later try that has had no effect says nothing of an earlier one.
    if (perhaps && made.outcome == outcome::fail) made.outcome = outcome::unknown;
  }

  /// It may take effect at any time from now on, so its outcome is unknown to the history.
  void send_to(const list_ref& list, operation& made) {
    made.op = operation_kind::append;
    made.value = all_.next_value_++;
    made.invoke_us = now_us();
    made.outcome = outcome::unknown;
    const auto id = command_id::make();
    durable_ledger::entry entry{.client = name_, .key = made.key, .value = *made.value};
    if (roll(one_in_mixed) == 0) {
      entry.mixed = true;
      send_a_copy(list.with_id(id, false), *made.value);
    }
    for (bool again = entry.mixed; !entry.stored; again = true) {
      auto receipt = list.with_id(id, again).send_durable(append_number{*made.value});
      if (!receipt.wait_for(overdue)) {
        ++all_.never_answered_;
        break;
      }
      const auto stored = receipt.get();
      entry.stored = stored.has_value();
      if (entry.stored) break;
      all_.note_error(stored.error().code());
      if (!all_.pause_until(clock::now() + pause(100ms))) break;
    }
    all_.note_durable(std::move(entry));
  }

  void send_a_copy(const list_ref& list, std::int64_t value) {
    if (roll(2) == 0)
      (void)list.tell(append_number{value});
    else
      list.ask(append_number{value}, timeout(), [](const auto&) {});
  }

  void read(const list_ref& list, operation& made) {
    made.op = operation_kind::read;
    made.invoke_us = now_us();
    if (roll(2) == 0)
      answered(list.ask(read_list{}, timeout()), made);
    else
      answered(list.ask(peek_list{}, timeout()), made);
  }

  /// Completes the operation with an answer. @returns whether that was `ok`.
  bool answered(reply_future<list_state> future, operation& made) {
    if (!future.wait_for(patient + overdue)) {
      ++all_.never_answered_;
      made.complete_us = now_us();
      made.outcome = outcome::unknown;
      return false;
    }
    auto answer = future.get();
    made.complete_us = now_us();
    if (answer) {
      made.outcome = outcome::ok;
      made.result = std::move(answer->numbers);
      return true;
    }
    all_.note_error(answer.error().code());
    made.outcome = nothing_persisted(answer.error().code()) ? outcome::fail : outcome::unknown;
    return false;
  }

  load& all_;
  node& through_;
  const std::string name_;
  const bool durable_;
  std::mt19937_64 random_;
};

load::load(const load_options& how, std::vector<node*> through, history_file& into)
    : how_{how}, through_{std::move(through)}, into_{into}, slots_(how.keys) {
  for (std::uint32_t i = 0; i < how_.keys; ++i) slots_[i].key = name_of(i, 0);
}

load::~load() { stop(); }

void load::start() {
  for (std::uint32_t i = 0; i < how_.clients; ++i) threads_.emplace_back([this, i] { work(i); });
}

void load::stop() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  stop_wanted_.notify_all();
  for (std::thread& one : threads_) one.join();
  threads_.clear();
}

bool load::stopping() const {
  const std::lock_guard lock{mutex_};
  return stopping_;
}

void load::work(std::uint32_t number) {
  client self{*this, number};
  const clock::duration mean = clock::duration{1s} * how_.clients / how_.rate;
  while (pause_until(clock::now() + self.pause(mean))) self.operate();
}

bool load::pause_until(clock::time_point when) {
  std::unique_lock lock{mutex_};
  return !stop_wanted_.wait_until(lock, when, [this] { return stopping_; });
}

std::string load::name_of(std::uint32_t slot, std::uint32_t generation) {
  return "list-" + std::to_string(slot) + "-" + std::to_string(generation);
}

std::string load::choose(std::uint32_t number, bool append) {
  const std::lock_guard lock{mutex_};
  slot& chosen = slots_[number];
  if (append && ++chosen.appends > how_.appends_max) {
    chosen.appends = 1;
    chosen.key = name_of(number, ++chosen.generation);
  }
  return chosen.key;
}

void load::note_error(errc code) {
  const std::lock_guard lock{mutex_};
  ++errors_[std::string{to_string(code)}];
}

void load::note_durable(durable_ledger::entry what) {
  const std::lock_guard lock{mutex_};
  durable_.add(std::move(what));
}

durable_ledger::shortfall load::await_durable(node& fresh, clock::time_point deadline) {
  const auto keys = durable_.keys();
  while (true) {
    std::map<std::string, numbers> lists;
    for (const std::string& key : keys) {
      auto list = fresh.actor<list_actor>(key).ask(read_list{}, final_read).get();
      if (list) lists[key] = std::move(list->numbers);
    }
    auto found = durable_.compare(lists);
    if (found.missing.empty() || clock::now() >= deadline) return found;
    std::this_thread::sleep_for(100ms);
  }
}

std::map<std::string, std::size_t> load::errors() const {
  const std::lock_guard lock{mutex_};
  return errors_;
}

void load::read_once(const list_ref& list, operation& made) {
  made.invoke_us = now_us();
  auto future = list.ask(read_list{}, final_read);
  std::optional<result<list_state>> answer;
  if (future.wait_for(final_read + overdue))
    answer = future.get();
  else
    ++never_answered_;
  made.complete_us = now_us();
  made.outcome = answer && *answer ? outcome::ok : outcome::fail;
  if (made.outcome == outcome::ok) made.result = std::move((*answer)->numbers);
  into_.add(made);
}

std::vector<std::string> load::read_all(node& fresh, clock::time_point deadline) {
  std::vector<std::string> unread;
  for (std::uint32_t place = 0; place < how_.keys; ++place)
    for (std::uint32_t generation = 0; generation <= slots_[place].generation; ++generation) {
      operation made{.client = "final", .key = name_of(place, generation)};
      const list_ref list = fresh.actor<list_actor>(made.key);
      while (!made.result && clock::now() < deadline) read_once(list, made);
      if (!made.result) unread.push_back(made.key);
    }
  return unread;
}

}  // namespace aether::chaos
