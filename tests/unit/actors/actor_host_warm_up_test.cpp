// Bringing all actors of a shard to life from one reading of its snapshots and its log.

#include "support/bank_node.hpp"
#include "support/counting_store.hpp"
#include "support/store_calls.hpp"

#include <doctest/doctest.h>

using namespace aether;
using aether::testing::account_of;
using aether::testing::actor_of;
using aether::testing::append;
using aether::testing::balance_of;
using aether::testing::long_enough;
using aether::testing_support::await;
using bank::account;
using bank::deposit;
using bank::deposited;

namespace {

constexpr std::uint32_t shards = 4;
constexpr std::uint64_t people = 40;
const actor_type account_type = *actor_type::parse(account::type_name);

actor_address account_address(const std::string& id) {
  return {account_type, *actor_id::parse(id)};
}
shard_id shard_with(const std::string& id) { return shard_of(account_address(id), shards); }

/// Stores with the histories of `people` accounts: the nth has n + 1 commits of 1 cent each.
struct town {
  timers clock;
  std::shared_ptr<memory_event_store> events = std::make_shared<memory_event_store>(shards);
  std::shared_ptr<memory_snapshot_store> snapshots =
      std::make_shared<memory_snapshot_store>(1, shards);
  std::shared_ptr<aether::testing::counting_event_store> counted_events =
      std::make_shared<aether::testing::counting_event_store>(events);
  std::shared_ptr<aether::testing::counting_snapshot_store> counted_snapshots =
      std::make_shared<aether::testing::counting_snapshot_store>(snapshots);

  explicit town(bool back_pointers = true) {
    for (std::uint64_t nth = 0; nth < people; ++nth)
      for (std::uint64_t i = 0; i <= nth; ++i) put(std::to_string(nth), back_pointers);
  }

  /// One more event of that account, a deposit of 1 cent if not told otherwise.
  void put(const std::string& id, bool back_pointer = true,
           event_record event = {std::string{deposited::aether_wire_name}, encode(deposited{1})}) {
    const auto address = account_address(id);
    auto end = aether::testing::latest(*events, address);
    REQUIRE(end.has_value());
    const auto expected = *end ? (*end)->position() : log_position{};
    commit next;
    next.id = commit_id::make();
    next.first = event_version{expected.version.value() + 1};
    next.events.push_back(std::move(event));
    if (*end && back_pointer) {
      next.back_pointers = (*end)->commit.back_pointers;
      next.back_pointers.push_back(expected.sequence);
      if (next.back_pointers.size() > commit_back_pointers_max)
        next.back_pointers.erase(next.back_pointers.begin());
    }
    REQUIRE(append(*events, address, expected, std::move(next)).has_value());
  }
  /// A snapshot of that account after its `version`th commit.
  void put_snapshot(const std::string& id, std::uint64_t version) {
    const auto history = aether::testing::read(*events, account_address(id));
    REQUIRE(history.has_value());
    snapshot taken{history->at(version - 1).position(),
                   std::string{bank::balance::aether_wire_name},
                   1,
                   encode(bank::balance{static_cast<std::int64_t>(version)}),
                   {}};
    REQUIRE(aether::testing::save(*snapshots, account_address(id), taken).has_value());
  }

  std::unique_ptr<actor_host> start(host_options options = {}) {
    options.shards = shards;
    options.workers = 2;
    auto made =
        std::make_unique<actor_host>(std::move(options), counted_events, counted_snapshots, clock);
    made->host<account>();
    return made;
  }

  static std::vector<std::uint64_t> people_in(shard_id shard) {
    std::vector<std::uint64_t> found;
    for (std::uint64_t nth = 0; nth < people; ++nth)
      if (shard_with(std::to_string(nth)) == shard) found.push_back(nth);
    return found;
  }
};

result<std::size_t> warm_up(actor_host& host, shard_range which) {
  std::promise<result<std::size_t>> done;
  host.warm_up({which}, [&](result<std::size_t> woken) { done.set_value(std::move(woken)); });
  return done.get_future().get();
}

void check_balances(actor_host& host, shard_id shard) {
  for (const auto nth : town::people_in(shard))
    CHECK(balance_of(host, std::to_string(nth)) == static_cast<std::int64_t>(nth) + 1);
}

}  // namespace

TEST_CASE("warm up: brings all actors of the shard back as they were, and no other") {
  town it;
  SUBCASE("without snapshots") {}
  SUBCASE("with snapshots, at the end or before it") {
    for (std::uint64_t nth = 1; nth < people; nth += 2)
      it.put_snapshot(std::to_string(nth), nth % 3 == 0 ? nth + 1 : 1 + nth / 2);
  }
  const auto host = it.start();
  const shard_id shard{1};
  const auto mine = town::people_in(shard);
  REQUIRE(!mine.empty());
  const auto woken = warm_up(*host, shard);
  REQUIRE(woken.has_value());
  CHECK(*woken == mine.size());
  CHECK(host->stats().activations == mine.size());
  check_balances(*host, shard);
  CHECK(host->stats().activations == mine.size());
}

TEST_CASE("warm up: histories come from one reading of the shard, not one by one") {
  bool back_pointers = true;
  SUBCASE("with back-pointers") {}
  SUBCASE("of a build that wrote none") { back_pointers = false; }
  town it{back_pointers};
  const shard_id shard{2};
  const auto mine = town::people_in(shard);
  for (const auto nth : mine)
    if (nth % 2 == 0) it.put_snapshot(std::to_string(nth), 1);
  const auto host = it.start();
  REQUIRE(warm_up(*host, shard).has_value());
  check_balances(*host, shard);
  CHECK(it.counted_events->shard_reads == 2);  // and once more for what came meanwhile
  CHECK(it.counted_snapshots->shard_loads == 1);
  CHECK(it.counted_events->tails == 0);
  CHECK(it.counted_events->reads == 0);
  CHECK(it.counted_events->fetches == 0);
  CHECK(it.counted_events->all_records == 0);
  CHECK(it.counted_snapshots->loads == 0);
}

TEST_CASE("warm up: what is stored meanwhile is not missed") {
  town it;
  const std::string late = "7";
  unsigned when = 1;
  unsigned tails = 0;
  bool back_pointers = true;
  SUBCASE("after the reading, with back-pointers") {}
  SUBCASE("after the reading, of a build that wrote none") { back_pointers = false; }
  SUBCASE("after the rereading, where a replica may lag behind") {
    it.counted_events->up_to_date = false;
    tails = 1;
  }
  SUBCASE("after the reading, and the rereading fails") {
    it.counted_events->failing_shard_read = 2;
    tails = 1;
  }
  it.counted_events->after_shards = [&](unsigned nth) {
    if (nth != when) return;
    it.put(late, back_pointers);
    it.put(late, back_pointers);
  };
  const auto host = it.start();
  REQUIRE(warm_up(*host, shard_with(late)).has_value());
  const auto begun = host->stats().activations;
  CHECK(balance_of(*host, late) == 10);
  CHECK(host->stats().activations == begun);
  // The others may still be about to ask.
  const auto asked = tails * town::people_in(shard_with(late)).size();
  CHECK(await([&] { return it.counted_events->tails >= asked; }));
  CHECK(it.counted_events->tails == asked);
}

TEST_CASE("warm up: what was read ahead and is of no use after all does not harm its actor") {
  town it;
  const std::string mixed = "mixed";
  // By a build that wrote no back-pointers, then by one that does.
  for (const bool back_pointer : {false, false, false, false, false, true, true, true})
    it.put(mixed, back_pointer);
  std::int64_t cents = 8;
  unsigned fetches = 0;
  SUBCASE("where the back-pointers do not reach back to the first commit") {}
  SUBCASE("where late commits are missing, and cannot be fetched") {
    it.counted_events->up_to_date = false;
    it.counted_events->failing_fetches = true;
    it.counted_events->after_shards = [&](unsigned) {
      it.put(mixed);
      it.put(mixed);
    };
    cents = 10;
    fetches = 1;
  }
  const auto host = it.start();
  REQUIRE(warm_up(*host, shard_with(mixed)).has_value());
  CHECK(balance_of(*host, mixed) == cents);
  CHECK(host->stats().quarantines == 0);
  CHECK(it.counted_events->fetches == fetches);
}

TEST_CASE("warm up: a history that takes several fetches comes from what was read ahead") {
  town it;
  const std::string longer = "longer";
  for (std::size_t i = 0; i < 3 * commit_back_pointers_max; ++i) it.put(longer);
  const auto host = it.start();
  REQUIRE(warm_up(*host, shard_with(longer)).has_value());
  CHECK(balance_of(*host, longer) == 3 * commit_back_pointers_max);
  CHECK(it.counted_events->fetches == 0);
  CHECK(it.counted_events->reads == 0);
}

TEST_CASE("warm up: a snapshot whose events are gone is seen to be ahead of the log") {
  town it;
  const auto address = account_address("nobody");
  snapshot lost{{event_version{3}, stream_sequence{900}, commit_id::make()},
                std::string{bank::balance::aether_wire_name},
                1,
                encode(bank::balance{3}),
                {}};
  REQUIRE(aether::testing::save(*it.snapshots, address, lost).has_value());
  const auto host = it.start();
  REQUIRE(warm_up(*host, shard_with("nobody")).has_value());
  CHECK(account_of(*host, "nobody").ask(bank::get_balance{}, long_enough).get().error().code() ==
        errc::quarantined);
}

TEST_CASE("warm up: many shards are read by the groups that are stored together") {
  town it;
  it.counted_events->stored_by = 2;
  const auto host = it.start();
  shard_range which{shard_id{0}, shards};
  unsigned groups = 2;
  SUBCASE("all of them") {}
  SUBCASE("a part of two groups") { which = {shard_id{1}, 2}; }
  SUBCASE("a part of one") {
    which = shard_id{3};
    groups = 1;
  }
  std::size_t mine = 0;
  for (std::uint64_t shard = 0; shard < shards; ++shard)
    if (which.contains(shard_id{shard})) mine += town::people_in(shard_id{shard}).size();
  CHECK(warm_up(*host, which) == result<std::size_t>{mine});
  CHECK(it.counted_events->shard_reads == 2 * groups);
  CHECK(it.counted_snapshots->shard_loads == groups);
  for (std::uint64_t shard = 0; shard < shards; ++shard) check_balances(*host, shard_id{shard});
  CHECK(it.counted_events->tails == people - mine);
}

TEST_CASE("warm up: several ranges are read one after another") {
  town it;
  const auto host = it.start();
  std::promise<result<std::size_t>> done;
  host->warm_up({shard_id{3}, shard_id{0}},
                [&](result<std::size_t> woken) { done.set_value(std::move(woken)); });
  const auto mine = town::people_in(shard_id{0}).size() + town::people_in(shard_id{3}).size();
  CHECK(done.get_future().get() == result<std::size_t>{mine});
  CHECK(it.counted_events->shard_reads == 4);
  CHECK(host->stats().activations == mine);
}

TEST_CASE("warm up: who is called meanwhile answers") {
  town it;
  const shard_id shard{2};
  const auto mine = town::people_in(shard);
  const auto called = std::to_string(mine.at(0));
  const auto host = it.start({.recovery_permits = 1});
  std::optional<reply_future<bank::balance>> answer;
  it.counted_events->after_shards = [&](unsigned nth) {
    if (nth == 2) answer = account_of(*host, called).ask(deposit{5}, long_enough);
  };
  REQUIRE(warm_up(*host, shard).has_value());
  const auto balance = answer->get();
  REQUIRE(balance.has_value());
  CHECK(balance->cents == static_cast<std::int64_t>(mine[0]) + 6);
  CHECK(host->stats().activations == mine.size());
}

TEST_CASE("warm up: a shard that is released meanwhile keeps nobody") {
  town it;
  const auto host = it.start();
  const shard_id shard{2};
  it.counted_events->after_shards = [&](unsigned nth) {
    if (nth == 2) host->release(account_type, shard);
  };
  REQUIRE(warm_up(*host, shard).has_value());
  CHECK(await([&] { return host->stats().resident == 0; }));
  host->accept(account_type, shard);
  check_balances(*host, shard);
}

TEST_CASE("warm up: an actor in memory stays what it is, and none comes to life twice") {
  town it;
  const auto host = it.start();
  const shard_id shard{3};
  const auto mine = town::people_in(shard);
  const auto first = std::to_string(mine.at(0));
  CHECK(account_of(*host, first).ask(deposit{5}, long_enough).get().has_value());
  const auto woken = warm_up(*host, shard);
  REQUIRE(woken.has_value());
  CHECK(*woken == mine.size() - 1);
  CHECK(warm_up(*host, shard) == result<std::size_t>{0});
  CHECK(host->stats().activations == mine.size());
  CHECK(balance_of(*host, first) == static_cast<std::int64_t>(mine[0]) + 6);
}

TEST_CASE("warm up: a shard that is not served, or is none, brings nobody to life") {
  town it;
  const auto host = it.start({.accepts_all = false});
  CHECK(warm_up(*host, shard_id{1}) == result<std::size_t>{0});
  CHECK(host->stats().activations == 0);
  for (const shard_range wrong : {shard_range{shard_id{shards}}, shard_range{shard_id{1}, shards},
                                  shard_range{shard_id{0}, 0}}) {
    const auto none = warm_up(*host, wrong);
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().code() == errc::invalid_argument);
  }
}

TEST_CASE("warm up: actors of types that are not hosted are passed over") {
  town it;
  std::string stranger;
  const shard_id shard{0};
  for (int i = 0; stranger.empty(); ++i) {
    const actor_address address{*actor_type::parse("stranger"),
                                *actor_id::parse(std::to_string(i))};
    if (shard_of(address, shards) != shard) continue;
    stranger = address.id.str();
    commit next;
    next.id = commit_id::make();
    next.first = event_version{1};
    next.events.push_back({"strange.event", {}});
    const auto stored = append(*it.events, address, {}, next);
    REQUIRE(stored.has_value());
    REQUIRE(aether::testing::save(*it.snapshots, address, {*stored, "strange.state", 1, {}, {}})
                .has_value());
  }
  const auto host = it.start();
  const auto woken = warm_up(*host, shard);
  REQUIRE(woken.has_value());
  CHECK(*woken == town::people_in(shard).size());
  check_balances(*host, shard);
  CHECK(host->stats().quarantines == 0);
}

TEST_CASE("warm up: a damaged history quarantines its actor, and harms nobody else") {
  town it;
  const shard_id shard{1};
  const auto mine = town::people_in(shard);
  const auto broken = std::to_string(mine.at(0));
  it.put(broken, true, {"bank.unheard_of", {}});
  const auto host = it.start();
  const auto woken = warm_up(*host, shard);
  REQUIRE(woken.has_value());
  CHECK(*woken == mine.size());
  CHECK(await([&] { return host->stats().quarantines == 1; }));
  for (const auto nth : mine) {
    const auto id = std::to_string(nth);
    if (id == broken)
      CHECK(account_of(*host, id).ask(bank::get_balance{}, long_enough).get().error().code() ==
            errc::quarantined);
    else
      CHECK(balance_of(*host, id) == static_cast<std::int64_t>(nth) + 1);
  }
  CHECK(host->stats().quarantines == 1);
}

TEST_CASE("warm up: with one permit those who are called need not wait for those who are not") {
  town it;
  const auto host = it.start({.recovery_permits = 1});
  for (std::uint64_t shard = 0; shard < shards; ++shard)
    REQUIRE(warm_up(*host, shard_id{shard}).has_value());
  for (std::uint64_t nth = people; nth-- > 0;)
    CHECK(balance_of(*host, std::to_string(nth)) == static_cast<std::int64_t>(nth) + 1);
  CHECK(host->stats().activations == people);
}
