#include "cluster/src/core/leader_duties.hpp"

#include "support/tables.hpp"

#include <doctest/doctest.h>

namespace aether::cluster {

namespace {

using namespace std::chrono_literals;
using samples::at;
using samples::first;
using phase = leader_duties::phase;
constexpr auto conflict = write_outcome::conflict;
constexpr auto unknown = write_outcome::unknown;

constexpr std::uint32_t shards = 16;

present_node up(const char* name) { return samples::there(name); }

leader_duties fresh() { return leader_duties{{.shards = shards, .retry = 100ms}}; }

shard_table table_of(std::uint64_t term, std::uint64_t revision,
                     const std::vector<present_node>& present) {
  auto table = samples::planned(shard_table{shards}, present, term);
  table.set_revision(revision);
  return table;
}

/// A leader of term 10 that has read `table`.
leader_duties watching(const shard_table& table) {
  auto duties = fresh();
  REQUIRE(first<leader_duties::read>(duties.elected(10)) != nullptr);
  REQUIRE(duties.read_done(table, at(0ms)).empty());
  REQUIRE(duties.current() == phase::watching);
  return duties;
}

}  // namespace

TEST_CASE("leader duties: the first leader writes the first table under its term") {
  auto duties = watching(shard_table{shards});
  const auto effects = duties.consider({up("a"), up("b")}, at(0ms));
  const auto* write = first<leader_duties::write>(effects);
  REQUIRE(write != nullptr);
  CHECK(write->expected == 0);
  CHECK(write->table.term() == 10);
  CHECK(samples::owned(write->table, "a") == 8);
  const auto done = duties.write_done({.outcome = write_outcome::stored, .revision = 11}, at(1ms));
  REQUIRE(first<leader_duties::written>(done) != nullptr);
  CHECK(first<leader_duties::written>(done)->table.revision() == 11);
  CHECK(duties.consider({up("a"), up("b")}, at(2ms)).empty());
}

TEST_CASE("leader duties: a new leader writes an unchanged table once, to fence the one before") {
  const auto before = table_of(4, 7, {up("a"), up("b")});
  auto duties = watching(before);
  const auto effects = duties.consider({up("a"), up("b")}, at(0ms));
  const auto* write = first<leader_duties::write>(effects);
  REQUIRE(write != nullptr);
  CHECK(write->expected == 7);
  CHECK(write->table.term() == 10);
  CHECK(same_assignment(write->table, before));
}

TEST_CASE("leader duties: the table changes with those that are there and with nothing else") {
  auto duties = watching(table_of(10, 11, {up("a"), up("b")}));
  CHECK(duties.consider({up("a"), up("b")}, at(0ms)).empty());
  auto leaving = up("b");
  leaving.able = false;
  const auto effects = duties.consider({up("a"), leaving}, at(0ms));
  REQUIRE(first<leader_duties::write>(effects) != nullptr);
  CHECK(samples::owned(first<leader_duties::write>(effects)->table, "b") == 0);
}

TEST_CASE("leader duties: who has settled ends the hand-over") {
  auto duties = watching(table_of(10, 11, {up("a")}));
  REQUIRE(duties.consider({up("a"), up("b")}, at(0ms)).size() == 1);
  (void)duties.write_done({.outcome = write_outcome::stored, .revision = 12}, at(1ms));
  CHECK(duties.consider({up("a"), up("b")}, at(2ms)).empty());
  auto settled = up("b");
  settled.settled = 12;
  const auto effects = duties.consider({up("a"), settled}, at(3ms));
  REQUIRE(first<leader_duties::write>(effects) != nullptr);
  CHECK(first<leader_duties::write>(effects)->table.in_hand_over() == 0);
}

TEST_CASE("leader duties: one write is in flight at most") {
  auto duties = watching(table_of(10, 11, {up("a")}));
  CHECK(duties.consider({up("a"), up("b")}, at(0ms)).size() == 1);
  CHECK(duties.consider({up("a"), up("b"), up("c")}, at(1ms)).empty());
  (void)duties.write_done({.outcome = write_outcome::stored, .revision = 12}, at(2ms));
  const auto next = duties.consider({up("a"), up("b"), up("c")}, at(3ms));
  REQUIRE(first<leader_duties::write>(next) != nullptr);
  CHECK(first<leader_duties::write>(next)->expected == 12);
}

TEST_CASE("leader duties: after a conflict it reads at once, after silence a little later") {
  auto duties = watching(table_of(10, 11, {up("a")}));
  (void)duties.consider({up("a"), up("b")}, at(0ms));
  CHECK(duties.write_done({.outcome = conflict}, at(1ms)).empty());
  CHECK(first<leader_duties::read>(duties.consider({}, at(1ms))) != nullptr);
  (void)duties.read_done(table_of(10, 12, {up("a")}), at(2ms));
  (void)duties.consider({up("a"), up("b")}, at(2ms));
  CHECK(duties.write_done({.outcome = unknown}, at(3ms)).empty());
  CHECK(duties.consider({}, at(50ms)).empty());
  CHECK(first<leader_duties::read>(duties.consider({}, at(103ms))) != nullptr);
  CHECK(duties.consider({}, at(1s)).empty());  // one read at a time
}

TEST_CASE("leader duties: an unknown write that did take effect is taken as it is") {
  auto duties = watching(table_of(10, 11, {up("a")}));
  (void)duties.consider({up("a"), up("b")}, at(0ms));
  (void)duties.write_done({.outcome = unknown}, at(1ms));
  (void)duties.consider({}, at(200ms));
  (void)duties.read_done(table_of(10, 12, {up("a"), up("b")}), at(201ms));
  CHECK(duties.current() == phase::watching);
}

TEST_CASE("leader duties: a table that cannot be read is read again") {
  auto duties = fresh();
  (void)duties.elected(10);
  CHECK(duties.read_done(std::nullopt, at(0ms)).empty());
  CHECK(duties.consider({up("a")}, at(99ms)).empty());
  CHECK(first<leader_duties::read>(duties.consider({up("a")}, at(100ms))) != nullptr);
}

TEST_CASE("leader duties: a table of a later term ends them") {
  auto duties = fresh();
  (void)duties.elected(10);
  const auto effects = duties.read_done(table_of(11, 12, {up("a")}), at(0ms));
  CHECK(first<leader_duties::step_down>(effects) != nullptr);
  CHECK(duties.current() == phase::idle);
  CHECK(duties.consider({up("a"), up("b")}, at(1s)).empty());
}

}  // namespace aether::cluster
