// Durable sends of a node in memory: the same machine, queue and promises, without the server.

#include <aether/cluster/node.hpp>
#include "support/await.hpp"
#include "support/bank.hpp"
#include "support/journal.hpp"
#include "support/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace aether;
using namespace std::chrono_literals;
using testing_support::await;
using testing_support::await_limit;

/// Throws as long as it is told to.
struct poke {
  std::int64_t number = 0;
  AETHER_MESSAGE("moody.poke", number)
};
struct poked {
  std::int64_t number = 0;
  AETHER_MESSAGE("moody.poked", number)
};
struct pokes {
  std::vector<std::int64_t> seen;
  AETHER_MESSAGE("moody.pokes", seen)
};
struct get_pokes {
  using reply = pokes;
  AETHER_MESSAGE("moody.get_pokes")
};
std::atomic<std::int64_t> disliked{-1};

class moody : public event_sourced_actor<moody> {
 public:
  static constexpr std::string_view type_name = "moody";
  static constexpr std::size_t command_window = 2;
  using state = pokes;
  using commands = messages<poke, get_pokes>;
  using events = messages<poked>;
  static effect<void> on(const poke& command, const state&) {
    if (command.number == disliked) throw std::runtime_error{"not this one"};
    return persist(poked{command.number});
  }
  static effect<pokes> on(const get_pokes&, const state& now) { return reply(now); }
  static void apply(state& now, const poked& event) { now.seen.push_back(event.number); }
};

std::int64_t cents(node& in, const std::string& id) {
  const auto got = in.actor<bank::account>(id).ask(bank::get_balance{}, await_limit).get();
  return got ? got->cents : -1;
}

/// Outcomes of one name, as they come.
struct listener {
  std::mutex mutex;
  std::vector<durable_outcome> heard;
  outcome_subscription held;
  listener(node& at, const std::string& name) {
    held = at.outcomes(name, [this](durable_outcome one) {
               const std::lock_guard lock{mutex};
               heard.push_back(std::move(one));
             }).value();
  }
  std::size_t count() {
    const std::lock_guard lock{mutex};
    return heard.size();
  }
};

}  // namespace

TEST_CASE("durable: a command that is stored has its effect, once per id") {
  node one{options{}};
  one.host<bank::account>();
  const auto early = one.actor<bank::account>("alice").send_durable(bank::deposit{1});
  CHECK(auto{early}.get().error().code() == errc::not_running);
  REQUIRE(one.join());
  const auto alice = one.actor<bank::account>("alice");
  const auto id = command_id::make();
  for (int i = 0; i < 3; ++i) {
    const auto stored = alice.with_id(id, i > 0).send_durable(bank::deposit{5}).get();
    REQUIRE(stored);
    CHECK(stored->id == id);
  }
  REQUIRE(alice.send_durable(bank::deposit{7}).get());
  REQUIRE(await([&] { return cents(one, "alice") == 12; }));
  CHECK(one.leave());
}

TEST_CASE("durable: the same id by tell, ask and durable send, again and again, has one effect") {
  auto dice = aether::testing::seeded_random();
  node one{options{}};
  one.host<bank::account>();
  REQUIRE(one.join());
  std::map<std::string, std::int64_t> sums;
  for (int i = 0; i < 200; ++i) {
    const auto name = "a" + std::to_string(aether::testing::random_between(dice, 0, 4));
    const auto id = command_id::make();
    const auto amount = static_cast<std::int64_t>(aether::testing::random_between(dice, 1, 99));
    sums[name] += amount;
    const auto copies = aether::testing::random_between(dice, 1, 4);
    for (std::uint64_t copy = 0; copy < copies; ++copy) {
      const auto ref = one.actor<bank::account>(name).with_id(id, copy > 0);
      switch (aether::testing::random_between(dice, 0, 2)) {
        case 0:
          REQUIRE(ref.tell(bank::deposit{amount}));
          break;
        case 1:
          REQUIRE(ref.ask(bank::deposit{amount}, await_limit).get());
          break;
        default:
          REQUIRE(ref.send_durable(bank::deposit{amount}).get());
      }
    }
  }
  for (const auto& [name, sum] : sums) {
    CAPTURE(name);
    CHECK(await([&] { return cents(one, name) == sum; }));
  }
}

TEST_CASE("durable: an outcome's handler may throw, and is called no more once it was ended") {
  node one{options{}};
  one.host<journal::book>();
  REQUIRE(one.join());
  const auto book = one.actor<journal::book>("a");
  std::atomic<int> heard{0};
  const auto send = [&](std::int64_t number) {
    REQUIRE(book.send_durable(journal::note{"s", number}, {.outcome = "notes"}).get());
  };
  {
    const auto held = one.outcomes("notes", [&](const durable_outcome&) {
      ++heard;
      throw std::runtime_error{"no"};
    });
    REQUIRE(held);
    send(1);
    send(2);
    CHECK(await([&] { return heard == 2; }));
  }
  std::atomic<int> others{0};
  const auto after = one.outcomes("notes", [&](const durable_outcome&) { ++others; });
  REQUIRE(after);
  send(3);
  CHECK(await([&] { return others == 1; }));
  CHECK(heard == 2);
}

TEST_CASE("durable: many threads send at once in memory, and each one's order holds") {
  constexpr std::int64_t each = 300;
  constexpr int senders = 4;
  node one{options{}};
  one.host<journal::book>();
  REQUIRE(one.join());
  std::atomic<int> at_once{0}, most{0}, heard{0};
  const auto held = one.outcomes("notes", [&](const durable_outcome&) {
    most = std::max<int>(most, ++at_once);
    ++heard;
    --at_once;
  });
  REQUIRE(held);
  {
    std::vector<std::jthread> threads;
    for (int k = 0; k < senders; ++k)
      threads.emplace_back([&one, name = "s" + std::to_string(k)] {
        for (std::int64_t i = 1; i <= each; ++i)
          (void)one.actor<journal::book>("a")
              .send_durable(journal::note{name, i}, {.outcome = "notes"})
              .get();
      });
  }
  CHECK(await([&] { return heard == senders * each; }));
  const auto end = one.actor<journal::book>("a").ask(journal::read{}, await_limit).get();
  REQUIRE(end);
  CHECK(end->count == senders * each);
  CHECK(end->astray == 0);
  CHECK(most == 1);
}

TEST_CASE("durable: an outcome reaches who asked for it; else a rejection is a dead letter") {
  node one{options{}};
  one.host<bank::account>();
  REQUIRE(one.join());
  CHECK(one.outcomes("no.dots", [](auto) {}).error().code() == errc::invalid_argument);
  listener heard{one, "mine"};
  const auto alice = one.actor<bank::account>("alice");
  REQUIRE(alice.send_durable(bank::deposit{5}, {.outcome = "mine"}).get());
  const auto refused = alice.send_durable(bank::withdraw{50}, {.outcome = "mine"}).get();
  REQUIRE(refused);
  REQUIRE(await([&] { return heard.count() == 2; }));
  CHECK(heard.heard[0].take<bank::balance>()->cents == 5);
  CHECK(heard.heard[1].id == refused->id);
  CHECK(heard.heard[1].to.id.str() == "alice");
  CHECK(heard.heard[1].take<bank::balance>().error().code() == errc::rejected);
  CHECK(!heard.heard[1].parked);
  CHECK(one.dead_letters().count() == 0);
  REQUIRE(alice.send_durable(bank::withdraw{50}).get());
  CHECK(await([&] { return one.dead_letters().count() == 1; }));
}

TEST_CASE(
    "durable: one that fails again and again is parked, those behind it go on, and it can be sent "
    "again") {
  node one{options{}};
  one.host<moody>();
  REQUIRE(one.join());
  listener heard{one, "moody"};
  const auto it = one.actor<moody>("it");
  disliked = 2;
  std::vector<command_id> ids;
  for (int i = 1; i <= 3; ++i)
    ids.push_back(it.send_durable(poke{i}, {.outcome = "moody"}).get()->id);
  const auto seen = [&] { return it.ask(get_pokes{}, await_limit).get()->seen; };
  REQUIRE(await([&] { return seen() == std::vector<std::int64_t>{1, 3}; }));
  const auto parked = one.parked_sends(10).value();
  REQUIRE(parked.size() == 1);
  CHECK(parked[0].id == ids[1]);
  CHECK(parked[0].code == errc::handler_failed);
  CHECK(parked[0].deliveries == 5);
  CHECK(parked[0].command == "moody.poke");
  REQUIRE(await([&] { return heard.count() == 3; }));
  CHECK(heard.heard[1].parked);
  disliked = -1;
  REQUIRE(one.resend_parked(parked[0]));
  CHECK(one.resend_parked(parked[0]).error().code() == errc::invalid_argument);
  CHECK(await([&] { return seen() == std::vector<std::int64_t>{1, 3, 2}; }));
  CHECK(one.parked_sends(10)->empty());
}

TEST_CASE(
    "durable: an actor that forgot younger ids, and has left memory, still takes a reminder") {
  options how;
  how.passivate_after = 20ms;
  node one{how};
  one.host<moody>();
  REQUIRE(one.join());
  disliked = -1;
  listener heard{one, "forgetful"};
  const auto it = one.actor<moody>("forgetful");
  const auto id = command_id::make();  // older than those that the actor forgets
  for (int i = 1; i <= 10; ++i) REQUIRE(it.ask(poke{i}, await_limit).get());
  REQUIRE(await([&] { return one.status().actors.resident == 0; }));
  const auto later =
      it.with_id(id, false).send_durable(poke{100}, {.outcome = "forgetful", .after = 1ms}).get();
  REQUIRE(later);
  CHECK(later->id == id);
  REQUIRE(await([&] { return heard.count() == 1; }));
  CHECK(heard.heard[0].answer.has_value());
  CHECK(heard.heard[0].id == later->id);
  CHECK(it.ask(get_pokes{}, await_limit).get()->seen.back() == 100);
}

TEST_CASE(
    "durable: a reminder comes when it is due, a series again and again until it is cancelled") {
  node one{options{}};
  one.host<bank::account>();
  REQUIRE(one.join());
  const auto alice = one.actor<bank::account>("alice");
  const auto wrong = [&](const durable_options& how) {
    return alice.send_durable(bank::deposit{1}, how).get().error().code() == errc::invalid_argument;
  };
  CHECK(wrong({.every = 1ms}));
  CHECK(wrong({.outcome = "a.b"}));
  CHECK(wrong({.after = 1ms, .at = std::chrono::sys_time<std::chrono::milliseconds>{}}));
  const auto never = alice.send_durable(bank::deposit{1'000}, {.after = 1h}).get();
  REQUIRE(never);
  REQUIRE(alice.send_durable(bank::deposit{5}, {.after = 30ms}).get());
  REQUIRE(await([&] { return cents(one, "alice") == 5; }));
  const auto to = actor_address{*actor_type::parse("account"), *actor_id::parse("alice")};
  CHECK(one.cancel_reminder(to, never->id).value());
  CHECK(!one.cancel_reminder(to, never->id).value());
  const auto series = alice.send_durable(bank::deposit{10}, {.every = 100ms}).get();
  REQUIRE(await([&] { return cents(one, "alice") >= 35; }));
  CHECK(one.cancel_reminder(to, series->id).value());
}
