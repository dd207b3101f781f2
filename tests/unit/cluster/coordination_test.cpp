#include "cluster/src/core/coordination.hpp"

#include "support/tables.hpp"

#include <doctest/doctest.h>

namespace aether::cluster {

namespace {

using namespace std::chrono_literals;
using samples::at;
using samples::beat;
using samples::first;
using samples::node;

constexpr std::uint32_t shards = 16;

write_result stored(std::uint64_t revision) {
  return {.outcome = write_outcome::stored, .revision = revision};
}

/// Node n1, driven by hand; each heartbeat of its own comes back at once.
struct driven {
  driven()
      : core{{.node = node("n1"),
              .incarnation = samples::process(1),
              .shards = shards,
              .types = {{"account", {}, {}, 1}},
              .heartbeat = 200ms,
              .lease_ttl = 2s,
              .lease_margin = 250ms}} {
    hear_own(core.start(at(0ms)), 0ms);
    (void)core.table_read(shard_table{shards}, at(0ms));
    for (auto now = 50ms; core.current() != coordination::phase::member; now += 50ms)
      (void)tick(now);
  }
  coordination::effects tick(std::chrono::milliseconds now) {
    auto effects = core.tick(at(now), 0ms);
    hear_own(effects, now);
    return effects;
  }
  void hear_own(const coordination::effects& effects, std::chrono::milliseconds now) {
    if (const auto* sent = first<coordination::send_heartbeat>(effects))
      (void)core.heard(sent->what, at(now));
  }
  /// Makes it leader at 500 ms, of term `term`. @returns what it wants then.
  coordination::effects lead(std::uint64_t term) {
    auto effects = tick(500ms);
    if (first<coordination::read_lease>(effects) == nullptr) effects = tick(550ms);
    REQUIRE(first<coordination::write_lease>(core.lease_read(lease_state{}, at(500ms))) != nullptr);
    auto won = core.lease_written(stored(term), at(500ms));
    REQUIRE(first<coordination::elected>(won) != nullptr);
    REQUIRE(first<coordination::read_table>(won) != nullptr);
    return won;
  }

  coordination core;
};

/// A table of an earlier leader, in which `nodes` share the shards; n2 is process 2, and so on.
shard_table earlier(std::uint64_t revision, const std::vector<std::string>& nodes) {
  std::vector<present_node> all;
  for (const auto& one : nodes)
    all.push_back(samples::there(one, 1, static_cast<std::uint64_t>(one.back() - '0')));
  auto table = samples::planned(shard_table{shards}, all, 1);
  table.set_revision(revision);
  return table;
}

heartbeat of_n2(member_state state = member_state::up) {
  auto made = beat("n2", 2, state);
  made.types = {samples::type("account")};
  return made;
}

/// What a leader says that heard the heartbeat of n1 that was sent at `sent`.
heartbeat acknowledging(std::chrono::milliseconds sent, std::uint64_t revision = 0) {
  auto made = of_n2();
  made.term = 3;
  made.table_revision = revision;
  made.heard = {{samples::process(1), at(sent).time_since_epoch().count()}};
  return made;
}

}  // namespace

TEST_CASE("coordination: a fresh leader takes nothing from a node that it has not heard yet") {
  driven n1;
  (void)n1.lead(10);
  const auto effects = n1.core.table_read(earlier(5, {"n1", "n2"}), at(510ms));
  const auto* write = first<coordination::write_table>(effects);
  REQUIRE(write != nullptr);
  CHECK(write->expected == 5);
  CHECK(samples::owned(write->table, "n2", 2) == shards / 2);
}

TEST_CASE(
    "coordination: the answer to a write of an earlier leadership is not taken for a later's") {
  driven n1;
  (void)n1.lead(10);
  const auto effects = n1.core.table_read(shard_table{shards}, at(510ms));
  REQUIRE(first<coordination::write_table>(effects) != nullptr);
  // The write hangs; the lease cannot be renewed and is lost, then taken again.
  (void)n1.tick(1200ms);
  (void)n1.core.lease_written({.outcome = write_outcome::unknown}, at(1700ms));
  const auto lost = n1.tick(2300ms);
  REQUIRE(first<coordination::deposed>(lost) != nullptr);
  lease_state own{10, {.holder = "n1", .incarnation = samples::process(1).hex(), .nonce = 1}};
  REQUIRE(first<coordination::write_lease>(n1.core.lease_read(own, at(2300ms))) != nullptr);
  REQUIRE(first<coordination::elected>(n1.core.lease_written(stored(12), at(2310ms))) != nullptr);
  CHECK(n1.core.table_written(stored(11), at(2320ms)).empty());
  // What counts is what it reads, and it writes under its new term.
  auto read = n1.core.table_read(earlier(11, {"n1"}), at(2330ms));
  if (first<coordination::read_table>(read) != nullptr)  // the first one was a follower's
    read = n1.core.table_read(earlier(11, {"n1"}), at(2340ms));
  const auto* write = first<coordination::write_table>(read);
  REQUIRE(write != nullptr);
  CHECK(write->expected == 11);
  CHECK(write->table.term() == 12);
}

TEST_CASE("coordination: a leader lets the lease go before it says farewell") {
  driven n1;
  (void)n1.lead(10);
  const auto leaving = n1.core.leave(at(600ms));
  CHECK(first<coordination::write_lease>(leaving) != nullptr);
  CHECK(first<coordination::send_heartbeat>(leaving) == nullptr);
  const auto end = n1.core.lease_written(stored(11), at(610ms));
  REQUIRE(first<coordination::send_heartbeat>(end) != nullptr);
  CHECK(first<coordination::send_heartbeat>(end)->what.state == member_state::down);
  CHECK(first<coordination::left>(end) != nullptr);
}

TEST_CASE("coordination: who does not lead says farewell at once") {
  driven n1;
  const auto leaving = n1.core.leave(at(600ms));
  REQUIRE(first<coordination::send_heartbeat>(leaving) != nullptr);
  CHECK(first<coordination::send_heartbeat>(leaving)->what.state == member_state::down);
}

TEST_CASE(
    "coordination: contact is what a leader acknowledged, for less than the failure timeout") {
  driven n1;
  CHECK(n1.core.contact_until() == time_point{});
  (void)n1.core.heard(acknowledging(700ms), at(900ms));
  CHECK(n1.core.contact_until() == at(700ms + 1750ms));
  SUBCASE("an older acknowledgement takes nothing away") {
    (void)n1.core.heard(acknowledging(600ms), at(950ms));
    CHECK(n1.core.contact_until() == at(700ms + 1750ms));
  }
  SUBCASE("one that is another's says nothing") {
    auto other = acknowledging(900ms);
    other.heard[0].of = samples::process(9);
    (void)n1.core.heard(other, at(950ms));
    CHECK(n1.core.contact_until() == at(700ms + 1750ms));
  }
  SUBCASE("one that comes with a table not yet followed says nothing: slots may have moved") {
    (void)n1.core.heard(acknowledging(900ms, 7), at(950ms));
    CHECK(n1.core.contact_until() == at(700ms + 1750ms));
    (void)n1.core.table_read(earlier(7, {"n1", "n2"}), at(960ms));
    (void)n1.core.heard(acknowledging(950ms, 7), at(970ms));
    CHECK(n1.core.contact_until() == at(950ms + 1750ms));
  }
}

TEST_CASE(
    "coordination: a leader acknowledges whom it heard, but not while a table is on its way") {
  driven n1;
  auto said = of_n2();
  said.sent_at = 77;
  (void)n1.core.heard(said, at(490ms));
  CHECK(n1.core.own_heartbeat(at(495ms)).heard.empty());  // it does not lead
  (void)n1.lead(10);
  CHECK(n1.core.own_heartbeat(at(505ms)).term == 10);
  CHECK(n1.core.own_heartbeat(at(505ms)).heard.empty());  // it has not read the table
  const auto effects = n1.core.table_read(shard_table{shards}, at(510ms));
  REQUIRE(first<coordination::write_table>(effects) != nullptr);
  CHECK(n1.core.own_heartbeat(at(515ms)).heard.empty());
  (void)n1.core.table_written(stored(12), at(520ms));
  const auto heard = n1.core.own_heartbeat(at(525ms)).heard;
  REQUIRE(heard.size() == 2);
  CHECK(heard[1] == heartbeat::acknowledgement{samples::process(2), 77});
}

TEST_CASE(
    "coordination: a fresh leader gives those of the table time, however long it did not hear "
    "them") {
  driven n1;
  auto now = 450ms;
  (void)n1.core.heard(of_n2(), at(now));
  for (; now < 2400ms; now += 50ms) (void)n1.tick(now);
  // n2 is silent for almost the failure timeout when n1 comes to lead, by its own account.
  (void)n1.core.lease_read(lease_state{}, at(now));
  const auto won = n1.core.lease_written(stored(10), at(now));
  REQUIRE(first<coordination::elected>(won) != nullptr);
  auto effects = n1.core.table_read(earlier(5, {"n1", "n2"}), at(now));
  while (first<coordination::write_table>(effects) == nullptr)
    effects = n1.core.table_read(earlier(5, {"n1", "n2"}), at(now));
  (void)n1.core.table_written(stored(11), at(now));
  for (const auto end = now + 1900ms; now < end; now += 50ms) {
    auto ticked = n1.tick(now);
    CHECK(first<coordination::write_table>(ticked) == nullptr);
    if (first<coordination::write_lease>(ticked) != nullptr)
      (void)n1.core.lease_written(stored(12), at(now));
  }
}

TEST_CASE(
    "coordination: a leader asks every process whether it is there, and twice before it moves") {
  driven n1;
  n1.core.trust_missing_responders(true);
  (void)n1.core.heard(of_n2(), at(490ms));
  const auto won = n1.lead(10);
  REQUIRE(first<coordination::send_probe>(won) != nullptr);
  CHECK(first<coordination::send_probe>(won)->incarnation == samples::process(2));
  (void)n1.core.table_read(earlier(5, {"n1", "n2"}), at(510ms));
  (void)n1.core.table_written(stored(11), at(511ms));
  CHECK(first<coordination::write_table>(
            n1.core.probe_failed(node("n2"), samples::process(2), at(512ms))) == nullptr);
  CHECK(first<coordination::send_probe>(n1.tick(570ms)) != nullptr);  // the second comes sooner
  const auto effects = n1.core.probe_failed(node("n2"), samples::process(2), at(571ms));
  const auto* write = first<coordination::write_table>(effects);
  REQUIRE(write != nullptr);
  CHECK(samples::owned(write->table, "n1") == shards);
}

TEST_CASE("coordination: out of contact it serves while it is sure to hear of a table") {
  driven n1;
  auto hint = of_n2();
  hint.table_revision = 5;
  (void)n1.core.heard(hint, at(455ms));
  (void)n1.core.table_read(earlier(5, {"n1", "n2", "n3"}), at(460ms));
  auto echo = n1.core.own_heartbeat(at(3500ms));
  const auto acknowledge = [&](std::chrono::milliseconds sent) {
    hint.heard = {{echo.incarnation, at(sent).time_since_epoch().count()}};
    (void)n1.core.heard(hint, at(sent + 5ms));
    hint.heard.clear();
  };
  (void)n1.core.heard(echo, at(3501ms));
  SUBCASE("not when its word comes back after a gap: a table may be on its way") {
    n1.core.trust_missing_responders(true);
    acknowledge(3500ms);
    echo.sent_at = at(5300ms).time_since_epoch().count();
    (void)n1.core.heard(echo, at(5350ms));
    CHECK(n1.core.serves_until(at(5350ms)) == time_point{});
    acknowledge(5300ms);
    CHECK(n1.core.serves_until(at(5350ms)) == at(5300ms + 1750ms));
  }
  SUBCASE("with one server, as long as its own word comes back") {
    n1.core.trust_missing_responders(true);
    acknowledge(3500ms);
    echo.sent_at = at(4500ms).time_since_epoch().count();
    (void)n1.core.heard(echo, at(4510ms));
    CHECK(n1.core.serves_until(at(4510ms)) == at(4500ms + 1750ms));
  }
  SUBCASE("with several, as long as it hears most of those whom the table names as well") {
    CHECK(n1.core.serves_until(at(3510ms)) == time_point{});
    acknowledge(3500ms);
    CHECK(n1.core.serves_until(at(3520ms)) == at(3500ms + 1750ms));
    echo.sent_at = at(5400ms).time_since_epoch().count();
    (void)n1.core.heard(echo, at(5400ms));
    CHECK(n1.core.serves_until(at(5400ms)) == time_point{});
  }
  SUBCASE("not while others follow a newer table") {
    n1.core.trust_missing_responders(true);
    acknowledge(3500ms);
    hint.table_revision = 6;
    CHECK(first<coordination::read_table>(n1.core.heard(hint, at(3520ms))) != nullptr);
    CHECK(n1.core.serves_until(at(3520ms)) == time_point{});
    (void)n1.core.table_read(earlier(6, {"n1", "n2"}), at(3530ms));
    CHECK(n1.core.serves_until(at(3530ms)) == at(3500ms + 1750ms));
  }
}

TEST_CASE("coordination: what it serves is said at once") {
  driven n1;
  const auto effects = n1.core.settled(7, at(500ms));
  REQUIRE(first<coordination::send_heartbeat>(effects) != nullptr);
  CHECK(first<coordination::send_heartbeat>(effects)->what.settled == 7);
  CHECK(n1.core.settled(7, at(501ms)).empty());
}

TEST_CASE("coordination: a stranger who joins is answered at once") {
  driven n1;
  const auto effects = n1.core.heard(of_n2(member_state::joining), at(460ms));
  CHECK(first<coordination::send_heartbeat>(effects) != nullptr);
  CHECK(first<coordination::send_heartbeat>(
            n1.core.heard(of_n2(member_state::joining), at(470ms))) == nullptr);
}

TEST_CASE("coordination: a newer table is read as soon as a heartbeat speaks of it, and kept") {
  driven n1;
  auto hint = beat("n2", 2);
  hint.table_revision = 7;
  CHECK(first<coordination::read_table>(n1.core.heard(hint, at(450ms))) != nullptr);
  const auto effects = n1.core.table_read(earlier(7, {"n1", "n2"}), at(460ms));
  REQUIRE(first<coordination::table_changed>(effects) != nullptr);
  CHECK(first<coordination::table_changed>(effects)->moved == shards);
  CHECK(first<coordination::read_table>(n1.core.heard(hint, at(470ms))) == nullptr);
  CHECK(n1.core.table()->revision() == 7);
}

}  // namespace aether::cluster
