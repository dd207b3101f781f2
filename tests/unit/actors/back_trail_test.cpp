#include "actors/src/core/back_trail.hpp"

#include "support/random.hpp"

#include <doctest/doctest.h>

using namespace aether;

namespace {

std::vector<stream_sequence> sequences(std::initializer_list<std::uint64_t> numbers) {
  std::vector<stream_sequence> made;
  for (const auto next : numbers) made.emplace_back(next);
  return made;
}

back_trail trail_of(std::initializer_list<std::uint64_t> numbers) {
  back_trail made;
  for (const auto next : numbers) made.push(stream_sequence{next});
  return made;
}

}  // namespace

TEST_CASE("back trail: gives back what was pushed, however far apart") {
  CHECK(back_trail{}.list().empty());
  const auto far = trail_of({1, 2, 127, 128, 300, 1'000'000, 0xffffffffffffffff});
  CHECK(far.list() == sequences({1, 2, 127, 128, 300, 1'000'000, 0xffffffffffffffff}));
}

TEST_CASE("back trail: a snapshot makes it forget what it covers, but never the newest") {
  auto trail = trail_of({10, 20, 30});
  trail.forget_before(stream_sequence{20});
  CHECK(trail.list() == sequences({20, 30}));
  trail.forget_before(stream_sequence{31});
  CHECK(trail.list() == sequences({30}));
  trail.push(stream_sequence{40});
  CHECK(trail.list() == sequences({30, 40}));
  trail.clear();
  trail.forget_before(stream_sequence{5});
  CHECK(trail.list().empty());
}

TEST_CASE("back trail: is bounded, and what it keeps has no gap") {
  auto random = testing::seeded_random();
  back_trail trail;
  std::vector<stream_sequence> all;
  std::uint64_t sequence = 0;
  for (int i = 0; i < 1'000; ++i) {
    sequence += testing::random_between(random, 1, 100'000);
    all.emplace_back(sequence);
    trail.push(all.back());
    const auto kept = trail.list();
    REQUIRE(kept.size() <= commit_back_pointers_max);
    REQUIRE(kept.size() >= std::min(all.size(), commit_back_pointers_max / 2));
    REQUIRE(std::equal(kept.rbegin(), kept.rend(), all.rbegin()));
  }
}
