#include "actors/src/core/recovery_machine.hpp"

#include <doctest/doctest.h>

using namespace aether;

namespace {

using machine = recovery_machine;

/// The commit with versions `first`..`last`, at the stream sequence `last * 10`.
recorded_commit stored(std::uint64_t first, std::uint64_t last) {
  commit made;
  made.id = commit_id::make();
  made.first = event_version{first};
  made.events.resize(last - first + 1, {"e", {}});
  return {made, stream_sequence{last * 10}, {}, stream_sequence{(first - 1) * 10}};
}

std::vector<recorded_commit> page_of(std::uint64_t first, std::uint64_t last) {
  std::vector<recorded_commit> page;
  for (; first <= last; ++first) page.push_back(stored(first, first));
  return page;
}

snapshot snapshot_at(std::uint64_t version) {
  return {{event_version{version}, stream_sequence{version * 10}}, "s", 1, {}, {}};
}

template <class Step>
std::size_t count_of(const machine::steps& steps) {
  std::size_t count = 0;
  for (const auto& step : steps) count += std::holds_alternative<Step>(step) ? 1 : 0;
  return count;
}

template <class Step>
const Step& only(const machine::steps& steps) {
  REQUIRE(steps.size() == 1);
  REQUIRE(std::holds_alternative<Step>(steps[0]));
  return std::get<Step>(steps[0]);
}

}  // namespace

TEST_CASE("recovery: an actor without history is ready at version 0") {
  machine it;
  CHECK(it.snapshot_read(std::nullopt).empty());
  CHECK(it.now() == machine::phase::asking);
  CHECK(it.tail_read(std::nullopt).empty());
  CHECK(it.now() == machine::phase::done);
  CHECK(it.position() == log_position{});
}

TEST_CASE("recovery: a history of one commit is replayed from the tail alone") {
  machine it;
  CHECK(it.tail_read(stored(1, 3)).empty());
  const auto steps = it.snapshot_read(std::nullopt);
  CHECK(only<machine::replay>(steps).next.first == event_version{1});
  CHECK(it.now() == machine::phase::done);
  CHECK(it.position() == log_position{event_version{3}, stream_sequence{30}});
}

TEST_CASE("recovery: a snapshot at the tail needs no replay, one right before it the tail alone") {
  machine at_tail;
  (void)at_tail.tail_read(stored(4, 5));
  CHECK(only<machine::restore>(at_tail.snapshot_read(snapshot_at(5))).from.position.version ==
        event_version{5});
  CHECK(at_tail.now() == machine::phase::done);
  CHECK(at_tail.restored() == event_version{5});

  machine before;
  (void)before.snapshot_read(snapshot_at(3));
  const auto steps = before.tail_read(stored(4, 5));
  REQUIRE(steps.size() == 2);
  CHECK(std::holds_alternative<machine::restore>(steps[0]));
  CHECK(std::holds_alternative<machine::replay>(steps[1]));
  CHECK(before.now() == machine::phase::done);
  CHECK(before.position() == log_position{event_version{5}, stream_sequence{50}});
  CHECK(before.restored() == event_version{3});
}

TEST_CASE("recovery: what lies between the snapshot and the tail is read from the snapshot on") {
  machine it;
  (void)it.tail_read(stored(9, 9));
  const auto steps = it.snapshot_read(snapshot_at(5));
  REQUIRE(steps.size() == 2);
  const auto& read = std::get<machine::read>(steps[1]);
  CHECK(read.from == event_version{6});
  CHECK(read.after == stream_sequence{50});
  CHECK(it.now() == machine::phase::replaying);
  CHECK(count_of<machine::replay>(it.page_read(page_of(6, 9))) == 4);
  CHECK(it.now() == machine::phase::done);
  CHECK(it.position().version == event_version{9});
}

TEST_CASE("recovery: a long history is read page by page, each after the one before") {
  constexpr std::uint64_t page = machine::page_commits;
  machine it;
  (void)it.snapshot_read(std::nullopt);
  CHECK(only<machine::read>(it.tail_read(stored(page + 2, page + 2))).from == event_version{1});
  const auto steps = it.page_read(page_of(1, page));
  CHECK(count_of<machine::replay>(steps) == page);
  const auto& next = std::get<machine::read>(steps.back());
  CHECK(next.from == event_version{page + 1});
  CHECK(next.after == stream_sequence{page * 10});
  (void)it.page_read(page_of(page + 1, page + 2));
  CHECK(it.now() == machine::phase::done);
}

TEST_CASE("recovery: commits that were stored since the tail was read are replayed too") {
  machine it;
  (void)it.tail_read(stored(3, 3));
  (void)it.snapshot_read(std::nullopt);
  (void)it.page_read(page_of(1, 6));
  CHECK(it.now() == machine::phase::done);
  CHECK(it.position().version == event_version{6});
}

TEST_CASE("recovery: a history that ends before the tail is stale, and worth reading again") {
  machine it;
  (void)it.tail_read(stored(5, 5));
  (void)it.snapshot_read(std::nullopt);
  CHECK(std::get<machine::read>(it.page_read(page_of(1, 3)).back()).from == event_version{4});
  CHECK(it.page_read(page_of(4, 3)).empty());
  REQUIRE(it.now() == machine::phase::failed);
  CHECK(it.why().code() == errc::unavailable);
}

TEST_CASE("recovery: a gap in the history is never stepped over") {
  machine it;
  (void)it.tail_read(stored(5, 5));
  (void)it.snapshot_read(std::nullopt);
  std::vector<recorded_commit> page{stored(1, 2), stored(4, 4), stored(5, 5)};
  CHECK(count_of<machine::replay>(it.page_read(std::move(page))) == 0);
  REQUIRE(it.now() == machine::phase::failed);
  CHECK(it.why().code() == errc::corrupt_history);
  CHECK(it.why().text().find("version 3 is missing") != std::string::npos);
}

TEST_CASE("recovery: a tail behind the snapshot is read again before the log is called regressed") {
  machine moved_on;  // another owner appended and took a snapshot between the two reads
  (void)moved_on.tail_read(stored(4, 4));
  (void)only<machine::read_tail>(moved_on.snapshot_read(snapshot_at(6)));
  CHECK(moved_on.now() == machine::phase::asking);
  CHECK(moved_on.tail_read(stored(7, 7)).size() == 2);
  CHECK(moved_on.now() == machine::phase::done);
  CHECK(moved_on.position().version == event_version{7});

  machine regressed;
  (void)regressed.snapshot_read(snapshot_at(6));
  (void)only<machine::read_tail>(regressed.tail_read(stored(4, 4)));
  CHECK(regressed.tail_read(stored(4, 4)).empty());
  REQUIRE(regressed.now() == machine::phase::failed);
  CHECK(regressed.why().code() == errc::stream_regressed);
}

TEST_CASE("recovery: a log behind what the owner knows was stored is regressed, snapshot or not") {
  machine told{event_version{3}};
  (void)told.snapshot_read(std::nullopt);
  (void)only<machine::read_tail>(told.tail_read(std::nullopt));
  (void)told.tail_read(std::nullopt);
  REQUIRE(told.now() == machine::phase::failed);
  CHECK(told.why().code() == errc::stream_regressed);

  machine skipped;  // the snapshot could not be used, but it says what was there
  (void)skipped.tail_read(stored(1, 1));
  skipped.was_stored(event_version{2});
  (void)only<machine::read_tail>(skipped.snapshot_read(std::nullopt));
  (void)skipped.tail_read(stored(1, 1));
  REQUIRE(skipped.now() == machine::phase::failed);
  CHECK(skipped.why().code() == errc::stream_regressed);
}

TEST_CASE("recovery: an error of either read fails it, once both are in") {
  machine tail;
  CHECK(tail.tail_read(fail(errc::unavailable, "x")).empty());
  CHECK(tail.now() == machine::phase::asking);
  (void)tail.snapshot_read(std::nullopt);
  CHECK(tail.now() == machine::phase::failed);
  CHECK(tail.why().code() == errc::unavailable);

  machine snapshot_too;
  (void)snapshot_too.snapshot_read(fail(errc::timed_out, "x"));
  (void)snapshot_too.tail_read(stored(1, 1));
  CHECK(snapshot_too.now() == machine::phase::failed);
  CHECK(snapshot_too.why().code() == errc::timed_out);
}

TEST_CASE("recovery: an error of a page, or of its replay, fails it") {
  machine page;
  (void)page.tail_read(stored(5, 5));
  (void)page.snapshot_read(std::nullopt);
  (void)page.page_read(fail(errc::corrupt_history, "x"));
  CHECK(page.now() == machine::phase::failed);

  machine replay;
  (void)replay.tail_read(stored(5, 5));
  (void)replay.snapshot_read(std::nullopt);
  replay.replay_failed({errc::corrupt_history, "version 2"});
  CHECK(replay.now() == machine::phase::failed);
  CHECK(replay.why().text() == "version 2");
}
