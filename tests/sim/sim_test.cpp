// What the simulation promises of itself, and a few thousand seeds. Replay one with
// `aether_sim --seed N`.

#include "sim/run.hpp"
#include "support/cluster_samples.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace aether::sim {

namespace {

constexpr std::uint64_t seeds_until_noticed = 600;

/// The first run that notices, this if it is given, or the last one.
verdict first_noticed(settings how, std::string_view wanted = {}) {
  verdict last;
  for (std::uint64_t i = 0; i < seeds_until_noticed; ++i, ++how.seed) {
    last = run(how).how;
    if (last.violated != nullptr && (wanted.empty() || last.violated == wanted)) {
      MESSAGE("seed " << how.seed << ", after " << i << " others, step " << last.steps << ": "
                      << last.violated << ": " << last.detail);
      return last;
    }
  }
  return last;
}

settings faulty_from(std::uint64_t seed) {
  settings how;
  how.seed = seed;
  how.kind = profile::faulty;
  return how;
}

}  // namespace

TEST_CASE("simulation: the same seed gives the same run, byte for byte") {
  for (std::uint64_t i = 0; i < 20; ++i) {
    settings how;
    how.seed = cluster::samples::seed() + i;
    how.keep_trace = true;
    CAPTURE(how.seed);
    const auto once = run(how);
    const auto again = run(how);
    CHECK(once.how.hash == again.how.hash);
    CHECK(once.how.steps == again.how.steps);
    CHECK(once.trace == again.trace);
  }
}

TEST_CASE("simulation: two seeds give two runs") {
  settings how;
  const auto one = run(how);
  ++how.seed;
  CHECK(run(how).how.hash != one.how.hash);
}

TEST_CASE("simulation: seeds that once showed a fault show none") {
  for (const std::uint64_t seed : {34'651U, 122'436U, 125'702U}) {
    settings how;
    how.seed = seed;
    const auto end = run(how).how;
    CAPTURE(seed);
    CHECK_MESSAGE(end.violated == nullptr, end.detail);
  }
}

TEST_CASE("simulation: it notices a log that takes appends whatever their condition") {
  auto how = faulty_from(cluster::samples::seed());
  how.broken.unconditional_appends = true;
  CHECK(first_noticed(how).violated != nullptr);
}

TEST_CASE("simulation: it notices keys that are written whatever their revision") {
  auto how = faulty_from(cluster::samples::seed());
  how.broken.unconditional_keys = true;
  CHECK(first_noticed(how).violated != nullptr);
}

TEST_CASE("simulation: it notices owners that know no command again") {
  auto how = faulty_from(cluster::samples::seed());
  how.broken.forget_commands = true;
  // Some seeds see first that a copy had its effect after it was rejected.
  const auto found = first_noticed(how, "stored_once");
  REQUIRE(found.violated != nullptr);
  CHECK(std::string{found.violated} == "stored_once");
}

TEST_CASE("simulation: it notices a node that acts on a table that it had before") {
  auto how = faulty_from(cluster::samples::seed());
  how.broken.old_tables = true;
  CHECK(first_noticed(how).violated != nullptr);
}

TEST_CASE("simulation: it notices nodes that answer beyond their contact") {
  auto how = faulty_from(cluster::samples::seed());
  how.broken.endless_contact = true;
  CHECK(first_noticed(how).violated != nullptr);
}

TEST_CASE("simulation: it notices takers that do not ask the giver") {
  auto how = faulty_from(cluster::samples::seed());
  how.kind = profile::planned;
  how.broken.seize_slots = true;
  CHECK(first_noticed(how).violated != nullptr);
}

}  // namespace aether::sim
