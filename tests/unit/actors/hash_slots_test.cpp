#include "actors/src/hash_slots.hpp"

#include "support/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <vector>

using namespace aether;

namespace {

using slots = hash_slots<std::shared_ptr<int>>;

struct entry {
  std::uint64_t hash;
  std::shared_ptr<int> held;
};

bool finds(const slots& in, const entry& wanted) {
  const auto* found = in.find(wanted.hash, [&](int value) { return value == *wanted.held; });
  return found != nullptr && *found == wanted.held;
}

// Few different ones, so that probes run into one another and round the end.
std::uint64_t crowded_hash(std::mt19937_64& random) {
  return testing::random_between(random, 0, 40) << 38 | testing::random_between(random, 0, 1);
}

}  // namespace

TEST_CASE("hash slots: an empty table finds and erases nothing") {
  slots empty;
  CHECK(empty.find(1, [](int) { return true; }) == nullptr);
  empty.erase(1, std::make_shared<int>(1));
  CHECK(empty.size() == 0);
}

TEST_CASE("hash slots: of equal hashes, the one that is asked for is found") {
  slots table;
  const entry first{7, std::make_shared<int>(1)}, second{7, std::make_shared<int>(2)};
  table.insert(first.hash, first.held);
  table.insert(second.hash, second.held);
  CHECK(finds(table, first));
  CHECK(finds(table, second));
  table.erase(first.hash, first.held);
  CHECK_FALSE(finds(table, first));
  CHECK(finds(table, second));
}

TEST_CASE("hash slots: whatever comes and goes, exactly what is left is found") {
  auto random = testing::seeded_random();
  slots table;
  std::vector<entry> model;
  for (int step = 0; step < 5'000; ++step) {
    if (model.size() < 8 || (model.size() < 200 && testing::random_between(random, 0, 1) == 0)) {
      model.push_back({crowded_hash(random), std::make_shared<int>(step)});
      table.insert(model.back().hash, model.back().held);
    } else {
      const auto at = testing::random_between(random, 0, model.size() - 1);
      const entry gone = model[at];
      model.erase(model.begin() + static_cast<std::ptrdiff_t>(at));
      table.erase(gone.hash, gone.held);
      REQUIRE_FALSE(finds(table, gone));
    }
    REQUIRE(table.size() == model.size());
    if (step % 16 == 0)
      REQUIRE(std::ranges::all_of(model, [&](const entry& one) { return finds(table, one); }));
  }
  std::size_t visited = 0;
  table.for_each([&](const std::shared_ptr<int>&) { ++visited; });
  CHECK(visited == model.size());
}
