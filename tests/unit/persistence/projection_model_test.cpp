#include "support/projection_world.hpp"

namespace {

using namespace aether;
using testing::projection_world;
using testing::random_between;

/// A life with crashes, two owners at a time, faults and poison; then peace.
void live_through(projection_world& world, std::mt19937_64& random) {
  const auto roll = [&](std::uint64_t sides) { return random_between(random, 0, sides - 1); };
  world.start();
  for (int i = 0; i < 1'500; ++i) {
    auto& owners = world.owners();
    if (roll(30) == 0) {
      world.append();
      if (roll(12) == 0) world.poison_newest();
    }
    if (roll(80) == 0) world.heal_one();
    if (roll(60) == 0) world.wish_one();
    if (owners.size() < 2 && roll(60) == 0) world.start();
    if (!owners.empty() && roll(60) == 0) world.crash(roll(owners.size()));
    if (!owners.empty() && roll(200) == 0) {
      auto& leaving = *owners[roll(owners.size())];
      leaving.machine.stop(leaving.wants);
    }
    std::erase_if(owners, [](const auto& one) { return one->stopped; });
    if (!owners.empty()) world.step(*owners[roll(owners.size())]);
  }
}

void run_many(projection_world::settings how) {
  auto random = testing::seeded_random();
  for (int seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    projection_world world{random, how};
    live_through(world, random);
    world.settle();
    const auto handled = world.check_all(true);
    for (const auto sequence : world.poison()) CHECK_FALSE(world.handled().contains(sequence));
    world.heal();
    world.wish_all(parked_wish::replay);
    auto& last = *world.owners().front();
    for (int i = 0; i < 20'000 && !world.lot().empty(); ++i) world.step(last);
    CHECK(world.lot().empty());
    CHECK(world.check_all(false) >= handled);
  }
}

}  // namespace

TEST_CASE("projection: whatever crashes, every event is handled at least once and in order") {
  run_many({});
}

TEST_CASE("projection: with the position in the view's transaction, every event is handled once") {
  run_many({.transactional = true});
}

TEST_CASE("projection: where an actor is parked, its later events wait and keep their order") {
  run_many({.on_poison = poison_policy::park_actor});
}

TEST_CASE("projection: the same with the position in the view's transaction") {
  run_many({.transactional = true, .on_poison = poison_policy::park_actor});
}
