// Recovery by back-pointers, and whether the log is still the one that the snapshot was taken of.

#include "support/recovery_log.hpp"

#include <doctest/doctest.h>

using namespace aether;
using aether::testing::events_between;
using aether::testing::played_recovery;
using aether::testing::recovery_log;
using machine = recovery_machine;
using phase = recovery_machine::phase;

namespace {

using lists = std::vector<std::vector<stream_sequence>>;

std::vector<stream_sequence> sequences(std::initializer_list<std::uint64_t> numbers) {
  std::vector<stream_sequence> made;
  for (const auto next : numbers) made.emplace_back(next);
  return made;
}

/// `count` commits of one event; each names the newest `pointers` before it.
recovery_log log_of(std::size_t count, std::size_t pointers) {
  recovery_log made;
  for (std::size_t i = 0; i < count; ++i) made.add(1, pointers);
  return made;
}

void check_whole(const played_recovery& it, const recovery_log& log, std::uint64_t after = 0) {
  REQUIRE(it.machine.now() == phase::done);
  CHECK(it.events == events_between(after + 1, log.versions()));
  CHECK(it.machine.position() == log.commits.back().position());
  CHECK(it.machine.position().commit == log.commits.back().commit.id);
}

void check_failed(const played_recovery& it, errc code, std::string_view why) {
  REQUIRE(it.machine.now() == phase::failed);
  CHECK(it.machine.why().code() == code);
  CHECK_MESSAGE(it.machine.why().text().find(why) != std::string::npos, it.machine.why().text());
}

}  // namespace

TEST_CASE("recovery by back-pointers: two round trips, however many commits") {
  recovery_log log = log_of(100, 128);
  log.add(3, 128);
  played_recovery it;
  it.play(log);
  check_whole(it, log);
  CHECK(it.fetches.size() == 1);
  CHECK(it.reads.empty());
  CHECK(it.machine.back_pointers() == log.newest(101));
}

TEST_CASE("recovery by back-pointers: what the snapshot covers is not fetched") {
  const recovery_log log = log_of(6, 128);
  played_recovery it;
  it.play(log, log.snapshot_after(3));
  check_whole(it, log, 3);
  CHECK(it.restores == 1);
  CHECK(it.fetches == lists{sequences({40, 50})});
  CHECK(it.reads.empty());
}

TEST_CASE("recovery by back-pointers: the oldest one fetched leads further, down to version 1") {
  const recovery_log log = log_of(7, 2);
  played_recovery it;
  it.play(log);
  check_whole(it, log);
  CHECK(it.fetches == lists{sequences({50, 60}), sequences({30, 40}), sequences({10, 20})});
  CHECK(it.reads.empty());
}

TEST_CASE("recovery by back-pointers: a chain that is too long is left, and all is read in order") {
  const recovery_log within = log_of(machine::fetches_max + 1, 1);
  played_recovery it;
  it.play(within);
  check_whole(it, within);
  CHECK(it.fetches.size() == machine::fetches_max);
  CHECK(it.reads.empty());

  const recovery_log beyond = log_of(machine::fetches_max + 2, 1);
  played_recovery other;
  other.play(beyond);
  check_whole(other, beyond);
  CHECK(other.fetches.size() == machine::fetches_max);
  REQUIRE(other.reads.size() == 1);
  CHECK(other.reads[0].from == event_version{1});
}

TEST_CASE("recovery: a tail that lies about its version or its place rolls nobody back") {
  recovery_log log = log_of(300, 128);  // more than a page
  std::optional<snapshot> from;
  recorded_commit lie = log.commits[3];
  lie.sequence = stream_sequence{log.next_sequence()};
  lie.after.reset();
  SUBCASE("a copy of an earlier commit") {}
  SUBCASE("the first version again") { lie = {recovery_log{}.add().commit, lie.sequence}; }
  SUBCASE("the one after the snapshot") { from = log.snapshot_after(3); }
  SUBCASE("the one that the snapshot covers") { from = log.snapshot_after(4); }
  SUBCASE("one before the snapshot") { from = log.snapshot_after(10); }
  SUBCASE("stored after the newest, which its writer knew") {
    lie.after = log.commits.back().sequence;
  }
  const auto place = std::to_string(lie.sequence.value());
  log.commits.push_back(lie);
  played_recovery it;
  it.play(log, from);
  check_failed(it, errc::corrupt_history, "version 301 is missing: the commit at stream sequence");
  check_failed(it, errc::corrupt_history, place);
}

TEST_CASE("recovery by back-pointers: where they mislead, the history is read in order") {
  recovery_log log = log_of(5, 128);
  auto& wrong = log.commits.back().commit.back_pointers;
  std::size_t fetches = 1;
  SUBCASE("nothing is there") {
    wrong = sequences({11, 12});
    fetches = 0;
  }
  SUBCASE("one is missing") { wrong = sequences({10, 20, 40}); }
  SUBCASE("the newest is missing") {
    wrong = sequences({10, 20, 30});
    fetches = 0;
  }
  SUBCASE("they name the commit itself") {
    wrong = sequences({30, 40, 50});
    fetches = 0;
  }
  SUBCASE("they name later ones") {
    wrong = sequences({60, 70});
    fetches = 0;
  }
  SUBCASE("the first is right and the second leads nowhere") {
    wrong = sequences({30, 40});
    log.commits[2].commit.back_pointers = sequences({11});
  }
  SUBCASE("there is none any more after the first") {
    wrong = sequences({30, 40});
    log.commits[2].commit.back_pointers = {};
  }
  for (const std::uint64_t covered : {0, 1}) {
    CAPTURE(covered);
    played_recovery it;
    it.play(log, covered == 0 ? std::nullopt : std::optional{log.snapshot_after(1)});
    check_whole(it, log, covered);
    CHECK(it.fetches.size() == fetches);
    REQUIRE(it.reads.size() == 1);
    CHECK(it.reads[0].from == event_version{covered + 1});
    CHECK(it.reads[0].after == stream_sequence{10 * covered});
    const auto own = it.machine.back_pointers();
    CHECK(std::ranges::is_sorted(own));
    CHECK(own.back() == log.commits.back().sequence);
  }
}

TEST_CASE("recovery by back-pointers: commits of another history are not believed") {
  const recovery_log log = log_of(4, 128);
  recovery_log other = log_of(4, 128);
  SUBCASE("none is of this one") {}
  SUBCASE("the newest is of this one") { other.commits[2] = log.commits[2]; }
  SUBCASE("only the oldest is not") {
    other.commits[2] = log.commits[2];
    other.commits[1] = log.commits[1];
  }
  machine it;
  (void)it.tail_read(log.tail());
  const auto steps = it.snapshot_read(std::nullopt);
  REQUIRE(steps.size() == 1);
  const auto next = it.fetched(other.at(std::get<machine::fetch>(steps[0])));
  REQUIRE(next.size() == 1);
  CHECK(std::get<machine::read>(next[0]).from == event_version{1});
  CHECK(it.now() == phase::replaying);
}

TEST_CASE("recovery by back-pointers: where the fetch fails, the history is read in order") {
  const recovery_log log = log_of(4, 128);
  machine it;
  (void)it.tail_read(log.tail());
  (void)it.snapshot_read(std::nullopt);
  const auto steps = it.fetched(fail(errc::timed_out, "x"));
  REQUIRE(steps.size() == 1);
  const auto& next = std::get<machine::read>(steps[0]);
  CHECK(next.from == event_version{1});
  SUBCASE("and is there") {
    (void)it.page_read(log.page(next));
    CHECK(it.now() == phase::done);
  }
  SUBCASE("which may fail too") {
    CHECK(it.page_read(fail(errc::timed_out, "y")).empty());
    CHECK(it.now() == phase::failed);
    CHECK(it.why().code() == errc::timed_out);
  }
}

TEST_CASE("recovery: back-pointers end with the newest commit, also when it came meanwhile") {
  recovery_log log = log_of(3, 0);
  const auto tail = log.tail();
  log.add(2, 1);
  played_recovery it;
  it.play(log, tail);
  check_whole(it, log);
  CHECK(it.machine.back_pointers() == sequences({30, 40}));
}

TEST_CASE("recovery: a page that ends early, before the tail, is gone on with") {
  const recovery_log log = log_of(5, 0);
  machine it;
  (void)it.tail_read(log.tail());
  (void)it.snapshot_read(std::nullopt);
  auto early = log.commits;
  early.resize(3);
  const auto steps = it.page_read(early);
  REQUIRE(steps.size() == 4);
  const auto& next = std::get<machine::read>(steps.back());
  CHECK(next.from == event_version{4});
  CHECK(next.after == stream_sequence{30});
  (void)it.page_read(log.page(next));
  CHECK(it.now() == phase::done);
}

TEST_CASE("recovery: a snapshot of another log regressed, wherever that shows") {
  recovery_log log = log_of(4, 128);
  snapshot from = log.snapshot_after(4);
  SUBCASE("the tail is at another sequence") { from.position.sequence = stream_sequence{39}; }
  SUBCASE("the tail is another commit") { from.position.commit = commit_id::make(); }
  SUBCASE("the tail follows another commit") {
    from = log.snapshot_after(3);
    from.position.commit = commit_id::make();
  }
  SUBCASE("what is fetched follows another commit") {
    from = log.snapshot_after(1);
    from.position.commit = commit_id::make();
  }
  SUBCASE("what is read follows another commit") {
    from = log.snapshot_after(1);
    from.position.commit = commit_id::make();
    log.commits.back().commit.back_pointers = {};
  }
  played_recovery it;
  it.play(log, from);
  check_failed(it, errc::stream_regressed, "another history");
  CHECK(it.events.empty());
}

TEST_CASE(
    "recovery: a snapshot, or a commit, that does not say which commit it knows is believed") {
  recovery_log log = log_of(4, 128);
  snapshot from = log.snapshot_after(2);
  SUBCASE("the snapshot is old") { from.position.commit = {}; }
  SUBCASE("the snapshot at the tail is old") {
    from = log.snapshot_after(4);
    from.position.commit = {};
  }
  SUBCASE("the commits are old") {
    for (auto& old : log.commits) old.previous = {};
  }
  played_recovery it;
  it.play(log, from);
  REQUIRE(it.machine.now() == phase::done);
  CHECK(it.events == events_between(from.position.version.value() + 1, 4));
}
