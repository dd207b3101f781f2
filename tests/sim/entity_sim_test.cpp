// Exactly-once effects under everything that stores, owners and senders can do wrong. Replay one
// run with AETHER_SEED=<the seed it names>: the first world is then that one.

#include "support/entity_world.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <deque>
#include <map>
#include <set>
#include <string>

using namespace aether;
using aether::testing::entity_world;
using aether::testing::sim_account;

namespace {

/// One send of a command to one owner.
struct attempt {
  std::size_t owner;
  std::uint64_t birth;
  unsigned answers = 0;
};

enum class ending { none, replied, rejected, given_up };

/// A command that one sender keeps sending, with one id, until its answer is definite.
struct order {
  command_id id;
  /// Added to the balance; 0: only a look.
  std::int64_t cents = 0;
  bool only_reads = false;
  std::vector<attempt> attempts;
  ending end = ending::none;
  std::int64_t reply = 0;
  mutable bool noted = false;
};

/// What a sender was told of the state: by a query, or by a rejection.
struct sight {
  const order* of;
  /// So many orders had been acknowledged before it was sent.
  std::size_t acknowledged;
  /// The log's end when it was answered.
  event_version end;
};

template <class Actor>
class senders {
 public:
  static constexpr std::size_t at_once = 5, each = 25, attempts_max = 60;

  explicit senders(entity_world<Actor>& world) : world_{world}, active_(at_once) {}

  void step() {
    for (auto& mine : active_) {
      if (mine.current != nullptr && mine.current->end == ending::none) {
        if (mine.retry || world_.now >= mine.patience) send(mine);
      } else if (mine.begun < each && world_.once_in(3)) {
        mine.current = &orders.emplace_back(fresh());
        ++mine.begun;
        send(mine);
      }
    }
  }
  [[nodiscard]] bool done() const {
    return std::ranges::all_of(active_, [](const sender& one) {
      return one.begun == each && one.current->end != ending::none;
    });
  }

  std::deque<order> orders;
  /// Orders acknowledged by an owner in contact, as they were.
  std::vector<command_id> acknowledged;
  std::vector<sight> sights;

 private:
  struct sender {
    order* current = nullptr;
    std::size_t begun = 0;
    bool retry = false;
    std::chrono::steady_clock::time_point patience{};
  };

  order fresh() {
    std::array<std::uint8_t, command_id::size> raw{};
    auto ms = static_cast<std::uint64_t>(
        std::chrono::floor<std::chrono::milliseconds>(world_.now.time_since_epoch()).count());
    ms += world_.below(40);  // the senders' clocks disagree
    for (std::size_t i = 0; i < 6; ++i) raw[i] = static_cast<std::uint8_t>(ms >> (8 * (5 - i)));
    for (std::size_t i = 8; i < 16; ++i) raw[i] = static_cast<std::uint8_t>(world_.below(256));
    order made;
    made.id = command_id{raw};
    const auto kind = world_.below(5);
    const auto cents = static_cast<std::int64_t>(1 + world_.below(20));
    made.only_reads = world_.once_in(2);
    made.cents = kind == 0 ? 0 : kind == 1 ? -3 * cents : cents;
    return made;
  }

  void send(sender& mine) {
    order& it = *mine.current;
    if (it.attempts.size() == attempts_max) {
      it.end = ending::given_up;
      return;
    }
    mine.retry = false;
    // An attempt ends where the next one begins: of two copies, only the newer may be decided.
    mine.patience = world_.now + std::chrono::milliseconds{20 + world_.below(80)};
    const std::size_t owner = world_.below(world_.owners);
    const std::size_t number = it.attempts.size();
    it.attempts.push_back({owner, 0});
    const std::size_t before = acknowledged.size();
    envelope wrapped{it.id,
                     {},
                     number > 0,
                     false,
                     mine.patience,
                     command_of(it),
                     [this, &mine, &it, number, owner, before](result<any_reply> answer) {
                       ++it.attempts[number].answers;
                       heard(mine, it, std::move(answer));
                       note(it, owner, before);
                     }};
    world_.deliver(owner, std::move(wrapped));
    it.attempts[number].birth = world_.births[owner];
  }

  static any_message command_of(const order& it) {
    if (it.cents == 0 && it.only_reads) return any_message::of(aether::testing::peek{});
    if (it.cents == 0) return any_message::of(bank::get_balance{});
    if (it.cents < 0) return any_message::of(bank::withdraw{-it.cents});
    return any_message::of(bank::deposit{it.cents});
  }

  /// What the answer, if it was the order's last, says of the state, or adds to it.
  void note(const order& it, std::size_t owner, std::size_t before) {
    if (it.end == ending::none || it.noted) return;
    it.noted = true;
    const auto end = world_.log.empty() ? event_version{} : world_.log.back().commit.last();
    if (it.end == ending::rejected || it.cents == 0)
      sights.push_back({&it, before, end});
    else if (world_.in_contact(owner))
      acknowledged.push_back(it.id);
  }

  static void heard(sender& mine, order& it, result<any_reply> answer) {
    if (it.end != ending::none) return;
    if (auto reply = take_reply<bank::balance>(std::move(answer))) {
      it.end = ending::replied;
      it.reply = reply->cents;
    } else if (reply.error().code() == errc::rejected) {
      it.end = ending::rejected;
    } else {
      mine.retry = true;
    }
  }

  entity_world<Actor>& world_;
  std::vector<sender> active_;
};

/// What the log says became of each command, and every balance there ever was.
struct history {
  std::map<command_id, std::int64_t> balance_after;
  std::map<command_id, std::size_t> version_of;
  /// By version.
  std::vector<std::int64_t> balance_at{0};
  std::set<std::int64_t> balances{0};
  std::int64_t balance = 0;
};

std::int64_t effect_of(const event_record& event) {
  if (event.type == bank::deposited::aether_wire_name)
    return decode<bank::deposited>(event.data)->cents;
  return -decode<bank::withdrawn>(event.data)->cents;
}

history read_history(const std::vector<recorded_commit>& log) {
  history made;
  std::uint64_t version = 0;
  for (const auto& one : log) {
    const commit& stored = one.commit;
    CHECK_MESSAGE(stored.first.value() == version + 1, "versions are gapless");
    version = stored.last().value();
    REQUIRE(stored.commands.size() == stored.events.size());
    for (std::size_t i = 0; i < stored.events.size(); ++i) {
      made.balance += effect_of(stored.events[i]);
      made.balances.insert(made.balance);
      made.version_of.emplace(stored.commands[i].id, made.balance_at.size());
      made.balance_at.push_back(made.balance);
      CHECK_MESSAGE(made.balance_after.emplace(stored.commands[i].id, made.balance).second,
                    "a command has its effect at most once");
    }
  }
  return made;
}

void check_order(const order& it, const history& truth) {
  const auto found = truth.balance_after.find(it.id);
  const bool stored = found != truth.balance_after.end();
  if (it.end == ending::replied && it.cents != 0) {
    REQUIRE_MESSAGE(stored, "an acknowledged command has its effect");
    CHECK_MESSAGE(found->second == it.reply, "its reply is the state right after it");
  }
  if (it.end == ending::replied && it.cents == 0)
    CHECK_MESSAGE(truth.balances.contains(it.reply), "a look sees a state that there was");
  if (it.end == ending::rejected && it.attempts.size() == 1)
    CHECK_MESSAGE(!stored, "a rejected command has no effect");
}

/// A query's answer, and a rejection, are of a state that there was between its sending and its
/// answer: nothing is missed that had been acknowledged before. What an owner out of contact
/// acknowledges is not counted: nobody can tell one in contact of it.
void check_sight(const sight& it, const std::vector<command_id>& acknowledged,
                 const history& truth) {
  std::size_t from = 0;
  for (std::size_t i = 0; i < it.acknowledged; ++i)
    from = std::max(from, truth.version_of.at(acknowledged[i]));
  bool there_was = false;
  for (std::size_t version = from; version <= it.end.value(); ++version) {
    const auto balance = truth.balance_at[version];
    there_was =
        there_was || (it.of->cents == 0 ? balance == it.of->reply : balance < -it.of->cents);
  }
  CHECK_MESSAGE(there_was,
                "an answer misses nothing that was acknowledged before it was asked for");
}

struct totals {
  std::uint64_t sights = 0, looks = 0, outdated = 0;
  std::uint64_t steps = 0, commits = 0, conflicts = 0, crashes = 0, replied = 0, given_up = 0;
};

template <class Actor>
void run_world(std::uint64_t seed, bool leases, totals& sum) {
  CAPTURE(seed);
  entity_world<Actor> world{seed};
  if (leases) world.use_leases();
  senders<Actor> clients{world};
  std::uint64_t steps = 0;
  while (!clients.done() || world.held() > 0) {
    if (steps == 4'000) world.faults = false;
    REQUIRE_MESSAGE(++steps < 40'000, "every command comes to an end");
    clients.step();
    world.step();
  }
  const history truth = read_history(world.log);
  for (const auto& it : clients.orders) {
    check_order(it, truth);
    for (const auto& sent : it.attempts) {
      CHECK_MESSAGE(sent.answers <= 1, "no command is answered twice");
      if (world.alive(sent.owner, sent.birth))
        CHECK_MESSAGE(sent.answers == 1, "an owner that lives has answered every command");
    }
    sum.replied += it.end == ending::replied ? 1 : 0;
    sum.given_up += it.end == ending::given_up ? 1 : 0;
  }
  if (leases)
    for (const auto& it : clients.sights) check_sight(it, clients.acknowledged, truth);
  sum.sights += clients.sights.size();
  sum.looks += world.looks;
  sum.outdated += world.outdated;
  CHECK_MESSAGE(world.quarantines == 0, "no race looks like damage");
  for (std::size_t owner = 0; owner < world.owners; ++owner) sum.crashes += world.births[owner];

  std::optional<std::int64_t> fresh;  // a new owner, from the last snapshot and the log
  world.faults = false;
  entity_world<Actor> after{seed};
  after.faults = false;
  after.log = world.log;
  after.saved = world.saved;
  after.deliver(0, {command_id::make(),
                    {},
                    false,
                    false,
                    std::chrono::steady_clock::time_point::max(),
                    any_message::of(bank::get_balance{}),
                    [&](result<any_reply> answer) {
                      fresh = take_reply<bank::balance>(std::move(answer)).value().cents;
                    }});
  while (!fresh) after.step();
  CHECK_MESSAGE(*fresh == truth.balance, "a replay gives the sum of all effects");
  sum.steps += steps;
  sum.commits += world.log.size();
  sum.conflicts += world.conflicts;
}

std::uint64_t first_seed() {
  const char* given = std::getenv("AETHER_SEED");
  return given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
}

template <class Actor>
totals run_worlds(unsigned worlds, bool leases = false) {
  totals sum;
  for (unsigned i = 0; i < worlds; ++i) run_world<Actor>(first_seed() + i, leases, sum);
  MESSAGE("worlds=" << worlds << " steps=" << sum.steps << " commits=" << sum.commits
                    << " conflicts=" << sum.conflicts << " owners=" << sum.crashes
                    << " replied=" << sum.replied << " given_up=" << sum.given_up);
  CHECK(sum.conflicts > 0);
  CHECK(sum.replied > 0);
  return sum;
}

}  // namespace

TEST_CASE("every acknowledged command has its effect exactly once, whoever else owns the actor") {
  (void)run_worlds<sim_account<1024, 10>>(40);
}

TEST_CASE("no command has its effect twice, even with a window too small for its senders") {
  (void)run_worlds<sim_account<4, 7>>(20);
}

TEST_CASE("no answer misses what was acknowledged before it was asked for, in contact or not") {
  const totals sum = run_worlds<sim_account<1024, 10>>(60, true);
  MESSAGE("sights=" << sum.sights << " looks=" << sum.looks << " outdated=" << sum.outdated);
  CHECK(sum.looks > 0);
  CHECK(sum.outdated > 0);
}
