#include "persistence/src/core/sequence_tracker.hpp"
#include "support/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

namespace {

using aether::sequence_tracker;
using gap = sequence_tracker::gap;

/// How often each sequence was accepted or in a gap.
struct account_book {
  std::map<std::uint64_t, int> told;
  std::uint64_t last_accepted = 0;

  void accepted(std::uint64_t sequence) {
    CHECK(sequence > last_accepted);
    last_accepted = sequence;
    ++told[sequence];
  }
  void missing(const std::optional<gap>& what) {
    if (!what) return;
    CHECK_FALSE(what->another_stream);
    REQUIRE(what->first <= what->last);
    for (auto each = what->first; each <= what->last; ++each) ++told[each];
  }
  void check(std::uint64_t first, std::uint64_t last) const {
    CHECK(told.size() == last + 1 - first);
    for (auto each = first; each <= last; ++each)
      CHECK_MESSAGE(told.contains(each), "sequence ", each, " was told of never");
    for (const auto& [sequence, times] : told)
      CHECK_MESSAGE(times == 1, "sequence ", sequence, " was told of ", times, " times");
  }
};

/// What arrives of 1..count: some lost, some twice, some out of turn.
std::vector<std::uint64_t> mangled(std::mt19937_64& random, std::uint64_t count) {
  std::vector<std::uint64_t> arrives;
  for (std::uint64_t each = 1; each <= count; ++each) {
    if (aether::testing::random_between(random, 0, 2) == 0) continue;
    arrives.push_back(each);
    if (aether::testing::random_between(random, 0, 4) == 0) arrives.push_back(each);
  }
  for (std::size_t i = 1; i < arrives.size(); ++i)
    if (aether::testing::random_between(random, 0, 5) == 0) std::swap(arrives[i - 1], arrives[i]);
  return arrives;
}

}  // namespace

TEST_CASE("bus tracker: whatever is lost, doubled or late, each sequence is told of exactly once") {
  auto random = aether::testing::seeded_random();
  for (int round = 0; round < 200; ++round) {
    const auto start = aether::testing::random_between(random, 0, 5);
    const auto count = aether::testing::random_between(random, start + 1, 80);
    sequence_tracker tracker{start};
    account_book book;
    for (const auto each : mangled(random, count)) {
      const auto outcome = tracker.message(each, each - 1);
      book.missing(outcome.missing);
      if (outcome.accepted) book.accepted(each);
      if (aether::testing::random_between(random, 0, 9) == 0)
        book.missing(tracker.end(tracker.last(), "then"));
    }
    for (int look = 0; look < 2; ++look) book.missing(tracker.end(count, "then"));
    book.check(start + 1, count);
  }
}

TEST_CASE("bus tracker: a subject's sequences have holes, and only its own losses are gaps") {
  sequence_tracker tracker{3};
  CHECK(tracker.message(10, 3).accepted);
  const auto jumped = tracker.message(30, 20);
  CHECK(jumped.accepted);
  CHECK(jumped.missing == gap{11, 20});
  CHECK_FALSE(tracker.message(20, 10).accepted);
  CHECK_FALSE(tracker.message(30, 20).accepted);
  CHECK_FALSE(tracker.message(31, 30).missing.has_value());
}

TEST_CASE("bus tracker: what is missing at the end is a gap at the second look alone") {
  sequence_tracker tracker{5};
  CHECK_FALSE(tracker.end(8).has_value());
  CHECK(tracker.doubtful());
  CHECK(tracker.end(9) == gap{6, 8});
  CHECK(tracker.doubtful());
  CHECK(tracker.end(9) == gap{9, 9});
  CHECK_FALSE(tracker.doubtful());
  CHECK_FALSE(tracker.message(8, 7).accepted);
}

TEST_CASE("bus tracker: what arrives between two looks puts the verdict off") {
  sequence_tracker tracker{5};
  CHECK_FALSE(tracker.end(8).has_value());
  CHECK(tracker.message(6, 5).accepted);
  CHECK_FALSE(tracker.end(8).has_value());
  CHECK(tracker.end(8) == gap{7, 8});
}

TEST_CASE("bus tracker: an answer that is older than the newest message is no other stream") {
  sequence_tracker tracker{5, "monday"};
  CHECK(tracker.message(6, 5).accepted);
  CHECK_FALSE(tracker.end(5, "monday").has_value());
  CHECK_FALSE(tracker.end(6, "monday").has_value());
  CHECK(tracker.message(7, 6).accepted);
}

TEST_CASE("bus tracker: a stream that ends earlier than it did, or was created anew, is another") {
  sequence_tracker shorter{50, "monday"};
  CHECK_FALSE(shorter.end(40, "monday").has_value());
  CHECK(shorter.end(41, "monday") == gap{1, 41, true});
  CHECK(shorter.message(42, 41).accepted);

  sequence_tracker patient{50, "monday", 3};
  CHECK_FALSE(patient.end(40, "monday").has_value());
  CHECK_FALSE(patient.end(40, "monday").has_value());
  CHECK_FALSE(patient.end(50, "monday").has_value());
  for (int look = 0; look < 2; ++look) CHECK_FALSE(patient.end(40, "monday").has_value());
  CHECK(patient.end(40, "monday") == gap{1, 40, true});

  sequence_tracker anew{50, "monday"};
  CHECK(anew.end(60, "tuesday") == gap{1, 60, true});
  CHECK(anew.message(61, 60).accepted);

  sequence_tracker empty{50, "monday"};
  CHECK(empty.end(0, "tuesday") == gap{1, 0, true});
  CHECK(empty.message(1, 0).accepted);
}
