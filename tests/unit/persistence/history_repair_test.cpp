#include "persistence/src/core/history_repair.hpp"

#include <aether/persistence/memory_store.hpp>
#include "support/commits.hpp"
#include "support/store_calls.hpp"

#include <doctest/doctest.h>

using namespace aether;

namespace {

history_record sound(std::uint64_t sequence, std::uint64_t first, std::size_t events = 1) {
  commit made;
  made.id = commit_id::make();
  made.first = event_version{first};
  made.events.resize(events, {"test.counted", {}});
  return {stream_sequence{sequence}, recorded_commit{made, stream_sequence{sequence}}};
}

history_record damaged(std::uint64_t sequence) {
  return {stream_sequence{sequence}, fail(errc::corrupt_history, "cut short")};
}

skip_request request(std::uint64_t first, std::uint64_t last, std::uint64_t sequence = 0) {
  return {event_version{first}, event_version{last}, stream_sequence{sequence}, "an incident"};
}

/// `records` and, at the end, the marker that skips what `wanted` names.
std::vector<history_record> marked(std::vector<history_record> records,
                                   const skip_request& wanted) {
  auto plan = plan_skip(records, wanted);
  REQUIRE_MESSAGE(plan.has_value(), plan.error().message());
  plan->marker.id = commit_id::make();
  CHECK(plan->expected.sequence == records.back().sequence);
  const stream_sequence sequence{records.back().sequence.value() + 1};
  records.push_back({sequence, recorded_commit{std::move(plan->marker), sequence}});
  return records;
}

std::vector<std::string> types_of(const std::vector<recorded_commit>& history) {
  std::vector<std::string> types;
  std::uint64_t next = 1;
  for (const auto& one : history) {
    CHECK(one.commit.first.value() == next);
    next += one.commit.events.size();
    for (const auto& event : one.commit.events) types.push_back(event.type);
  }
  return types;
}

std::vector<std::string> repaired_types(std::vector<history_record> records) {
  const auto whole = repaired(std::move(records));
  REQUIRE_MESSAGE(whole.has_value(), whole.error().message());
  return types_of(*whole);
}

const std::string counted = "test.counted", skipped{skipped_event}, marker{skip_marker};

void check_refused(const std::vector<history_record>& records, const skip_request& wanted,
                   std::string_view why) {
  const auto plan = plan_skip(records, wanted);
  REQUIRE_FALSE(plan.has_value());
  CHECK(plan.error().code() == errc::invalid_argument);
  CHECK_MESSAGE(plan.error().text().find(why) != std::string::npos, plan.error().text());
}

}  // namespace

TEST_CASE("history repair: a sound history stays as it is") {
  CHECK(repaired_types({sound(7, 1, 2), sound(9, 3)}) == std::vector{counted, counted, counted});
  CHECK(repaired_types({}).empty());
}

TEST_CASE("history repair: without a marker damage is an error that names its place") {
  for (auto& broken :
       {std::vector{sound(7, 1), damaged(8), sound(9, 3)}, std::vector{sound(7, 1), sound(9, 3)},
        std::vector{sound(7, 2)}, std::vector{sound(7, 1), sound(8, 1)}}) {
    const auto whole = repaired(broken);
    REQUIRE_FALSE(whole.has_value());
    CHECK(whole.error().code() == errc::corrupt_history);
  }
  CHECK(repaired({sound(7, 1), sound(9, 3)}).error().text() ==
        "version 2 is missing: the commit at stream sequence 9 begins with version 3");
}

TEST_CASE("history repair: a marker skips an event, wherever it is in its commit") {
  const std::vector records{sound(7, 1), sound(8, 2, 3), sound(9, 5)};
  CHECK(repaired_types(marked(records, request(3, 3))) ==
        std::vector{counted, counted, skipped, counted, counted, marker});
  CHECK(repaired_types(marked(records, request(1, 4))) ==
        std::vector{skipped, skipped, skipped, skipped, counted, marker});
}

TEST_CASE("history repair: a marker skips a record that is no commit") {
  CHECK(repaired_types(marked({sound(7, 1), damaged(8), sound(9, 2)}, request(0, 0, 8))) ==
        std::vector{counted, counted, marker});
  // As the tail, and where nothing else is.
  CHECK(repaired_types(marked({sound(7, 1), damaged(8)}, request(0, 0, 8))) ==
        std::vector{counted, marker});
  CHECK(repaired_types(marked({damaged(8)}, request(0, 0, 8))) == std::vector{marker});
  // A commit that only looks sound: a repeated version.
  CHECK(repaired_types(marked({sound(7, 1), sound(8, 1)}, request(0, 0, 8))) ==
        std::vector{counted, marker});
}

TEST_CASE("history repair: a marker stands for versions that are gone") {
  // A commit that was cut, in the middle and as the tail; one that was deleted.
  CHECK(repaired_types(marked({sound(7, 1), damaged(8), sound(9, 4)}, request(2, 3, 8))) ==
        std::vector{counted, skipped, skipped, counted, marker});
  CHECK(repaired_types(marked({sound(7, 1), damaged(8)}, request(2, 3, 8))) ==
        std::vector{counted, skipped, skipped, marker});
  CHECK(repaired_types(marked({sound(7, 1), sound(9, 4)}, request(2, 3))) ==
        std::vector{counted, skipped, skipped, counted, marker});
}

TEST_CASE("history repair: more than a commit's worth of lost events is filled in parts") {
  const auto whole = repaired(marked({sound(7, 1), sound(9, 602)}, request(2, 601)));
  REQUIRE(whole.has_value());
  CHECK(types_of(*whole).size() == 603);
  for (const auto& one : *whole) CHECK(one.commit.events.size() <= commit_events_max);
}

TEST_CASE("history repair: what is not there cannot be skipped") {
  const std::vector records{sound(7, 1), sound(8, 2)};
  check_refused(records, request(3, 3), "ends at version 2");
  check_refused(records, request(0, 0), "nothing is to be skipped");
  check_refused(records, request(2, 1), "no range");
  check_refused(records, request(1, 65'537), "no range");
  check_refused(records, request(0, 0, 5), "no record at stream sequence 5");
  check_refused(records, {event_version{1}, event_version{1}, {}, ""}, "a reason");
}

TEST_CASE("skip events: a marker that claims more than may be skipped is not heeded") {
  std::vector records{sound(7, 1), sound(9, 1'000'000)};
  commit forged;
  forged.id = commit_id::make();
  forged.first = event_version{1'000'001};
  forged.events.push_back({marker, encode(skip_order{2, 999'999, 0, "forged"})});
  records.push_back({stream_sequence{10}, recorded_commit{forged, stream_sequence{10}}});
  CHECK_FALSE(repaired(records).has_value());
}

TEST_CASE("skip events: the marker is appended, and read by everyone afterwards") {
  memory_event_store store;
  const auto alice = testing::address("account", "alice");
  const auto first = testing::append(store, alice, {}, testing::commit_after({}, 3));
  REQUIRE(first.has_value());
  const auto where = testing::skip(store, alice, request(2, 2));
  REQUIRE_MESSAGE(where.has_value(), where.error().message());
  CHECK(where->version == event_version{4});
  const auto whole = repaired(*testing::records(store, alice));
  REQUIRE(whole.has_value());
  CHECK(types_of(*whole) == std::vector{counted, skipped, counted, marker});
  CHECK(testing::skip(store, alice, request(9, 9)).error().code() == errc::invalid_argument);
}
