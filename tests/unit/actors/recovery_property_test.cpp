#include "support/random.hpp"
#include "support/recovery_log.hpp"

#include <doctest/doctest.h>

using namespace aether;
using aether::testing::events_between;
using aether::testing::played_recovery;
using aether::testing::random_between;
using aether::testing::recovery_log;
using machine = recovery_machine;
using phase = recovery_machine::phase;

namespace {

/// Back-pointers as some writer may have left them: an old build none, a bug anything.
std::vector<stream_sequence> any_pointers(std::mt19937_64& random, const recovery_log& before) {
  const std::size_t all = before.commits.size();
  auto made = before.newest(random_between(random, 0, std::min<std::size_t>(all, 128)));
  switch (random_between(random, 0, 7)) {
    case 0:
      return {};
    case 1:  // one is left out
      if (!made.empty())
        made.erase(made.begin() +
                   static_cast<std::ptrdiff_t>(random_between(random, 0, made.size() - 1)));
      return made;
    case 2: {  // into the blue
      made.clear();
      std::uint64_t sequence = 0;
      while ((sequence += random_between(random, 1, 25)) < before.next_sequence() + 30)
        if (made.size() < 128) made.emplace_back(sequence);
      return made;
    }
    case 3:
      return before.newest(1);
    default:
      return made;
  }
}

recovery_log any_log(std::mt19937_64& random) {
  recovery_log made;
  const auto commits = random_between(random, 0, random_between(random, 0, 9) == 0 ? 600 : 25);
  for (std::uint64_t i = 0; i < commits; ++i) {
    auto pointers = any_pointers(random, made);
    auto& next = made.add(random_between(random, 1, 3));
    next.commit.back_pointers = std::move(pointers);
    if (random_between(random, 0, 5) == 0) next.previous = {};
  }
  return made;
}

}  // namespace

TEST_CASE("recovery: any history comes back whole and in order, whatever its pointers say") {
  auto random = testing::seeded_random();
  for (int round = 0; round < 300; ++round) {
    CAPTURE(round);
    recovery_log log = any_log(random);
    const auto tail = log.tail();
    std::optional<snapshot> from;
    if (tail && random_between(random, 0, 1) == 0)
      from = log.snapshot_after(random_between(random, 1, log.commits.size()));
    if (from && random_between(random, 0, 3) == 0) from->position.commit = {};
    // Others may go on while it recovers.
    for (auto more = random_between(random, 0, 2); tail && more > 0; --more) log.add();
    played_recovery it;
    it.play(log, tail, from);

    REQUIRE(it.machine.now() == phase::done);
    const auto reached = it.machine.position();
    const auto begun = from ? from->position.version.value() : 0;
    REQUIRE(reached.version >= (tail ? tail->commit.last() : event_version{}));
    REQUIRE(it.events == events_between(begun + 1, reached.version.value()));
    REQUIRE(it.fetches.size() <= machine::fetches_max);
    if (tail) REQUIRE(it.machine.back_pointers().back() == reached.sequence);
  }
}
