// Slots that are let go of with care: what waits is finished, what cannot be goes after its actor.

#include "support/bank_node.hpp"
#include "support/juggler.hpp"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

using namespace aether;
using namespace std::chrono_literals;
using aether::testing::account_of;
using aether::testing::actor_of;
using aether::testing::balance_of;
using aether::testing::bank_node;
using aether::testing::long_enough;
using aether::testing_support::await;
using bank::balance;
using bank::deposit;
using juggle::juggler;

namespace {

const actor_type account_type = *actor_type::parse(bank::account::type_name);
const actor_type juggler_type = *actor_type::parse(juggler::type_name);
const actor_address alice{account_type, *actor_id::parse("alice")};
const slot accounts{account_type, shard_id{0}};
const slot jugglers{juggler_type, shard_id{0}};

/// Keeps what is sent on; says so, or refuses it.
struct elsewhere final : command_router {
  result<void> tell(const actor_address& to, envelope command) override {
    const std::lock_guard lock{mutex};
    if (closed) return fail(errc::unavailable, "nobody there");
    addresses.push_back(to);
    came.push_back(std::move(command));
    return {};
  }
  void ask(const actor_address&, envelope command) override {
    command.answer(fail(errc::unavailable, "not in this test"));
  }
  [[nodiscard]] std::size_t count() {
    const std::lock_guard lock{mutex};
    return came.size();
  }

  bool closed = false;
  std::mutex mutex;
  std::vector<actor_address> addresses;
  std::vector<envelope> came;
};

/// One host with one shard, and somewhere else for what it does not serve.
struct one_shard : bank_node {
  elsewhere other;
  std::unique_ptr<actor_host> host;

  explicit one_shard(host_options options = {}) {
    options.shards = 1;
    host = start(std::move(options));
    host->host<juggler>();
    host->send_through(other);
  }

  std::future<bool> drain(std::vector<slot> which, std::chrono::milliseconds within = long_enough) {
    auto promise = std::make_shared<std::promise<bool>>();
    host->drain(which, std::chrono::steady_clock::now() + within,
                [promise](bool clean) { promise->set_value(clean); });
    return promise->get_future();
  }
};

}  // namespace

TEST_CASE("drain: all that waits is finished, in order, and new commands are refused meanwhile") {
  one_shard it;
  const auto ref = account_of(*it.host, "alice");
  it.events->hold_appends();
  std::vector<reply_future<balance>> asked;
  asked.push_back(ref.ask(deposit{1}, long_enough));
  REQUIRE(await([&] { return it.events->held() == 1; }));
  for (int i = 0; i < 3; ++i) {
    asked.push_back(ref.ask(deposit{1}, long_enough));
    REQUIRE(ref.tell(deposit{10}).has_value());
  }
  auto drained = it.drain({accounts});
  CHECK(!it.host->accepts(account_type, shard_id{0}));
  CHECK(ref.tell(deposit{1}).error().code() == errc::not_owner);
  CHECK(ref.ask(deposit{1}, long_enough).get().error().code() == errc::not_owner);
  CHECK(drained.wait_for(0s) == std::future_status::timeout);
  it.events->release();
  CHECK(drained.get());
  for (std::size_t i = 0; i < asked.size(); ++i)
    CHECK(asked[i].get()->cents == static_cast<std::int64_t>(i == 0 ? 1 : i + 1 + 10 * (i - 1)));
  CHECK(it.host->stats().resident == 0);
  CHECK(it.host->stats().dead_letters == 0);
  std::optional<snapshot> saved;
  it.snapshots->load(alice, any_version, [&](auto loaded) { saved = *loaded; });
  REQUIRE(saved.has_value());
  CHECK(saved->position.version == event_version{7});
  it.host->accept(account_type, shard_id{0});
  CHECK(balance_of(*it.host, "alice") == 34);
}

TEST_CASE("drain: no other slot is touched") {
  one_shard it;
  REQUIRE(actor_of<juggler>(*it.host, "j").ask(juggle::throw_up{1}, long_enough).get());
  REQUIRE(balance_of(*it.host, "alice") == 0);
  CHECK(it.drain({accounts}).get());
  CHECK(it.host->stats().resident == 1);
  CHECK(actor_of<juggler>(*it.host, "j").ask(juggle::look{}, long_enough).get()->up == 1);
}

TEST_CASE("drain: where there is nobody, it is done at once") {
  one_shard it;
  SUBCASE("no slots") { CHECK(it.drain({}).get()); }
  SUBCASE("a type that is not hosted") {
    CHECK(it.drain({{*actor_type::parse("stranger"), shard_id{0}}}).get());
  }
  SUBCASE("no actors") { CHECK(it.drain({accounts, jugglers, accounts}).get()); }
  SUBCASE("drained already") {
    REQUIRE(balance_of(*it.host, "alice") == 0);
    CHECK(it.drain({accounts}).get());
    CHECK(it.drain({accounts}).get());
  }
}

TEST_CASE("drain: at the deadline, asks are refused and tells go where the actor lives then") {
  one_shard it;
  const auto ref = account_of(*it.host, "alice");
  it.events->hold_appends();
  auto being_stored = ref.ask(deposit{1}, long_enough);
  REQUIRE(await([&] { return it.events->held() == 1; }));
  auto waiting = ref.ask(deposit{2}, long_enough);
  for (const int cents : {3, 4, 5}) REQUIRE(ref.tell(deposit{cents}).has_value());
  CHECK(!it.drain({accounts}, 5ms).get());
  CHECK(waiting.get().error().code() == errc::not_owner);
  it.events->release();
  CHECK(being_stored.get()->cents == 1);
  REQUIRE(await([&] { return it.host->stats().resident == 0; }));
  REQUIRE(await([&] { return it.other.count() == 3; }));
  for (int i = 0; i < 3; ++i) {
    CHECK(it.other.addresses[i] == alice);
    CHECK(it.other.came[i].command.get_if<deposit>()->cents == i + 3);
    // Its next owner may have had a copy, and have forgotten it.
    CHECK(it.other.came[i].repeated);
  }
  const auto end = it.host->stats();
  CHECK(end.handed_on == 3);
  CHECK(end.waiting == 0);
  CHECK(end.dead_letters == 0);
}

TEST_CASE("drain: what goes nowhere is a dead letter") {
  one_shard it;
  it.other.closed = true;
  it.events->hold_appends();
  REQUIRE(account_of(*it.host, "alice").tell(deposit{1}).has_value());
  REQUIRE(await([&] { return it.events->held() == 1; }));
  REQUIRE(account_of(*it.host, "alice").tell(deposit{2}).has_value());
  CHECK(!it.drain({accounts}, 0ms).get());
  it.events->release();
  CHECK(await([&] { return it.host->dead_letters().count() == 1; }));
}

TEST_CASE("drain: what an actor has put off is finished where it lives next") {
  juggle::stage stage;
  one_shard it;
  const auto ref = actor_of<juggler>(*it.host, "j");
  auto asked = ref.ask(juggle::wait_for{3}, long_enough);
  REQUIRE(ref.tell(juggle::wait_for{4}).has_value());
  CHECK(it.drain({jugglers}).get());
  CHECK(asked.get().error().code() == errc::not_owner);
  REQUIRE(it.other.count() == 1);
  CHECK(it.other.came[0].command.get_if<juggle::wait_for>()->count == 4);
}

TEST_CASE("drain: an actor that stops itself meanwhile comes back to finish the rest") {
  juggle::stage stage;
  one_shard it;
  const auto ref = actor_of<juggler>(*it.host, "j");
  it.events->hold_appends();
  std::vector<reply_future<juggle::balls>> asked;
  for (int i = 0; i < 5; ++i) asked.push_back(ref.ask(juggle::bow{1}, long_enough));
  REQUIRE(await([&] { return it.events->held() == 1; }));
  auto drained = it.drain({jugglers});
  it.events->release();
  CHECK(drained.get());
  for (int i = 0; i < 5; ++i) CHECK(asked[i].get()->up == i + 1);
  CHECK(it.host->stats().activations == 5);
  CHECK(it.host->stats().resident == 0);
}

TEST_CASE("drain: it ends, and says that it was none, when its slot is wanted otherwise") {
  one_shard it;
  it.events->hold_appends();
  auto asked = account_of(*it.host, "alice").ask(deposit{1}, long_enough);
  REQUIRE(await([&] { return it.events->held() == 1; }));
  auto drained = it.drain({accounts});
  SUBCASE("accepted again") {
    it.host->accept(account_type, shard_id{0});
    CHECK(!drained.get());
    auto more = account_of(*it.host, "alice").ask(deposit{1}, long_enough);
    it.events->release();
    CHECK(more.get()->cents == 2);
  }
  SUBCASE("released") {
    it.host->release(account_type, shard_id{0});
    CHECK(!drained.get());
  }
  SUBCASE("the host stops") {
    it.host->stop(0ms);
    CHECK(!drained.get());
  }
  it.events->release();
  (void)asked.get();
}

TEST_CASE("drain: a released slot's tells follow their actor too") {
  one_shard it;
  it.events->hold_appends();
  REQUIRE(account_of(*it.host, "alice").tell(deposit{1}).has_value());
  REQUIRE(await([&] { return it.events->held() == 1; }));
  REQUIRE(account_of(*it.host, "alice").tell(deposit{2}).has_value());
  it.host->release(account_type, shard_id{0});
  it.events->release();
  REQUIRE(await([&] { return it.other.count() == 1; }));
  CHECK(it.other.came[0].command.get_if<deposit>()->cents == 2);
}

TEST_CASE("host: what has waited elsewhere is never one too many") {
  one_shard it{{.mailbox_max = 2}};
  it.events->hold_appends();
  const auto command = [](reply_sink answer = {}) {
    envelope made;
    made.id = command_id::make();
    made.command = any_message::of(deposit{1});
    made.answer = std::move(answer);
    return made;
  };
  for (int i = 0; i < 5; ++i) CHECK(it.host->deliver_waiting(alice, command()).has_value());
  CHECK(it.host->tell(alice, command()).error().code() == errc::overloaded);
  it.events->release();
  CHECK(await([&] { return it.host->stats().waiting == 0; }));
  CHECK(balance_of(*it.host, "alice") == 5);
  it.host->release(account_type, shard_id{0});
  CHECK(it.host->deliver_waiting(alice, command()).error().code() == errc::not_owner);
  std::optional<errc> heard;
  CHECK(
      it.host->deliver_waiting(alice, command([&](auto answer) { heard = answer.error().code(); }))
          .has_value());
  CHECK(heard == errc::not_owner);
}

namespace {

/// Sends to whichever of two hosts serves the slot; keeps what neither does, to be sent again.
struct either final : command_router {
  std::array<actor_host*, 2> hosts{};
  std::mutex mutex;
  std::vector<std::pair<actor_address, envelope>> kept;

  result<void> tell(const actor_address& to, envelope command) override {
    for (auto* host : hosts) {
      envelope copy;
      copy.id = command.id;
      copy.command = command.command.share();
      if (host->deliver_waiting(to, std::move(copy))) return {};
    }
    const std::lock_guard lock{mutex};
    kept.emplace_back(to, std::move(command));
    return {};
  }
  void send_again() {
    std::unique_lock lock{mutex};
    auto all = std::exchange(kept, {});
    lock.unlock();
    for (auto& [to, command] : all) (void)tell(to, std::move(command));
  }
  void ask(const actor_address&, envelope command) override {
    command.answer(fail(errc::unavailable, "not in this test"));
  }
};

}  // namespace

TEST_CASE("drain: while slots go to and fro between two hosts, each tell has its effect once") {
  constexpr int each = 2'000, actors = 12, senders = 2;
  bank_node node;
  node.events = std::make_shared<scripted_event_store>(std::make_shared<memory_event_store>(4));
  node.snapshots = std::make_shared<memory_snapshot_store>(1, 4);
  const auto one = node.start({.shards = 4, .mailbox_max = 100'000});
  const auto two = node.start({.shards = 4, .mailbox_max = 100'000, .accepts_all = false});
  either both;
  both.hosts = {one.get(), two.get()};
  one->send_through(both);
  two->send_through(both);
  std::atomic<bool> over{false};
  std::atomic<unsigned> clean{0}, forced{0};
  std::vector<std::jthread> running;
  std::jthread mover{[&] {
    for (std::uint64_t round = 0; !over; ++round) {
      const slot which{account_type, shard_id{round % 4}};
      auto* from = one->accepts(which.type, which.shard) ? one.get() : two.get();
      auto* to = from == one.get() ? two.get() : one.get();
      std::promise<bool> done;
      const auto patience = round % 5 == 0 ? 0ms : 30'000ms;
      from->drain({which}, std::chrono::steady_clock::now() + patience,
                  [&](bool was_clean) { done.set_value(was_clean); });
      ++(done.get_future().get() ? clean : forced);
      to->accept(which.type, which.shard);
      both.send_again();
    }
  }};
  for (int i = 0; i < senders; ++i)
    running.emplace_back([&] {
      for (int n = 0; n < each; ++n) {
        envelope sent;
        sent.id = command_id::make();
        sent.command = any_message::of(deposit{1});
        (void)both.tell({account_type, *actor_id::parse(std::to_string(n % actors))},
                        std::move(sent));
      }
    });
  running.clear();
  REQUIRE(await([&] { return one->stats().handled + two->stats().handled == each * senders; },
                long_enough));
  over = true;
  mover.join();
  MESSAGE("drained " << clean.load() << ", by force " << forced.load() << ", handed on "
                     << one->stats().handed_on + two->stats().handed_on);
  CHECK(clean > 0);
  CHECK(one->stats().dead_letters + two->stats().dead_letters == 0);
  CHECK(one->stop(long_enough));
  CHECK(two->stop(long_enough));
  const auto after = node.start({.shards = 4});
  std::int64_t sum = 0;
  for (int i = 0; i < actors; ++i) sum += balance_of(*after, std::to_string(i));
  CHECK(sum == each * senders);
}
