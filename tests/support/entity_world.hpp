#pragma once

#include <aether/actors/event_sourced_actor.hpp>
#include "actors/src/core/entity.hpp"
#include "support/bank.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

namespace aether::testing {

/// As `get_balance`, by who only reads.
struct peek {
  using reply = bank::balance;
  AETHER_MESSAGE("sim.peek")
};

/// The bank's account with its limits as parameters.
template <std::size_t Window, std::uint64_t Every>
class sim_account : public event_sourced_actor<sim_account<Window, Every>> {
 public:
  static constexpr std::string_view type_name = "account";
  static constexpr auto snapshots = snapshot_policy::every(Every);
  static constexpr std::size_t command_window = Window;
  using state = bank::balance;
  using commands = messages<bank::deposit, bank::withdraw, bank::get_balance, peek>;
  using events = bank::account::events;

  static effect<bank::balance> on(const bank::deposit& command, const state&) {
    return sim_account::persist(bank::deposited{command.cents}).reply(now);
  }
  static effect<bank::balance> on(const bank::withdraw& command, const state& current) {
    if (command.cents > current.cents) return sim_account::reject("insufficient funds");
    return sim_account::persist(bank::withdrawn{command.cents}).reply(now);
  }
  static effect<bank::balance> on(const bank::get_balance&, const state& current) {
    return sim_account::reply(current);
  }
  static read_only_effect<bank::balance> on(const peek&, const state& current) {
    return sim_account::reply(current);
  }
  static void apply(state& current, const bank::deposited& event) { current.cents += event.cents; }
  static void apply(state& current, const bank::withdrawn& event) { current.cents -= event.cents; }

 private:
  static state now(const state& current) { return current; }
};

/// Several owners of one actor at once, against one store that delays, loses acknowledgements,
/// stores late, and fails; owners crash at random. One step is one millisecond; all from one seed.
/// With `leases`, at most one owner at a time is in contact, and the others do not know who.
template <class Actor>
class entity_world {
 public:
  static constexpr std::size_t owners = 3;

  explicit entity_world(std::uint64_t seed) : random{seed} {}

  /// True once in `n`.
  bool once_in(std::uint64_t n) { return random() % n == 0; }
  std::uint64_t below(std::uint64_t n) { return random() % n; }

  /// Hands a command to an owner, bringing it to life where it is not.
  void deliver(std::size_t owner, envelope command) {
    if (!lives[owner]) {
      lives[owner] = std::make_unique<entity>(model<Actor>::traits(), address, make);
      ++births[owner];
      play(owner, [&](auto& out) { lives[owner]->start(at(), out); });
    }
    play(owner, [&](auto& out) { lives[owner]->receive(std::move(command), at(), out); });
  }

  /// One step: time passes, stores answer, and, with `faults`, owners crash or are told to go.
  void step() {
    now += std::chrono::milliseconds{1};
    if (leases) pass_leases();
    while (!due.empty() && due.begin()->first <= now) {
      auto next = due.extract(due.begin());
      next.mapped()();
    }
    for (std::size_t owner = 0; faults && owner < owners; ++owner) {
      if (!lives[owner]) continue;
      if (once_in(300))
        lives[owner].reset();
      else if (once_in(100))
        play(owner, [&](auto& out) { lives[owner]->retire(any_departure(), out); });
    }
  }

  departure any_departure() {
    return std::array{departure::if_idle, departure::when_done, departure::at_once}[below(3)];
  }

  [[nodiscard]] bool alive(std::size_t owner, std::uint64_t birth) const {
    return lives[owner] && births[owner] == birth;
  }
  [[nodiscard]] std::size_t held() const {
    std::size_t sum = 0;
    for (const auto& next : lives) sum += next ? next->held() : 0;
    return sum;
  }

  std::mt19937_64 random;
  bool faults = true;
  void use_leases() {
    leases = true;
    contacts.fill({now, now});
  }
  [[nodiscard]] bool in_contact(std::size_t owner) const {
    return leases && now < contacts[owner].until;
  }
  [[nodiscard]] instant at() const {
    return {now, std::chrono::system_clock::time_point{now.time_since_epoch()},
            leases ? contacts[playing] : contact{}};
  }

  std::chrono::steady_clock::time_point now{std::chrono::hours{1}};
  const actor_address address{model<Actor>::traits().type, *actor_id::parse("it")};
  const behavior_factory make = [](const actor_address& self) {
    return std::make_unique<model<Actor>>(Actor{}, self);
  };
  std::vector<recorded_commit> log;
  std::optional<snapshot> saved;
  std::array<std::uint64_t, owners> births{};
  std::uint64_t quarantines = 0;
  std::uint64_t conflicts = 0;
  /// Looks at the log's end that owners out of contact wanted, and how many had missed something.
  std::uint64_t looks = 0, outdated = 0;

 private:
  void pass_leases() {
    const auto term = std::chrono::milliseconds{20 + below(100)};
    const auto holder =
        std::ranges::find_if(contacts, [&](const auto& one) { return now < one.until; });
    if (holder != contacts.end()) {
      if (once_in(30)) holder->until = std::max(holder->until, now + term);
    } else if (once_in(10)) {
      contacts[below(owners)] = {now, now + term};
    }
  }
  void later(std::function<void()> what) {
    due.emplace(now + std::chrono::milliseconds{1 + below(faults ? 12 : 3)}, std::move(what));
  }
  template <class Input>
  void play(std::size_t owner, Input input) {
    playing = owner;
    entity_effects out;
    input(out);
    for (auto& wanted : out)
      std::visit([&](auto&& effect) { carry_out(owner, std::move(effect)); }, wanted);
  }
  /// Gives `answer` to the owner some time later, if it still lives then.
  template <class Answer, class Input>
  void answer(std::size_t owner, Answer with, Input input) {
    later([this, owner, birth = births[owner], with = std::move(with), input]() mutable {
      if (alive(owner, birth))
        play(owner, [&](auto& out) { input(*lives[owner], std::move(with), out); });
    });
  }

  log_position end() const { return log.empty() ? log_position{} : log.back().position(); }
  bool try_append(const log_position& expected, const commit& next) {
    if (end() != expected) return false;
    log.push_back({next, stream_sequence{end().sequence.value() + 1 + below(5)}, expected.commit,
                   expected.sequence});
    return true;
  }

  void carry_out(std::size_t owner, entity_effect::append wanted) {
    const auto input = [this](entity& it, result<log_position> with, entity_effects& out) {
      it.appended(std::move(with), at(), out);
    };
    if (faults &&
        once_in(8)) {  // no acknowledgement: stored now, later, after the answer, or never
      if (once_in(2)) later([this, wanted] { (void)try_append(wanted.expected, wanted.next); });
      return answer(owner, result<log_position>{fail(errc::outcome_unknown, "sim")}, input);
    }
    if (faults && once_in(20))
      return answer(owner, result<log_position>{fail(errc::unavailable, "sim")}, input);
    later([this, owner, birth = births[owner], wanted, input] {
      const bool stored = try_append(wanted.expected, wanted.next);
      conflicts += stored ? 0 : 1;
      auto outcome = stored ? result<log_position>{end()}
                            : result<log_position>{fail(errc::version_conflict, "sim")};
      if (alive(owner, birth)) answer(owner, std::move(outcome), input);
    });
  }

  void carry_out(std::size_t owner, entity_effect::confirm_tail) {
    ++looks;
    // The log is read some time after the question, and the answer comes some time after that.
    later([this, owner, birth = births[owner]] {
      if (alive(owner, birth)) carry_out(owner, entity_effect::read_tail{});
    });
  }
  void carry_out(std::size_t owner, entity_effect::read_tail) {
    result<std::optional<recorded_commit>> tail{log.empty() ? std::nullopt
                                                            : std::optional{log.back()}};
    if (faults && once_in(30)) tail = fail(errc::unavailable, "sim");
    answer(owner, std::move(tail),
           [this](entity& it, auto with, auto& out) { it.tail_read(std::move(with), at(), out); });
  }
  void carry_out(std::size_t owner, entity_effect::read_history wanted) {
    std::vector<recorded_commit> page;
    for (const auto& next : log)
      if (next.commit.last() >= wanted.from && page.size() < recovery_machine::page_commits)
        page.push_back(next);
    if (faults && once_in(10) && !page.empty()) page.pop_back();  // a replica that lags
    answer(
        owner, result<std::vector<recorded_commit>>{std::move(page)},
        [this](entity& it, auto with, auto& out) { it.history_read(std::move(with), at(), out); });
  }
  void carry_out(std::size_t owner, entity_effect::fetch_commits wanted) {
    std::vector<recorded_commit> some;
    for (const auto& next : log)
      if (std::ranges::binary_search(wanted.sequences, next.sequence)) some.push_back(next);
    if (faults && once_in(10) && !some.empty())  // a replica that lags
      some.erase(some.begin() + static_cast<std::ptrdiff_t>(below(some.size())));
    answer(owner, result<std::vector<recorded_commit>>{std::move(some)},
           [this](entity& it, auto with, auto& out) {
             it.commits_fetched(std::move(with), at(), out);
           });
  }
  void carry_out(std::size_t owner, entity_effect::read_records) {
    std::vector<history_record> all;
    for (const auto& next : log) all.push_back({next.sequence, next});
    answer(
        owner, result<std::vector<history_record>>{std::move(all)},
        [this](entity& it, auto with, auto& out) { it.records_read(std::move(with), at(), out); });
  }
  void carry_out(std::size_t owner, entity_effect::load_snapshot) {
    later([this, owner, birth = births[owner]] {
      result<std::optional<snapshot>> loaded{saved};
      if (faults && once_in(30)) loaded = fail(errc::timed_out, "sim");
      if (faults && once_in(30)) loaded = fail(errc::corrupt_history, "sim");
      if (alive(owner, birth))
        answer(owner, std::move(loaded), [this](entity& it, auto with, auto& out) {
          it.snapshot_loaded(std::move(with), at(), out);
        });
    });
  }
  void carry_out(std::size_t owner, entity_effect::save_snapshot wanted) {
    later([this, taken = std::move(wanted.taken)] { saved = taken; });
    result<void> outcome;
    if (faults && once_in(5)) outcome = fail(errc::timed_out, "sim");
    answer(owner, std::move(outcome),
           [](entity& it, auto with, auto& out) { it.snapshot_saved(std::move(with), out); });
  }
  void carry_out(std::size_t, entity_effect::answer wanted) {
    wanted.command.answer(std::move(wanted.with));
  }
  void carry_out(std::size_t, entity_effect::act) {}
  void carry_out(std::size_t owner, entity_effect::expire_at wanted) {
    due.emplace(wanted.when, [this, owner, birth = births[owner]] {
      if (alive(owner, birth)) play(owner, [&](auto& out) { lives[owner]->expire(at(), out); });
    });
  }
  void carry_out(std::size_t owner, entity_effect::retry_later wanted) {
    due.emplace(now + wanted.delay, [this, owner, birth = births[owner]] {
      if (alive(owner, birth)) play(owner, [&](auto& out) { lives[owner]->retry(at(), out); });
    });
  }
  void carry_out(std::size_t, entity_effect::report wanted) {
    quarantines += std::string_view{wanted.event} == "quarantined" ? 1 : 0;
    outdated += std::string_view{wanted.event} == "state_outdated" ? 1 : 0;
  }
  void carry_out(std::size_t owner, entity_effect::retired) {
    due.emplace(now, [this, owner, birth = births[owner]] {
      if (alive(owner, birth) && lives[owner]->now() == entity::phase::retired)
        lives[owner].reset();
    });
  }

  bool leases = false;
  std::array<contact, owners> contacts{};
  std::size_t playing = 0;
  std::array<std::unique_ptr<entity>, owners> lives;
  std::multimap<std::chrono::steady_clock::time_point, std::function<void()>> due;
};

}  // namespace aether::testing
