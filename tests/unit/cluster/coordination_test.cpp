#include "cluster/src/core/coordination.hpp"

#include "support/cluster_samples.hpp"

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
              .types = {}}} {
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

/// A table of an earlier leader, in which `nodes` share the shards.
shard_table earlier(std::uint64_t revision, const std::vector<std::string>& nodes) {
  std::vector<shard_table::entry> entries;
  for (const auto& one : nodes) entries.push_back({node(one), 1});
  auto table = rebalance(shard_table{shards}, entries, 1);
  table.set_revision(revision);
  return table;
}

}  // namespace

TEST_CASE("coordination: a fresh leader takes nothing from a node that it has not heard yet") {
  driven n1;
  (void)n1.lead(10);
  const auto effects = n1.core.table_read(earlier(5, {"n1", "n2"}), at(510ms));
  const auto* write = first<coordination::write_table>(effects);
  REQUIRE(write != nullptr);
  CHECK(write->expected == 5);
  CHECK(write->table.owned_by(node("n2")).size() == shards / 2);
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
    "coordination: contact is trusted for less than the failure timeout, and after a gap not "
    "before two heartbeats") {
  driven n1;
  std::chrono::milliseconds now = 600ms;
  for (; now < 2s; now += 50ms) (void)n1.tick(now);
  const auto until = n1.core.contact_until();
  CHECK(until > at(now));
  CHECK(until < at(now + 2s));
  // Nothing comes back for five seconds.
  for (; now < 7s; now += 50ms) (void)n1.core.tick(at(now), 0ms);
  CHECK(n1.core.contact_until() == until);
  const auto back = now;
  for (; now < back + 400ms; now += 50ms) {
    (void)n1.tick(now);
    CHECK(n1.core.contact_until() == until);
  }
  for (; now < back + 900ms; now += 50ms) (void)n1.tick(now);
  CHECK(n1.core.contact_until() > at(now));
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
