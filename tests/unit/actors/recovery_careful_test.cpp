// Recovery that heeds an operator's markers, and when it is worth trying.

#include "persistence/src/core/history_repair.hpp"
#include "support/recovery_log.hpp"

#include <doctest/doctest.h>

using namespace aether;
using aether::testing::played_recovery;
using aether::testing::recovery_log;
using machine = recovery_machine;
using phase = recovery_machine::phase;

namespace {

/// `count` commits of one event; each names the newest `pointers` before it.
recovery_log log_of(std::size_t count, std::size_t pointers) {
  recovery_log made;
  for (std::size_t i = 0; i < count; ++i) made.add(1, pointers);
  return made;
}

void check_failed(const played_recovery& it, errc code, std::string_view why) {
  REQUIRE(it.machine.now() == phase::failed);
  CHECK(it.machine.why().code() == code);
  CHECK_MESSAGE(it.machine.why().text().find(why) != std::string::npos, it.machine.why().text());
}

/// Ends `log` with an operator's marker.
void mark(recovery_log& log, std::vector<history_record> records, const skip_request& wanted) {
  auto plan = plan_skip(records, wanted);
  REQUIRE_MESSAGE(plan.has_value(), plan.error().message());
  plan->marker.id = commit_id::make();
  log.commits.push_back(
      {std::move(plan->marker), stream_sequence{log.next_sequence()}, plan->expected.commit});
}

}  // namespace

TEST_CASE("careful recovery: a marker has an event skipped, before or after the snapshot or not") {
  recovery_log log = log_of(4, 128);
  mark(log, log.records(), {event_version{2}, event_version{3}, {}, "poison"});
  played_recovery it{true};
  std::vector<std::string> expected{"e1", "aether.skipped", "aether.skipped", "e4", "aether.skip"};
  SUBCASE("without a snapshot") { it.play(log); }
  SUBCASE("with a snapshot before") {
    it.play(log, log.snapshot_after(1));
    expected.erase(expected.begin());
  }
  SUBCASE("with a snapshot in the middle") {
    it.play(log, log.snapshot_after(2));
    expected.erase(expected.begin(), expected.begin() + 2);
  }
  REQUIRE(it.machine.now() == phase::done);
  CHECK(it.events == expected);
  CHECK(it.records_read == 1);
  CHECK(it.fetches.empty());
  CHECK(it.machine.position() == log.commits.back().position());
  CHECK(it.machine.back_pointers().back() == log.commits.back().sequence);
}

TEST_CASE("careful recovery: a snapshot may lie within versions that are gone") {
  recovery_log log = log_of(5, 0);
  const auto from = log.snapshot_after(3);
  log.commits.erase(log.commits.begin() + 1, log.commits.begin() + 4);
  mark(log, log.records(), {event_version{2}, event_version{4}, {}, "deleted"});
  played_recovery it{true};
  it.play(log, from);
  REQUIRE_MESSAGE(it.machine.now() == phase::done, it.machine.why().text());
  CHECK(it.events == std::vector<std::string>{"aether.skipped", "e5", "aether.skip"});
  CHECK(it.machine.position() == log.commits.back().position());
}

TEST_CASE("careful recovery: without a marker damage stays damage, and another log another") {
  recovery_log log = log_of(4, 128);
  played_recovery gap{true};
  SUBCASE("a gap") {
    log.commits.erase(log.commits.begin() + 1);
    gap.play(log);
    check_failed(gap, errc::corrupt_history, "version 2 is missing");
  }
  SUBCASE("another log") {
    auto from = log.snapshot_after(2);
    // Records do not tell what they follow: only the tail does.
    from.position = {event_version{4}, stream_sequence{40}, commit_id::make()};
    gap.play(log, from);
    check_failed(gap, errc::stream_regressed, "another history");
  }
  CHECK_FALSE(gap.machine.care_may_help());
}

TEST_CASE("careful recovery: records that end before the tail are stale, an error fails it") {
  recovery_log log = log_of(4, 128);
  machine it{{}, true};
  (void)it.tail_read(log.tail());
  (void)it.snapshot_read(std::nullopt);
  errc expected = errc::unavailable;
  SUBCASE("stale") {
    log.commits.pop_back();
    (void)it.records_read(log.records());
  }
  SUBCASE("an error") {
    (void)it.records_read(fail(errc::timed_out, "x"));
    expected = errc::timed_out;
  }
  REQUIRE(it.now() == phase::failed);
  CHECK(it.why().code() == expected);
}

TEST_CASE("recovery: care may help only where the tail could be read") {
  recovery_log log = log_of(4, 0);
  SUBCASE("a gap") {
    log.commits.erase(log.commits.begin() + 1);
    played_recovery it;
    it.play(log);
    check_failed(it, errc::corrupt_history, "version 2 is missing");
    CHECK(it.machine.care_may_help());
  }
  SUBCASE("an event that cannot be applied") {
    machine it;
    (void)it.tail_read(log.tail());
    (void)it.snapshot_read(std::nullopt);
    it.replay_failed({errc::corrupt_history, "x"});
    CHECK(it.care_may_help());
  }
  SUBCASE("the tail cannot be read") {
    machine it;
    (void)it.tail_read(fail(errc::corrupt_history, "x"));
    (void)it.snapshot_read(std::nullopt);
    REQUIRE(it.now() == phase::failed);
    CHECK_FALSE(it.care_may_help());
  }
  SUBCASE("the log lost its end") {
    played_recovery it;
    auto from = log.snapshot_after(4);
    from.position = {event_version{5}, stream_sequence{50}, {}};
    it.play(log, from);
    check_failed(it, errc::stream_regressed, "lost its end");
    CHECK_FALSE(it.machine.care_may_help());
  }
}
