#include "persistence/src/core/read_machine.hpp"

#include "support/commits.hpp"

#include <doctest/doctest.h>

namespace {

using namespace aether;

recorded_commit at(std::uint64_t first, std::uint64_t events, std::uint64_t sequence) {
  commit made = testing::commit_after({event_version{first - 1}, stream_sequence{}}, events);
  return {std::move(made), stream_sequence{sequence}};
}

}  // namespace

TEST_CASE("read machine: pages until the stream has no more") {
  read_machine reads{event_version{1}, {}, 1'000, true, false};
  CHECK(reads.next().first == stream_sequence{1});
  CHECK(reads.next().count == read_machine::page_commits_max);
  CHECK(reads.take(at(1, 2, 5)).has_value());
  reads.page_ended(true);
  CHECK(reads.next().first == stream_sequence{6});
  CHECK(reads.take(at(3, 1, 9)).has_value());
  reads.page_ended(false);
  REQUIRE(reads.done());
  CHECK(std::move(reads).collected().size() == 2);
}

TEST_CASE("read machine: stops at the number asked for") {
  read_machine reads{event_version{1}, {}, 2, true, false};
  CHECK(reads.next().count == 2);
  CHECK(reads.take(at(1, 1, 1)).has_value());
  CHECK(reads.take(at(2, 1, 2)).has_value());
  CHECK(reads.done());
  CHECK(reads.take(at(3, 1, 3)).has_value());
  CHECK(std::move(reads).collected().size() == 2);
}

TEST_CASE("read machine: skips what ends before the version wanted, keeps what holds it") {
  read_machine reads{event_version{4}, {}, 10, true, false};
  CHECK(reads.take(at(1, 2, 1)).has_value());
  CHECK(reads.take(at(3, 3, 2)).has_value());
  reads.page_ended(false);
  const auto read = std::move(reads).collected();
  REQUIRE(read.size() == 1);
  CHECK(read[0].commit.first == event_version{3});
}

TEST_CASE("read machine: a missing version is corrupt and has a place") {
  read_machine reads{event_version{1}, {}, 10, true, false};
  CHECK(reads.take(at(1, 2, 7)).has_value());
  const auto gap = reads.take(at(4, 1, 9));
  REQUIRE_FALSE(gap.has_value());
  CHECK(gap.error().code() == errc::corrupt_history);
  CHECK(gap.error().text().find("version 3") != std::string::npos);
  CHECK(gap.error().text().find("sequence 9") != std::string::npos);
}

TEST_CASE("read machine: a history begins with version 1") {
  read_machine reads{event_version{5}, {}, 10, true, false};
  CHECK_FALSE(reads.take(at(2, 1, 7)).has_value());
}

TEST_CASE("read machine: a hint may lead into the middle, not past what is wanted") {
  read_machine well{event_version{5}, stream_sequence{70}, 10, true, false};
  CHECK(well.next().first == stream_sequence{70});
  CHECK(well.take(at(4, 1, 70)).has_value());
  CHECK(well.take(at(5, 1, 90)).has_value());
  read_machine past{event_version{5}, stream_sequence{80}, 10, true, false};
  CHECK_FALSE(past.take(at(6, 1, 90)).has_value());
}

TEST_CASE("read machine: with replicas the leader has the last word") {
  read_machine reads{event_version{1}, {}, 10, true, true};
  CHECK(reads.take(at(1, 1, 3)).has_value());
  reads.page_ended(false);
  REQUIRE_FALSE(reads.done());
  CHECK(reads.next().from_leader);
  CHECK(reads.next().first == stream_sequence{4});
  CHECK(reads.take(at(2, 1, 4)).has_value());
  reads.page_ended(true);
  CHECK(reads.next().from_leader);
  reads.page_ended(false);
  REQUIRE(reads.done());
  CHECK(std::move(reads).collected().size() == 2);
}

TEST_CASE("read machine: without pages it asks for one at a time") {
  read_machine reads{event_version{1}, {}, 10, false, false};
  CHECK(reads.next().count == 1);
}

TEST_CASE("read machine: a commit that was written after another one is of another history") {
  auto first = at(1, 2, 7);
  auto second = at(3, 1, 9);
  read_machine reads{event_version{1}, {}, 10, true, false};
  SUBCASE("what it names is what comes before it") {
    second.previous = first.commit.id;
    CHECK(reads.take(first).has_value());
    CHECK(reads.take(second).has_value());
  }
  SUBCASE("it names none") {
    CHECK(reads.take(first).has_value());
    CHECK(reads.take(second).has_value());
  }
  SUBCASE("it names another") {
    second.previous = commit_id::make();
    CHECK(reads.take(first).has_value());
    const auto other = reads.take(second);
    REQUIRE_FALSE(other.has_value());
    CHECK(other.error().code() == errc::corrupt_history);
    CHECK(other.error().text().find("sequence 9") != std::string::npos);
    CHECK(other.error().text().find("another history") != std::string::npos);
  }
  SUBCASE("what comes before it is not read") {
    second.previous = commit_id::make();
    read_machine middle{event_version{3}, stream_sequence{8}, 10, true, false};
    CHECK(middle.take(second).has_value());
  }
}
