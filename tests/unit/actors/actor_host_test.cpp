#include "support/bank_node.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <vector>

using namespace aether;
using namespace std::chrono_literals;
using aether::testing::account_of;
using aether::testing::actor_of;
using aether::testing::balance_of;
using aether::testing::bank_node;
using aether::testing::long_enough;
using aether::testing_support::await;
using bank::account;
using bank::balance;
using bank::deposit;
using bank::get_balance;
using bank::withdraw;

namespace {

const actor_address alice{*actor_type::parse("account"), *actor_id::parse("alice")};

}  // namespace

TEST_CASE("host: an actor comes to life with its first command, and only then") {
  bank_node node;
  const auto host = node.start();
  const auto ref = account_of(*host, "alice");
  CHECK(host->stats().activations == 0);
  REQUIRE(ref.tell(deposit{5}).has_value());
  CHECK(balance_of(*host, "alice") == 5);
  CHECK(host->stats().activations == 1);
  CHECK(host->stats().resident == 1);
  CHECK(host->stats().commands == 2);
}

TEST_CASE("host: an ask brings the reply, or the actor's own words") {
  bank_node node;
  const auto host = node.start();
  const auto ref = account_of(*host, "alice");
  CHECK(ref.ask(deposit{5}, long_enough).get()->cents == 5);
  const auto refused = ref.ask(withdraw{6}, long_enough).get();
  REQUIRE(!refused.has_value());
  CHECK(refused.error() == error{errc::rejected, "insufficient funds"});
}

TEST_CASE("host: an ask without time is not decided") {
  bank_node node;
  const auto host = node.start();
  const auto ref = account_of(*host, "alice");
  for (const auto none : {0ms, -1ms, std::chrono::milliseconds::min()})
    CHECK(ref.ask(deposit{5}, none).get().error().code() == errc::unavailable);
  CHECK(balance_of(*host, "alice") == 0);
}

TEST_CASE("host: an idle actor leaves memory, and its state is there when it is called again") {
  bank_node node;
  const auto host = node.start({.passivate_after = 2ms});
  for (int round = 1; round <= 3; ++round) {
    REQUIRE(account_of(*host, "alice").tell(deposit{1}).has_value());
    CHECK(balance_of(*host, "alice") == round);
    CHECK(await([&] { return host->stats().resident == 0; }));
  }
  CHECK(host->stats().passivations == host->stats().activations);
}

TEST_CASE("host: state survives the host, on the same stores") {
  bank_node node;
  for (int round = 1; round <= 3; ++round) {
    const auto host = node.start();
    for (int i = 0; i < 150; ++i) REQUIRE(account_of(*host, "alice").tell(deposit{1}).has_value());
    CHECK(balance_of(*host, "alice") == 150 * round);
    CHECK(host->stop(long_enough));
  }
}

TEST_CASE("host: commands beyond the mailbox are refused, those within are all served") {
  constexpr std::size_t most = 10;
  bank_node node;
  const auto host = node.start({.mailbox_max = most});
  const auto ref = account_of(*host, "alice");
  node.events->hold_appends();
  REQUIRE(ref.tell(deposit{1}).has_value());
  REQUIRE(await([&] { return node.events->held() == 1; }));
  for (std::size_t i = 1; i < most; ++i) CHECK(ref.tell(deposit{1}).has_value());
  for (int i = 0; i < 3; ++i) {
    const auto refused = ref.tell(deposit{1});
    REQUIRE(!refused.has_value());
    CHECK(refused.error().code() == errc::overloaded);
    CHECK(ref.ask(deposit{1}, long_enough).get().error().code() == errc::overloaded);
  }
  node.events->release();
  REQUIRE(await([&] { return ref.tell(deposit{1}).has_value(); }));
  REQUIRE(await([&] { return ref.tell(get_balance{}).has_value(); }));
  CHECK(await([&] { return host->stats().commits >= 2; }));
  CHECK(await([&] {
    auto answer = ref.ask(get_balance{}, long_enough).get();
    return answer && answer->cents == most + 1;
  }));
}

TEST_CASE("host: a released shard settles what is being stored and refuses everything else") {
  bank_node node;
  const auto host = node.start({.shards = 4});
  const shard_id shard = shard_of(alice, 4);
  const auto ref = account_of(*host, "alice");
  node.events->hold_appends();
  auto stored = ref.ask(deposit{5}, long_enough);
  REQUIRE(await([&] { return node.events->held() == 1; }));
  auto waiting = ref.ask(deposit{6}, long_enough);
  host->release(alice.type, shard);
  CHECK(!host->accepts(alice.type, shard));
  CHECK(ref.ask(deposit{7}, long_enough).get().error().code() == errc::not_owner);
  CHECK(ref.tell(deposit{7}).error().code() == errc::not_owner);
  node.events->release();
  CHECK(stored.get()->cents == 5);
  CHECK(waiting.get().error().code() == errc::not_owner);
  CHECK(await([&] { return host->stats().resident == 0; }));
  host->accept(alice.type, shard);
  CHECK(balance_of(*host, "alice") == 5);
}

TEST_CASE("host: a type's shard is accepted and released without another type's") {
  bank_node node;
  const auto host = node.start({.shards = 1, .accepts_all = false});
  const actor_type trickster = *actor_type::parse(trick::trickster::type_name);
  const actor_type stranger = *actor_type::parse("stranger");
  const auto alices = account_of(*host, "alice");
  const auto tricks = actor_of<trick::trickster>(*host, "t");
  const auto refused = [](const auto& answer) {
    return !answer && answer.error().code() == errc::not_owner;
  };
  CHECK(refused(alices.tell(deposit{1})));
  host->accept(alice.type, shard_id{0});
  CHECK(host->accepts(alice.type, shard_id{0}));
  CHECK(!host->accepts(trickster, shard_id{0}));
  CHECK(alices.ask(deposit{1}, long_enough).get().has_value());
  CHECK(refused(tricks.ask(trick::count{}, long_enough).get()));
  host->accept(trickster, shard_id{0});
  CHECK(tricks.ask(trick::count{}, long_enough).get().has_value());
  host->release(alice.type, shard_id{0});
  CHECK(refused(alices.ask(deposit{1}, long_enough).get()));
  CHECK(tricks.ask(trick::count{}, long_enough).get().has_value());
  host->accept(stranger, shard_id{0});  // of a type that is not hosted there is nothing to serve
  CHECK(!host->accepts(stranger, shard_id{0}));
  CHECK(!host->accepts(alice.type, shard_id{1}));
}

TEST_CASE("host: a type that is hosted again keeps its shards") {
  bank_node node;
  const auto host = node.start({.shards = 1, .accepts_all = false});
  host->accept(alice.type, shard_id{0});
  host->host<account>();
  CHECK(balance_of(*host, "alice") == 0);
}

TEST_CASE("host: a shard released and accepted again at once loses nothing") {
  bank_node node;
  const auto host = node.start({.shards = 1});
  std::int64_t acknowledged = 0;
  for (int round = 0; round < 200; ++round) {
    auto answer = account_of(*host, "alice").ask(deposit{1}, long_enough);
    host->release(alice.type, shard_id{0});
    host->accept(alice.type, shard_id{0});
    auto got = answer.get();
    if (got)
      ++acknowledged;
    else
      CHECK(got.error().code() == errc::not_owner);
  }
  REQUIRE(await([&] {
    auto answer = account_of(*host, "alice").ask(get_balance{}, long_enough).get();
    return answer && answer->cents == acknowledged;
  }));
}

TEST_CASE("host: the ids of an actor's commits ascend, also after one from the future") {
  bank_node node;
  commit ahead;
  ahead.id = commit_id::from_hex("ffff0000000070008000000000000000").value();
  ahead.first = event_version{1};
  ahead.events = {{std::string{bank::deposited::aether_wire_name}, encode(bank::deposited{3})}};
  bool stored = false;
  node.events->append(alice, {}, ahead, [&](auto outcome) { stored = outcome.has_value(); });
  REQUIRE(stored);
  const auto host = node.start();
  for (int i = 0; i < 3; ++i)
    REQUIRE(account_of(*host, "alice").ask(deposit{1}, long_enough).get().has_value());
  std::vector<commit_id> ids;
  node.events->read(alice, event_version{1}, {}, 10, [&](const auto& found) {
    for (const auto& one : *found) ids.push_back(one.commit.id);
  });
  CHECK(ids.size() == 4);
  CHECK(std::ranges::adjacent_find(ids, std::ranges::greater_equal{}) == ids.end());
}

TEST_CASE("host: an actor whose history cannot be replayed says which version, and harms nobody") {
  bank_node node;
  commit broken{.id = commit_id::make(),
                .first = event_version{1},
                .events = {{"bank.unheard_of", {}}},
                .commands = {},
                .correlation = {},
                .at = {},
                .writer = {},
                .epoch = {}};
  bool stored = false;
  node.events->append(alice, {}, broken, [&](auto outcome) { stored = outcome.has_value(); });
  REQUIRE(stored);
  const auto host = node.start();
  const auto answer = account_of(*host, "alice").ask(deposit{1}, long_enough).get();
  REQUIRE(!answer.has_value());
  CHECK(answer.error().code() == errc::quarantined);
  CHECK(answer.error().text().find("version 1") != std::string::npos);
  CHECK(host->stats().quarantines == 1);
  CHECK(account_of(*host, "bob").ask(deposit{1}, long_enough).get()->cents == 1);
}

TEST_CASE("host: a type that is not hosted, and a command without id or content, are refused") {
  bank_node node;
  const auto host = node.start();
  const actor_address stranger{*actor_type::parse("stranger"), *actor_id::parse("x")};
  const auto command = [](command_id id) {
    return envelope{id, {}, false, false, {}, any_message::of(get_balance{}), {}};
  };
  CHECK(host->tell(stranger, command(command_id::make())).error().code() == errc::unknown_message);
  CHECK(host->tell(alice, command({})).error().code() == errc::invalid_argument);
  CHECK(host->tell(alice, {command_id::make(), {}, false, false, {}, {}, {}}).error().code() ==
        errc::invalid_argument);
  CHECK(host->find_type(stranger.type) == nullptr);
  CHECK(host->find_type(alice.type) != nullptr);
  CHECK(host->stats().resident == 0);
}

TEST_CASE("host: what a handler throws is its sender's answer, and the actor lives on") {
  bank_node node;
  const auto host = node.start();
  const auto ref = actor_of<trick::trickster>(*host, "t");
  for (const auto where : {trick::place::on, trick::place::apply, trick::place::reply}) {
    const auto answer = ref.ask(trick::blow_up{where}, long_enough).get();
    REQUIRE(!answer.has_value());
    CHECK(answer.error().code() == errc::handler_failed);
  }
  CHECK(ref.ask(trick::note{}, long_enough).get().has_value());
  CHECK(ref.ask(trick::count{}, long_enough).get()->events == 1);
}

TEST_CASE("host: what an answer's handler throws stays with the sender") {
  bank_node node;
  const auto host = node.start();
  account_of(*host, "alice").ask(deposit{5}, long_enough, [](result<balance>) {
    throw std::runtime_error{"not your problem"};
  });
  CHECK(balance_of(*host, "alice") == 5);
}

TEST_CASE("host: an actor that cannot be made answers with the reason, and is made anew later") {
  bank_node node;
  const auto host = node.start({.passivate_after = 2ms});
  std::atomic<int> made{0};
  host->host<account>([&made] {
    if (++made == 1) throw std::runtime_error{"no licence"};
    return account{};
  });
  const auto answer = account_of(*host, "alice").ask(deposit{5}, long_enough).get();
  REQUIRE(!answer.has_value());
  CHECK(answer.error().code() == errc::quarantined);
  CHECK(answer.error().text().find("no licence") != std::string::npos);
  CHECK(await([&] { return host->stats().resident == 0; }));
  CHECK(account_of(*host, "alice").ask(deposit{5}, long_enough).get()->cents == 5);
}

TEST_CASE("host: stop does not wait longer than told for a store that never answers") {
  bank_node node;
  node.events->hold_appends();
  auto host = node.start();
  auto being_stored = account_of(*host, "alice").ask(deposit{5}, long_enough);
  REQUIRE(await([&] { return node.events->held() == 1; }));
  auto waiting = account_of(*host, "alice").ask(deposit{6}, long_enough);
  const auto begin = std::chrono::steady_clock::now();
  CHECK(!host->stop(20ms));
  CHECK(!host->stop(20ms));
  CHECK(std::chrono::steady_clock::now() - begin < 10s);
  CHECK(being_stored.get().error().code() == errc::outcome_unknown);
  // Told to go, the actor says so to who waits; unless the time was too short for that.
  const auto heard = waiting.get().error().code();
  CHECK((heard == errc::not_owner || heard == errc::outcome_unknown));
  CHECK(account_of(*host, "alice").tell(deposit{1}).error().code() == errc::not_running);
  SUBCASE("and the store's late answer finds nobody") { node.events->release(); }
  SUBCASE("not even when the host itself is gone") {
    host.reset();
    node.events->release();
  }
}

TEST_CASE("host: whoever learns that an ask was dropped may call the host, which is stopping") {
  bank_node node;
  node.events->hold_appends();
  const auto host = node.start({.workers = 1});
  std::atomic<int> refused{0};
  const auto call_again = [&](result<balance> answer) {
    if (!answer && !account_of(*host, "alice").tell(deposit{1})) ++refused;
  };
  account_of(*host, "alice").ask(deposit{5}, long_enough, call_again);
  REQUIRE(await([&] { return node.events->held() == 1; }));
  account_of(*host, "alice").ask(deposit{6}, long_enough, call_again);
  CHECK(!host->stop(5ms));
  CHECK(refused == 2);
  node.events->release();  // a store that never answers keeps its host
}

TEST_CASE("host: an answer's handler may release the very shard it was answered from") {
  bank_node node;
  const auto host = node.start({.shards = 1});
  std::atomic<bool> released{false};
  account_of(*host, "alice").ask(deposit{5}, long_enough, [&](result<balance>) {
    host->release(alice.type, shard_id{0});
    released = true;
  });
  REQUIRE(await([&] { return released && host->stats().resident == 0; }));
  host->accept(alice.type, shard_id{0});
  CHECK(balance_of(*host, "alice") == 5);
}

TEST_CASE("host: only so many actors read their history at once, and all get their turn") {
  bank_node node;
  const auto host = node.start({.recovery_permits = 1, .passivate_after = 2ms});
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 50; ++i)
      REQUIRE(account_of(*host, std::to_string(i)).tell(deposit{1}).has_value());
    for (int i = 0; i < 50; ++i) CHECK(balance_of(*host, std::to_string(i)) == round + 1);
  }
}

TEST_CASE("host: the writer's node and epoch are in its commits") {
  bank_node node;
  const auto host = node.start({.node_name = "n1"});
  host->set_epoch(writer_epoch{7});
  CHECK(account_of(*host, "alice").ask(deposit{1}, long_enough).get().has_value());
  std::optional<recorded_commit> newest;
  node.events->latest(alice, [&](auto found) { newest = *found; });
  REQUIRE(newest.has_value());
  CHECK(newest->commit.writer == "n1");
  CHECK(newest->commit.epoch == writer_epoch{7});
  CHECK(newest->commit.at.time_since_epoch().count() > 0);
}

TEST_CASE("host: an append whose acknowledgement is lost has its effect exactly once") {
  bank_node node;
  const auto host = node.start();
  CHECK(balance_of(*host, "alice") == 0);
  const auto deposit_once = [&](std::int64_t before) {
    const auto answer = account_of(*host, "alice").ask(deposit{5}, long_enough).get();
    if (answer)
      CHECK(answer->cents == before + 5);
    else
      CHECK(answer.error().code() == errc::outcome_unknown);
    return answer.has_value();
  };
  SUBCASE("stored: the actor finds it when it comes back") {
    node.events->lose_acknowledgements();
    deposit_once(0);
    CHECK(balance_of(*host, "alice") == 5);
  }
  SUBCASE("stored late: the next commit meets it, and is decided again") {
    node.events->store_late();
    node.events->hold_next_appends();
    CHECK_FALSE(deposit_once(0));
    auto next = account_of(*host, "alice").ask(deposit{7}, long_enough);
    REQUIRE(await([&] { return node.events->held() == 2; }));
    node.events->release();
    const auto answer = next.get();
    REQUIRE_MESSAGE(answer.has_value(), answer.error().message());
    CHECK(answer->cents == 12);
    CHECK(balance_of(*host, "alice") == 12);
  }
  SUBCASE("never stored: nothing remains of it") {
    node.events->fail_appends(errc::outcome_unknown);
    CHECK_FALSE(deposit_once(0));
    CHECK(balance_of(*host, "alice") == 0);
  }
  SUBCASE("another writer's commit is seen before the next decision") {
    commit foreign;
    foreign.id = commit_id::make();
    foreign.events = {{std::string{bank::deposited::aether_wire_name}, encode(bank::deposited{3})}};
    node.events->come_first(foreign);
    CHECK(account_of(*host, "alice").ask(deposit{5}, long_enough).get()->cents == 8);
  }
}

TEST_CASE("host: a store that cannot be read for a while keeps nobody from coming to life") {
  bank_node node;
  const auto host = node.start();
  node.events->fail_reads(errc::timed_out, 3);
  auto answer = account_of(*host, "alice").ask(deposit{5}, long_enough).get();
  while (!answer && answer.error().code() == errc::unavailable)
    answer = account_of(*host, "alice").ask(deposit{5}, long_enough).get();
  REQUIRE_MESSAGE(answer.has_value(), answer.error().message());
  CHECK(answer->cents == 5);
}
