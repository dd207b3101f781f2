#include <aether/actors/actor_host.hpp>
#include <aether/actors/testing.hpp>
#include <aether/persistence/memory_store.hpp>
#include <aether/persistence/scripted_store.hpp>
#include "examples/bank/transfer.hpp"
#include "support/await.hpp"
#include "support/mortal_store.hpp"
#include "support/random.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using aether::actor_host;
using aether::testing::given;
using aether::testing::mortal_store;
using aether::testing::random_between;
using aether::testing_support::await;

constexpr auto long_enough = 30s;

/// What outlives the processes of a bank.
struct bank_log {
  aether::timers clock;
  std::shared_ptr<aether::memory_event_store> events =
      std::make_shared<aether::memory_event_store>();
  std::shared_ptr<aether::memory_snapshot_store> snapshots =
      std::make_shared<aether::memory_snapshot_store>();

  [[nodiscard]] std::unique_ptr<actor_host> start(std::shared_ptr<aether::event_store> through) {
    auto made = std::make_unique<actor_host>(aether::host_options{.workers = 2}, std::move(through),
                                             snapshots, clock);
    made->host<account>();
    made->host<transfer>();
    return made;
  }
  [[nodiscard]] std::unique_ptr<actor_host> start() { return start(events); }
};

template <class Actor, class Command>
auto answer_of(actor_host& host, std::string_view id, Command command) {
  auto answer = host.actor<Actor>(id).ask(std::move(command), long_enough).get();
  REQUIRE_MESSAGE(answer.has_value(), answer.error().message());
  return answer;
}

std::int64_t cents_of(actor_host& host, std::string_view id) {
  return answer_of<account>(host, id, get_balance{})->cents;
}

/// Alice has 100, bob none, and carol's account is closed.
void open_accounts(actor_host& host) {
  (void)answer_of<account>(host, "alice", deposit{100});
  (void)answer_of<account>(host, "carol", close_account{});
}

transfer_state end_of(actor_host& host, std::string_view id) {
  return *answer_of<transfer>(host, id, await_transfer{});
}

const start_transfer to_bob{"alice", "bob", 30};
const start_transfer to_carol{"alice", "carol", 30};
const start_transfer too_much{"alice", "bob", 101};

// Of steps.
const auto first = aether::command_id::make(), second = aether::command_id::make(),
           third = aether::command_id::make(), other = aether::command_id::make();

}  // namespace

TEST_CASE("bank account: a refusal says what is missing") {
  given<account>(deposited{50}).when(withdraw{80}).then_rejected("insufficient funds");
  given<account>(deposited{50}).when(withdraw{50}).then_persisted(withdrawn{50});
  given<account>().when(deposit{0}).then_rejected("a deposit is positive");
  given<account>(deposited{50}).when(withdraw{-1}).then_rejected("a withdrawal is positive");
}

TEST_CASE("bank account: a closed one takes refunds and nothing else") {
  given<account>(account_closed{}).when(deposit{1}).then_rejected("the account is closed");
  given<account>(account_closed{}).when(refund{1}).then_persisted(deposited{1});
  given<account>(account_closed{}).when(close_account{}).then_persisted_nothing();
  given<account>(deposited{1}).when(close_account{}).then_rejected("there is money on the account");
}

TEST_CASE("bank transfer: it refuses what is none") {
  given<transfer>()
      .when(start_transfer{"alice", "bob", 0})
      .then_rejected("a transfer is of at least one cent");
  given<transfer>()
      .when(start_transfer{"alice", "alice", 1})
      .then_rejected("a transfer is between two accounts");
  given<transfer>().when(start_transfer{"alice", "", 1}).then_rejected("there is no such account");
  given<transfer>().when(await_transfer{}).then_rejected("this transfer was never started");
}

TEST_CASE("bank transfer: its id stands for one transfer") {
  const transfer_started started{"alice", "bob", 30, first};
  given<transfer>(started).when(to_bob).then_persisted_nothing();
  given<transfer>(started).when(to_carol).then_rejected("this id is another transfer's");
}

TEST_CASE("bank transfer: an answer to another step than the open one changes nothing") {
  const transfer_started started{"alice", "bob", 30, first};
  given<transfer>(started)
      .when(step_answered{other, step_outcome::done, "", 0})
      .then_persisted_nothing();
  given<transfer>(started, money_taken{second})
      .when(step_answered{first, step_outcome::refused, "late", 0})
      .then_persisted_nothing();
  given<transfer>(started, money_taken{second}, money_delivered{})
      .when(step_answered{second, step_outcome::done, "", 0})
      .then_persisted_nothing();
}

TEST_CASE("bank transfer: what is unclear moves nothing") {
  given<transfer>(transfer_started{"alice", "bob", 30, first})
      .when(step_answered{first, step_outcome::unclear, "nobody knows", 3})
      .then_persisted_nothing();
  given<transfer>(transfer_started{"alice", "bob", 30, first}, money_taken{second},
                  delivery_refused{"closed", third})
      .when(step_answered{third, step_outcome::refused, "no", 0})
      .then_persisted_nothing();
}

TEST_CASE("bank transfer: pauses double up to a bound") {
  CHECK(transfer::pause_after(0) == 100ms);
  CHECK(transfer::pause_after(3) == 800ms);
  CHECK(transfer::pause_after(9) == 30s);
  CHECK(transfer::pause_after(4'000'000'000) == 30s);
}

TEST_CASE("bank transfer: money arrives, or stays where it was") {
  bank_log log;
  const auto host = log.start();
  open_accounts(*host);
  const struct {
    const char* name;
    start_transfer order;
    transfer_phase end;
    std::string why;
    std::int64_t alice;
    std::int64_t bob;
  } rows[] = {
      {"good", to_bob, transfer_phase::done, "", 70, 30},
      {"refused", too_much, transfer_phase::refused, "insufficient funds: 31 cents are missing", 70,
       30},
      {"refunded", to_carol, transfer_phase::refunded, "the account is closed", 70, 30},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    (void)answer_of<transfer>(*host, row.name, row.order);
    const auto end = end_of(*host, row.name);
    CHECK(end.at == row.end);
    CHECK(end.why == row.why);
    CHECK(cents_of(*host, "alice") == row.alice);
    CHECK(cents_of(*host, "bob") == row.bob);
    CHECK(cents_of(*host, "carol") == 0);
  }
}

TEST_CASE("bank transfer: a step that the store refuses is tried again by itself") {
  bank_log log;
  open_accounts(*log.start());
  const auto store = std::make_shared<aether::scripted_event_store>(log.events);
  store->pass_appends();  // transfer_started
  store->fail_appends(aether::errc::store_failed, 2);
  const auto host = log.start(store);
  (void)answer_of<transfer>(*host, "t", to_bob);
  CHECK(end_of(*host, "t").at == transfer_phase::done);
  CHECK(cents_of(*host, "alice") == 70);
  CHECK(cents_of(*host, "bob") == 30);
}

namespace {

/// Runs one transfer in a process that dies after so many appends, and ends it in the next process.
/// @returns whether it died.
bool survives(const start_transfer& order, std::size_t appends, mortal_store::last_words last,
              transfer_phase expected) {
  CAPTURE(appends);
  CAPTURE(order.to);
  bank_log log;
  open_accounts(*log.start());
  const auto store = std::make_shared<mortal_store>(log.events, appends, last);
  std::atomic<bool> ended{false};
  {
    const auto host = log.start(store);
    const auto which = host->actor<transfer>("t");
    CHECK(which.tell(order).has_value());
    which.ask(await_transfer{}, long_enough, [&](const auto& got) { ended = got.has_value(); });
    CHECK(await([&] { return ended || store->dead(); }));
    (void)host->stop(0ms);
  }
  const auto host = log.start();
  // Its first event may not have come into the log: whoever ordered it does so again.
  (void)answer_of<transfer>(*host, "t", order);
  (void)answer_of<transfer>(*host, "t", resume_transfer{});
  CHECK(end_of(*host, "t").at == expected);
  const std::int64_t moved = expected == transfer_phase::done ? order.cents : 0;
  CHECK(cents_of(*host, "alice") == 100 - moved);
  CHECK(cents_of(*host, "bob") == moved);
  CHECK(cents_of(*host, "carol") == 0);
  return store->dead();
}

void survives_everywhere(const start_transfer& order, transfer_phase expected) {
  std::size_t appends = 0;
  while (survives(order, appends, mortal_store::last_words::heard, expected)) ++appends;
  CHECK(appends >= 2);
  for (std::size_t lost = 1; lost <= appends; ++lost)
    CHECK(survives(order, lost, mortal_store::last_words::lost, expected));
}

}  // namespace

TEST_CASE("bank transfer: cut off after any of its appends, it comes to the same end") {
  SUBCASE("good") { survives_everywhere(to_bob, transfer_phase::done); }
  SUBCASE("refused") { survives_everywhere(too_much, transfer_phase::refused); }
  SUBCASE("refunded") { survives_everywhere(to_carol, transfer_phase::refunded); }
}

namespace {

/// Many transfers between few accounts, in processes that die.
struct shaky_bank {
  static constexpr std::int64_t opening = 500;
  const std::vector<std::string> accounts{"a", "b", "c", "d"};
  bank_log log;
  std::mt19937_64 random = aether::testing::seeded_random();
  std::map<std::string, start_transfer> orders;

  shaky_bank() {
    const auto host = log.start();
    for (const auto& id : accounts) (void)answer_of<account>(*host, id, deposit{opening});
    (void)answer_of<account>(*host, "closed", close_account{});
  }

  [[nodiscard]] std::string any_account() {
    const auto which = random_between(random, 0, accounts.size());
    return which < accounts.size() ? accounts[which] : "closed";
  }
  void order_some() {
    for (auto count = random_between(random, 1, 8); count > 0; --count)
      orders["t" + std::to_string(orders.size())] = {
          any_account(), any_account(),
          static_cast<std::int64_t>(random_between(random, 1, 2 * opening))};
  }
  /// Sends all orders, old ones again, and has those that are open go on.
  void push(actor_host& host) {
    for (const auto& [id, order] : orders) {
      (void)host.actor<transfer>(id).tell(order);
      (void)host.actor<transfer>(id).tell(resume_transfer{});
    }
  }
  /// One process, until it dies.
  void live_and_die() {
    const auto last = random_between(random, 0, 1) == 0 ? mortal_store::last_words::heard
                                                        : mortal_store::last_words::lost;
    const auto store =
        std::make_shared<mortal_store>(log.events, random_between(random, 1, 25), last);
    const auto host = log.start(store);
    order_some();
    push(*host);
    // Should all be done before it dies, an order of its own ends it.
    CHECK(await([&] {
      if (store->dead()) return true;
      (void)host->actor<account>("outside").tell(deposit{1});
      return false;
    }));
    (void)host->stop(0ms);
  }
};

}  // namespace

TEST_CASE("bank transfer: no cent is made or lost, whenever the bank's processes die") {
  shaky_bank bank;
  for (int life = 0; life < 25; ++life) bank.live_and_die();

  const auto host = bank.log.start();
  bank.push(*host);
  std::map<std::string, std::int64_t> expected{{"closed", 0}};
  for (const auto& id : bank.accounts) expected[id] = shaky_bank::opening;
  std::map<transfer_phase, int> ends;
  for (const auto& [id, order] : bank.orders) {
    if (order.from == order.to) continue;  // refused, not started
    const auto end = end_of(*host, id);
    ++ends[end.at];
    CHECK_FALSE(is_open(end.at));
    if (end.at != transfer_phase::done) continue;
    expected[order.from] -= order.cents;
    expected[order.to] += order.cents;
  }
  std::int64_t total = 0;
  for (const auto& [id, cents] : expected) {
    CAPTURE(id);
    CHECK(cents_of(*host, id) == cents);
    total += cents;
  }
  CHECK(total == 4 * shaky_bank::opening);
  CHECK(ends[transfer_phase::done] > 0);
  CHECK(ends[transfer_phase::refused] > 0);
  CHECK(ends[transfer_phase::refunded] > 0);
}
