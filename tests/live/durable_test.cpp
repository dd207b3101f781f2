// Durable sends over a real server: nodes and the server come and go.

#include <aether/aether.hpp>
#include "support/await.hpp"
#include "support/bank.hpp"
#include "support/journal.hpp"
#include "support/nats_server.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

namespace aether {

namespace {

using namespace std::chrono_literals;
using testing_support::await;
using testing_support::await_limit;
using testing_support::nats_server;

options options_of(const nats_server& server, const std::string& name) {
  options made;
  made.nats = server.url();
  made.node = name;
  made.shards = 16;
  made.streams = 2;
  return made;
}

template <class... Actors>
std::unique_ptr<node> started(const nats_server& server, const std::string& name) {
  auto made = std::make_unique<node>(options_of(server, name));
  (made->host<Actors>(), ...);
  if (auto joined = made->join(); !joined) throw std::runtime_error{joined.error().message()};
  return made;
}

journal::entries entries_of(node& in, const std::string& book) {
  const auto got = in.actor<journal::book>(book).ask(journal::read{}, await_limit).get();
  return got.value_or(journal::entries{});
}

/// Sends note after note until each is stored, in order.
void note(node& by, const std::string& book, const std::string& sender, std::int64_t number) {
  const auto to = by.actor<journal::book>(book);
  const auto id = command_id::make();
  bool again = false;
  REQUIRE(await([&] {
    return to.with_id(id, std::exchange(again, true))
        .send_durable(journal::note{sender, number})
        .get()
        .has_value();
  }));
}

bool all_there(node& in, const std::string& book, const std::string& sender, std::int64_t number) {
  const auto now = entries_of(in, book);
  const auto found = now.last.find(sender);
  CHECK(now.astray == 0);
  return found != now.last.end() && found->second == number;
}

std::int64_t cents(node& in, const std::string& id) {
  const auto got = in.actor<bank::account>(id).ask(bank::get_balance{}, await_limit).get();
  return got ? got->cents : -1;
}

std::atomic<bool> throws{false};
struct fragile_state {
  std::int64_t sum = 0;
  AETHER_MESSAGE("fragile.state", sum)
};
struct add {
  std::int64_t number = 0;
  using reply = fragile_state;
  AETHER_MESSAGE("fragile.add", number)
};
struct added {
  std::int64_t number = 0;
  AETHER_MESSAGE("fragile.added", number)
};
class fragile : public event_sourced_actor<fragile> {
 public:
  static constexpr std::string_view type_name = "fragile";
  using state = fragile_state;
  using commands = messages<add>;
  using events = messages<added>;
  static effect<fragile_state> on(const add& command, const state& now) {
    if (command.number == 0) return reply(now);
    if (throws && command.number < 10) throw std::runtime_error{"fragile"};
    return persist(added{command.number}).reply([](const state& then) { return then; });
  }
  static void apply(state& now, const added& event) { now.sum += event.number; }
};

}  // namespace

TEST_CASE("durable live: what was stored while no node could handle it is handled once, in order") {
  const nats_server server;
  const auto client = started<>(server, "client");
  for (std::int64_t i = 1; i <= 50; ++i)
    for (const auto* book : {"a", "b", "c"}) note(*client, book, "s", i);
  // Without waiting for receipts: in the order of the calls.
  const auto d = client->actor<journal::book>("d");
  std::vector<command_id> ids(500);
  std::vector<std::promise<bool>> stored(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ids[i] = command_id::make();
    d.with_id(ids[i], false)
        .send_durable(journal::note{"s", static_cast<std::int64_t>(i) + 1}, {},
                      [&stored, i](const result<durable_receipt>& got) {
                        stored[i].set_value(got.has_value());
                      });
  }
  // Whether it is stored may not have been heard in time: what was, is not stored twice.
  for (std::size_t i = 0; i < ids.size(); ++i) {
    bool there = stored[i].get_future().get();
    REQUIRE(await([&] {
      const journal::note same{"s", static_cast<std::int64_t>(i) + 1};
      there = there || d.with_id(ids[i]).send_durable(same).get().has_value();
      return there;
    }));
  }
  const auto one = started<journal::book>(server, "n1");
  CHECK(await([&] { return all_there(*client, "d", "s", 500); }));
  CHECK(entries_of(*client, "d").count == 500);
  for (const auto* book : {"a", "b", "c"})
    CHECK(await([&] { return all_there(*client, book, "s", 50); }));
}

TEST_CASE("durable live: nodes come and go, and each command has its effect once, in order") {
  const nats_server server;
  const auto client = started<>(server, "client");
  auto one = started<journal::book>(server, "n1");
  std::int64_t number = 0;
  const auto some = [&] {
    for (int i = 0; i < 60; ++i) {
      ++number;
      for (const auto* book : {"a", "b", "c", "d"}) note(*client, book, "s", number);
    }
  };
  some();
  auto two = started<journal::book>(server, "n2");
  some();
  CHECK(one->leave());
  one.reset();
  some();
  one = started<journal::book>(server, "n1");
  two.reset();
  some();
  for (const auto* book : {"a", "b", "c", "d"}) {
    CHECK(await([&] { return all_there(*client, book, "s", number); }));
    CHECK(entries_of(*client, book).count == number);
  }
}

TEST_CASE("durable live: the server is killed in the middle, and nothing is lost or done twice") {
  nats_server server;
  const auto one = started<journal::book>(server, "n1");
  std::int64_t number = 0;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 200; ++i) note(*one, "a", "s", ++number);
    server.kill();
    server.restart();
    note(*one, "a", "s", ++number);
  }
  CHECK(await([&] { return all_there(*one, "a", "s", number); }, 2 * await_limit));
  CHECK(entries_of(*one, "a").count == number);
}

TEST_CASE("durable live: a command that could never be parked is refused, and not stored") {
  const nats_server server;
  const auto one = started<journal::book>(server, "n1");
  const auto book = one->actor<journal::book>("a");
  constexpr std::size_t server_takes = 1 << 20, headers = 1'024, kept = 1'024;
  const auto send = [&](std::size_t size) {
    return book.send_durable(journal::note{std::string(size, 's'), 1}).get();
  };
  CHECK(send(server_takes - kept).error().code() == errc::invalid_argument);
  CHECK(send(server_takes - kept - headers).has_value());
  // Its event, with the reply beside it, is too large for the log: it is put aside, whole.
  CHECK(await([&] { return one->parked_sends(10).value().size() == 1; }));
  CHECK(entries_of(*one, "a").count == 0);
}

TEST_CASE("durable live: the queue's owner need not host the actor") {
  const nats_server server;
  const auto accounts = started<bank::account>(server, "n1");
  const auto books = started<journal::book>(server, "n2");
  for (std::int64_t i = 1; i <= 10; ++i)
    for (const auto* name : {"a", "b", "c", "d"}) {
      note(*accounts, name, "s", i);
      REQUIRE(books->actor<bank::account>(name).send_durable(bank::deposit{1}).get());
    }
  for (const auto* name : {"a", "b", "c", "d"}) {
    CHECK(await([&] { return all_there(*accounts, name, "s", 10); }));
    CHECK(await([&] { return cents(*books, name) == 10; }));
  }
}

TEST_CASE(
    "durable live: a rejection reaches who listens, on another node; else it is a dead letter") {
  const nats_server server;
  const auto client = started<>(server, "client");
  const auto one = started<bank::account>(server, "n1");
  std::mutex mutex;
  std::vector<durable_outcome> heard;
  const auto held = client->outcomes("mine", [&](durable_outcome outcome) {
    const std::lock_guard lock{mutex};
    heard.push_back(std::move(outcome));
  });
  REQUIRE(held);
  // Its subscription is at the server before the command is.
  REQUIRE(client->actor<bank::account>("alice").ask(bank::get_balance{}, await_limit).get());
  const auto alice = client->actor<bank::account>("alice");
  REQUIRE(alice.send_durable(bank::deposit{5}, {.outcome = "mine"}).get());
  const auto refused = alice.send_durable(bank::withdraw{50}, {.outcome = "mine"}).get();
  REQUIRE(refused);
  REQUIRE(await([&] {
    const std::lock_guard lock{mutex};
    return heard.size() >= 2;
  }));
  CHECK(heard[0].take<bank::balance>()->cents == 5);
  CHECK(heard[1].id == refused->id);
  CHECK(heard[1].take<bank::balance>().error().text() == "insufficient funds");
  REQUIRE(alice.send_durable(bank::withdraw{50}).get());
  CHECK(await([&] { return one->dead_letters().count() == 1; }));
}

TEST_CASE("durable live: one that cannot be handled is parked, and sent again when told") {
  const nats_server server;
  const auto client = started<>(server, "client");
  const auto one = started<fragile>(server, "n1");
  CHECK(client->parked_sends(10)->empty());
  throws = true;
  const auto it = client->actor<fragile>("it");
  const auto sent = it.send_durable(add{1}).get();
  REQUIRE(sent);
  REQUIRE(it.send_durable(add{10}).get());
  const auto sum = [&] {
    const auto got = it.ask(add{0}, await_limit).get();
    return got ? got->sum : -1;
  };
  REQUIRE(await([&] { return sum() == 10; }));
  std::vector<parked_send> parked;
  REQUIRE(await([&] {
    parked = client->parked_sends(10).value_or(std::vector<parked_send>{});
    return parked.size() == 1;
  }));
  CHECK(parked[0].id == sent->id);
  CHECK(parked[0].deliveries >= 5);  // those that could not reach it count as well
  CHECK(parked[0].code == errc::handler_failed);
  throws = false;
  REQUIRE(client->resend_parked(parked[0]));
  CHECK(await([&] { return sum() == 11; }));
  CHECK(client->parked_sends(10)->empty());
  CHECK(client->resend_parked(parked[0]).error().code() == errc::invalid_argument);
}

TEST_CASE("durable live: a reminder that came due while nothing ran fires once, a series too") {
  nats_server server;
  actor_address alice{*actor_type::parse("account"), *actor_id::parse("alice")};
  command_id series;
  {
    const auto client = started<>(server, "client");
    const auto to = client->actor<bank::account>("alice");
    REQUIRE(to.send_durable(bank::deposit{1}, {.after = 300ms}).get());
    REQUIRE(to.send_durable(bank::deposit{10}, {.after = 1ms}).get());
    const auto often = to.send_durable(bank::deposit{1'000}, {.after = 50ms, .every = 1h}).get();
    REQUIRE(often);
    series = often->id;
    const auto never = to.send_durable(bank::deposit{100'000}, {.after = 1h}).get();
    REQUIRE(never);
    CHECK(client->cancel_reminder(alice, never->id).value());
    CHECK(!client->cancel_reminder(alice, never->id).value());
  }
  server.kill();
  server.restart();
  const auto one = started<bank::account>(server, "n1");
  CHECK(await([&] { return cents(*one, "alice") == 1'011; }));
  const auto frequent = one->actor<bank::account>("bob");
  const auto ticking = frequent.send_durable(bank::deposit{1}, {.every = 100ms}).get();
  REQUIRE(ticking);
  CHECK(await([&] { return cents(*one, "bob") >= 3; }));
  const actor_address bob{*actor_type::parse("account"), *actor_id::parse("bob")};
  CHECK(one->cancel_reminder(bob, ticking->id).value());
  CHECK(one->cancel_reminder(alice, series).value());
  CHECK(cents(*one, "alice") == 1'011);
}

}  // namespace aether
