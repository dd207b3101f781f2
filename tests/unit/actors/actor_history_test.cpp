#include <aether/persistence/scripted_store.hpp>
#include "support/ledger_archive.hpp"

#include <doctest/doctest.h>

using namespace aether;
using namespace std::chrono_literals;
using aether::testing::archive;
using aether::testing::move_of;
using aether::testing::noon;
using aether::testing::past;
using aether::testing::time_point;
using old_ledger::totals;

namespace {

/// Versions 1-6 in three commits: 1; 10, 100; 1'000, 10'000, 100'000 cents.
archive three_commits() {
  archive made;
  made.put({move_of(1)});
  made.put({move_of(10), move_of(100)});
  made.put({move_of(1'000), move_of(10'000), move_of(100'000)});
  return made;
}

const std::int64_t cents_after[] = {0, 1, 11, 111, 1'111, 11'111, 111'111};

}  // namespace

TEST_CASE("actor history: the state at each version, in the middle of a commit too") {
  const auto it = three_commits();
  for (std::uint64_t version = 0; version <= 6; ++version) {
    const auto moment = it.at(version);
    CHECK(moment.state.cents == cents_after[version]);
    CHECK(moment.point.version == event_version{version});
  }
  CHECK_FALSE(it.at(0).point.at.has_value());
  CHECK(it.at(1).point.at == noon);
  CHECK(it.at(2).point.at == noon + 1min);
  CHECK(it.at(6).point.at == noon + 2min);
}

TEST_CASE("actor history: beyond the end it is the state now, and the point says so") {
  const auto it = three_commits();
  for (const auto& moment : {it.at(7), it.at(1'000'000), it.now()}) {
    CHECK(moment.state.cents == 111'111);
    CHECK(moment.point.version == event_version{6});
    CHECK(moment.point.at == noon + 2min);
  }
}

TEST_CASE("actor history: an actor without a history is at version 0, in its first state") {
  const archive it;
  for (const auto& moment : {it.at(0), it.at(3), it.now(), it.at(noon)}) {
    CHECK(moment.state.cents == 0);
    CHECK(moment.point.version == event_version{});
    CHECK_FALSE(moment.point.at.has_value());
  }
}

TEST_CASE("actor history: the state at a time holds all commits written by then") {
  const auto it = three_commits();
  const std::pair<time_point, std::uint64_t> rows[]{
      {time_point{}, 0},
      {noon - 1ms, 0},
      {noon, 1},
      {noon + 1min - 1ms, 1},
      {noon + 1min, 3},
      {noon + 2min - 1ms, 3},
      {noon + 2min, 6},
      {noon + 24h, 6},
      {time_point::max(), 6},
      {time_point::max() - 1ms, 6},
      {time_point::min(), 0},
  };
  for (const auto& [time, version] : rows) {
    CAPTURE(time.time_since_epoch().count());
    const auto moment = it.at(time);
    CHECK(moment.point.version == event_version{version});
    CHECK(moment.state.cents == cents_after[version]);
  }
}

TEST_CASE("actor history: begins with the newest snapshot that is no later") {
  archive it;
  it.put({move_of(1)});
  it.put({move_of(10), move_of(100)});
  // They lie, so that one sees where they were used.
  it.put_snapshot(500'111);
  it.put({move_of(1'000)});
  it.put_snapshot(700'000);
  it.put({move_of(10'000)});
  CHECK(it.at(2).state.cents == 11);
  CHECK(it.at(3).state.cents == 500'111);
  CHECK(it.at(3).point.version == event_version{3});
  CHECK(it.at(3).point.at == noon + 1min);
  CHECK(it.at(4).state.cents == 700'000);
  CHECK(it.at(5).state.cents == 710'000);
  CHECK(it.at(5).point.at == noon + 3min);
  CHECK(it.now().state.cents == 710'000);
  CHECK(it.at(noon + 1min).state.cents == 500'111);
  const past without{it.events, nullptr, "ann"};
  CHECK(archive::take(without.state_now()).state.cents == 11'111);
}

TEST_CASE("actor history: a snapshot that cannot be used is gone without") {
  archive it;
  it.put({move_of(1)});
  SUBCASE("of another type") { it.put_snapshot("other", 1, encode(totals{900, 0, {}})); }
  SUBCASE("of another schema") {
    it.put_snapshot(std::string{totals::aether_wire_name}, 2, encode(totals{900, 0, {}}));
  }
  SUBCASE("that does not decode") {
    it.put_snapshot(std::string{totals::aether_wire_name}, 1, {std::byte{0xc1}});
  }
  it.put({move_of(10)});
  CHECK(it.at(1).state.cents == 1);
  CHECK(it.now().state.cents == 11);
}

TEST_CASE("actor history: a snapshot of a log that is not this one any more is no state") {
  archive it;
  it.put({move_of(1)});
  const auto known = it.end;
  SUBCASE("the log ends before it") {
    it.end.version = event_version{9};
    it.end.sequence = stream_sequence{900};
  }
  SUBCASE("another commit is there") { it.end.commit = commit_id::make(); }
  SUBCASE("another version is there") { it.end.version = event_version{2}; }
  it.put_snapshot(500);
  it.end = known;
  it.put({move_of(10)});
  it.put({move_of(100)});
  const auto moment = it.of_ann().state_now().get();
  REQUIRE_FALSE(moment.has_value());
  CHECK(moment.error().code() == errc::stream_regressed);
}

TEST_CASE("actor history: a replay visits each event once, with the state after it") {
  auto it = three_commits();
  it.put_snapshot(999);
  std::vector<std::pair<std::uint64_t, std::int64_t>> seen;
  const auto visit = [&](const recorded_event& event, const totals& after) {
    seen.emplace_back(event.version.value(), after.cents);
  };
  std::uint64_t to = 6;
  SUBCASE("all of it") {
    const auto end = archive::take(it.of_ann().replay(visit));
    CHECK(end.state.cents == 111'111);
  }
  SUBCASE("a part of it") {
    to = 4;
    const auto end = archive::take(it.of_ann().replay(visit, event_version{4}));
    CHECK(end.state.cents == 1'111);
    CHECK(end.point.version == event_version{4});
  }
  SUBCASE("nothing of it") {
    to = 0;
    (void)archive::take(it.of_ann().replay(visit, event_version{0}));
  }
  REQUIRE(seen.size() == to);
  for (std::uint64_t version = 1; version <= to; ++version)
    CHECK(seen[version - 1] == std::pair{version, cents_after[version]});
}

TEST_CASE("actor history: a long history comes in pages, none twice") {
  archive it;
  constexpr std::uint64_t commits = 50, each = 200;
  for (std::uint64_t i = 0; i < commits; ++i) it.put(std::vector(each, move_of(1)));
  std::uint64_t visited = 0;
  const auto end =
      archive::take(it.of_ann().replay([&](const recorded_event& event, const totals& after) {
        ++visited;
        if (event.version.value() != visited || after.cents != static_cast<std::int64_t>(visited))
          FAIL("version ", event.version.value(), " comes as number ", visited);
      }));
  CHECK(visited == commits * each);
  CHECK(end.point.version == event_version{commits * each});
  CHECK(it.at(5'000).state.cents == 5'000);
}

TEST_CASE("actor history: the stored events are there as they are") {
  const auto it = three_commits();
  const auto part = it.of_ann().events({.from = event_version{2}, .limit = 2}).get();
  REQUIRE(part.has_value());
  REQUIRE(part->events.size() == 2);
  CHECK(part->more);
  CHECK(part->events[0].version == event_version{2});
  CHECK(part->events[0].event == move_of(10));
}

TEST_CASE("actor history: a store is not gone before it has answered") {
  const auto it = three_commits();
  auto held = std::make_shared<scripted_event_store>(it.events);
  const std::weak_ptr<scripted_event_store> alive = held;
  held->hold_calls();
  auto answer = past{held, nullptr, "ann"}.events();
  held.reset();
  held = alive.lock();
  REQUIRE(held != nullptr);
  held->release();
  CHECK(answer.get()->events.size() == 6);
}

namespace {

template <class Answer>
void check_refused(Answer answer, errc code) {
  const auto got = answer.get();
  REQUIRE_FALSE(got.has_value());
  CHECK(got.error().code() == code);
}

void check_refuses_all(const past& it, errc code) {
  check_refused(it.state_at(event_version{1}), code);
  check_refused(it.state_at(noon), code);
  check_refused(it.state_now(), code);
  check_refused(it.replay([](const recorded_event&, const totals&) {}), code);
  check_refused(it.events(), code);
}

}  // namespace

TEST_CASE("actor history: without a store, or of an actor that cannot be, it says so") {
  check_refuses_all(past{nullptr, nullptr, "ann"}, errc::not_running);
  const archive it;
  check_refuses_all(past{it.events, it.snapshots, ""}, errc::invalid_argument);
  check_refuses_all(past{it.events, it.snapshots, std::string(256, 'x')}, errc::invalid_argument);
  check_refuses_all(past{nullptr, nullptr, ""}, errc::not_running);
}
