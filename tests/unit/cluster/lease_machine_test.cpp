#include "cluster/src/core/lease_machine.hpp"

#include "support/cluster_samples.hpp"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

namespace aether::cluster {

namespace {

using namespace std::chrono_literals;
using samples::at;
using samples::first;
using samples::node;
using samples::process;
using phase = lease_machine::phase;
using read = lease_machine::read;
using write = lease_machine::write;
using elected = lease_machine::elected;
using deposed = lease_machine::deposed;

constexpr auto conflict = write_result{.outcome = write_outcome::conflict, .revision = 0};
constexpr auto not_stored = write_result{.outcome = write_outcome::not_stored, .revision = 0};
constexpr auto unknown = write_result{.outcome = write_outcome::unknown, .revision = 0};

constexpr write_result stored(std::uint64_t revision) {
  return {.outcome = write_outcome::stored, .revision = revision};
}

lease_machine candidate() { return lease_machine{{node("n1"), process(1), 2s, 250ms}}; }

lease_state held_by(const char* name, std::uint64_t number, std::uint64_t revision,
                    std::uint64_t nonce = 1) {
  return {revision, {.holder = name, .incarnation = process(number).hex(), .nonce = nonce}};
}

auto tick(lease_machine& machine, std::chrono::milliseconds now, bool eligible = true) {
  return machine.tick(at(now), 0ms, eligible);
}

/// Leads since 0 ms, term 1, deadline 1750 ms.
lease_machine leader() {
  auto machine = candidate();
  REQUIRE(first<read>(tick(machine, 0ms)) != nullptr);
  REQUIRE(first<write>(machine.read_done(lease_state{}, at(0ms))) != nullptr);
  REQUIRE(first<elected>(machine.write_done(stored(1), at(10ms)))->term == 1);
  return machine;
}

/// A leader whose first renewal, sent at 700 ms, has an unknown outcome and is read back.
lease_machine uncertain_leader() {
  auto machine = leader();
  REQUIRE(first<write>(tick(machine, 700ms)) != nullptr);
  REQUIRE(machine.write_done(unknown, at(900ms)).empty());
  REQUIRE(first<read>(tick(machine, 1000ms)) != nullptr);
  return machine;
}

}  // namespace

TEST_CASE("lease: a vacant one is taken at once, and its revision is the term") {
  auto machine = leader();
  CHECK(machine.leading(at(10ms)));
  CHECK(machine.term() == 1);
}

TEST_CASE("lease: who is not eligible watches and never writes") {
  auto machine = candidate();
  CHECK(first<read>(tick(machine, 0ms, false)) != nullptr);
  CHECK(machine.read_done(lease_state{}, at(0ms)).empty());
  for (auto now = 10ms; now < 5s; now += 100ms) {
    const auto effects = tick(machine, now, false);
    CHECK(first<write>(effects) == nullptr);
    if (first<read>(effects) != nullptr) (void)machine.read_done(lease_state{}, at(now));
  }
}

TEST_CASE("lease: another's is taken only when it did not change for the whole ttl") {
  auto machine = candidate();
  (void)tick(machine, 0ms);
  CHECK(machine.read_done(held_by("n2", 2, 5), at(0ms)).empty());
  auto now = 50ms;
  for (; now < 1500ms; now += 50ms) {  // renewed at 1000 ms
    const auto effects = tick(machine, now);
    REQUIRE(first<write>(effects) == nullptr);
    if (first<read>(effects) != nullptr)
      REQUIRE(machine.read_done(held_by("n2", 2, now < 1s ? 5 : 6), at(now)).empty());
  }
  // The renewal was seen at 1000 ms, by the read of then.
  lease_machine::effects effects;
  for (; now < 2990ms; now += 10ms) {
    effects = tick(machine, now);
    REQUIRE(first<write>(effects) == nullptr);
    if (first<read>(effects) != nullptr) (void)machine.read_done(held_by("n2", 2, 6), at(now));
  }
  for (; now < 3600ms && first<write>(effects) == nullptr; now += 10ms) {
    effects = tick(machine, now);
    if (first<read>(effects) != nullptr) effects = machine.read_done(held_by("n2", 2, 6), at(now));
  }
  REQUIRE(first<write>(effects) != nullptr);
  CHECK(first<write>(effects)->expected == 6);
  CHECK(now >= 3000ms);
}

TEST_CASE("lease: the leader renews every third of the ttl under the last revision") {
  auto machine = leader();
  CHECK(tick(machine, 660ms).empty());
  const auto effects = tick(machine, 667ms);
  REQUIRE(first<write>(effects) != nullptr);
  CHECK(first<write>(effects)->expected == 1);
  CHECK(machine.write_done(stored(2), at(670ms)).empty());
  CHECK(first<write>(tick(machine, 1334ms))->expected == 2);
  CHECK(machine.term() == 1);
}

TEST_CASE("lease: a leader counts from before its last write was sent, and stops in time") {
  auto machine = leader();
  (void)tick(machine, 700ms);
  (void)machine.write_done(stored(2), at(1400ms));  // a slow answer
  CHECK(machine.leading(at(700ms + 1749ms)));
  CHECK(!machine.leading(at(700ms + 1750ms)));  // without any tick
}

TEST_CASE("lease: a leader that cannot renew steps down and says why") {
  auto machine = leader();
  (void)tick(machine, 700ms);
  CHECK(machine.write_done(not_stored, at(701ms)).empty());
  CHECK(tick(machine, 750ms).empty());  // a pause before the next attempt
  CHECK(first<write>(tick(machine, 850ms)) != nullptr);
  const auto effects = tick(machine, 1750ms);  // no answer at all
  REQUIRE(first<deposed>(effects) != nullptr);
  CHECK(first<deposed>(effects)->term == 1);
  CHECK(first<deposed>(effects)->reason == "not renewed in time");
}

TEST_CASE("lease: a conflict without an uncertain write before ends the leadership at once") {
  auto machine = leader();
  (void)tick(machine, 700ms);
  const auto effects = machine.write_done(conflict, at(710ms));
  CHECK(first<deposed>(effects) != nullptr);
  CHECK(first<read>(effects) != nullptr);
}

TEST_CASE("lease: an unknown renewal that took effect is adopted with the time it was sent") {
  auto machine = uncertain_leader();
  CHECK(machine.read_done(held_by("n1", 1, 2, 2), at(1010ms)).empty());
  CHECK(machine.leading(at(700ms + 1749ms)));
  CHECK(!machine.leading(at(700ms + 1750ms)));
  CHECK(machine.term() == 1);
  CHECK(first<write>(tick(machine, 1400ms))->expected == 2);
}

TEST_CASE("lease: an unknown renewal that took no effect prolongs nothing and is repeated") {
  auto machine = uncertain_leader();
  const auto effects = machine.read_done(held_by("n1", 1, 1, 1), at(1010ms));
  REQUIRE(first<write>(effects) != nullptr);
  CHECK(first<write>(effects)->expected == 1);
  CHECK(!machine.leading(at(1750ms)));
}

TEST_CASE("lease: a renewal that conflicts with an earlier one of our own is no loss") {
  auto machine = uncertain_leader();
  (void)machine.read_done(held_by("n1", 1, 1, 1), at(1010ms));  // the next one is on its way
  const auto effects = machine.write_done(conflict, at(1020ms));
  REQUIRE(first<deposed>(effects) == nullptr);
  REQUIRE(first<read>(effects) != nullptr);
  // The first renewal landed late. Its nonce is not the last one's: it prolongs nothing.
  const auto again = machine.read_done(held_by("n1", 1, 2, 2), at(1030ms));
  REQUIRE(first<write>(again) != nullptr);
  CHECK(first<write>(again)->expected == 2);
  CHECK(machine.leading(at(1749ms)));
  CHECK(!machine.leading(at(1750ms)));
}

TEST_CASE("lease: a read-back that shows another holder ends the leadership") {
  auto machine = uncertain_leader();
  const auto effects = machine.read_done(held_by("n2", 2, 2), at(1010ms));
  CHECK(first<deposed>(effects)->reason == "another holds the lease");
}

TEST_CASE("lease: an acquisition of unknown outcome is read back and counts when it is ours") {
  auto machine = candidate();
  (void)tick(machine, 0ms);
  (void)machine.read_done(lease_state{}, at(0ms));
  CHECK(machine.write_done(unknown, at(500ms)).empty());
  CHECK(first<read>(tick(machine, 600ms)) != nullptr);
  const auto effects = machine.read_done(held_by("n1", 1, 7, 1), at(610ms));
  REQUIRE(first<elected>(effects) != nullptr);
  CHECK(first<elected>(effects)->term == 7);
  CHECK(!machine.leading(at(1750ms)));
}

TEST_CASE("lease: an acquisition that we hear of too late is not a leadership, but taken anew") {
  auto machine = candidate();
  (void)tick(machine, 0ms);
  (void)machine.read_done(lease_state{}, at(0ms));
  const auto effects = machine.write_done(stored(7), at(3s));
  CHECK(first<elected>(effects) == nullptr);
  REQUIRE(first<read>(effects) != nullptr);
  const auto anew = machine.read_done(held_by("n1", 1, 7, 1), at(3s));
  REQUIRE(first<write>(anew) != nullptr);
  CHECK(first<write>(anew)->expected == 7);
  CHECK(first<elected>(machine.write_done(stored(8), at(3010ms)))->term == 8);
}

TEST_CASE("lease: another process of the same node is another holder") {
  auto machine = candidate();
  (void)tick(machine, 0ms);
  CHECK(machine.read_done(held_by("n1", 9, 5), at(0ms)).empty());
  CHECK(first<write>(tick(machine, 10ms)) == nullptr);
}

TEST_CASE("lease: a released one has an empty holder and goes to the next at once") {
  auto machine = leader();
  const auto effects = machine.leave(at(100ms));
  CHECK(first<deposed>(effects)->reason == "leaving");
  const auto* release = first<write>(effects);
  REQUIRE(release != nullptr);
  CHECK(release->expected == 1);
  CHECK(release->record.holder.empty());
  CHECK(!machine.leading(at(100ms)));
  CHECK(first<lease_machine::stopped>(machine.write_done(stored(2), at(110ms))) != nullptr);

  auto next = candidate();
  (void)tick(next, 0ms);
  CHECK(first<write>(next.read_done(lease_state{2, release->record}, at(0ms)))->expected == 2);
}

TEST_CASE("lease: leaving waits for what is in flight, releases once and stops whatever happens") {
  auto machine = leader();
  (void)tick(machine, 700ms);
  CHECK(first<write>(machine.leave(at(710ms))) == nullptr);
  const auto release = machine.write_done(stored(2), at(720ms));
  REQUIRE(first<write>(release) != nullptr);
  CHECK(first<write>(release)->expected == 2);
  const auto end = machine.write_done(unknown, at(800ms));
  CHECK(first<lease_machine::stopped>(end) != nullptr);
  CHECK(machine.leave(at(900ms)).empty());
  CHECK(tick(machine, 1s).empty());
}

TEST_CASE("lease: who resigns lets go at once, stays a candidate and lets others go first") {
  auto machine = leader();
  const auto effects = machine.resign(at(100ms));
  CHECK(first<deposed>(effects)->reason == "resigned");
  REQUIRE(first<write>(effects) != nullptr);
  CHECK(first<write>(effects)->expected == 1);
  CHECK(first<write>(effects)->record.holder.empty());
  CHECK(!machine.leading(at(100ms)));
  REQUIRE(first<read>(machine.write_done(stored(2), at(110ms))) != nullptr);
  CHECK(machine.read_done({{2, {}}}, at(110ms)).empty());
  auto now = 120ms;
  for (; now < 2100ms; now += 20ms) {  // vacant all the while
    const auto looked = tick(machine, now);
    REQUIRE(first<write>(looked) == nullptr);
    if (first<read>(looked) != nullptr) REQUIRE(machine.read_done({{2, {}}}, at(now)).empty());
  }
  const auto again = tick(machine, now);
  REQUIRE(first<write>(again) != nullptr);
  CHECK(first<elected>(machine.write_done(stored(3), at(now)))->term == 3);
}

TEST_CASE("lease: a resignation that was not stored is no leadership, and takes the ttl") {
  auto machine = leader();
  REQUIRE(first<write>(machine.resign(at(100ms))) != nullptr);
  CHECK(machine.write_done(unknown, at(600ms)).empty());
  REQUIRE(first<read>(tick(machine, 700ms)) != nullptr);
  CHECK(machine.read_done(held_by("n1", 1, 1, 1), at(700ms)).empty());  // as it was when we led
  CHECK(!machine.leading(at(700ms)));
  CHECK(!machine.holder(at(700ms)));
}

TEST_CASE("lease: a write after a resignation is told apart from those before it") {
  auto machine = leader();
  REQUIRE(first<write>(machine.resign(at(100ms))) != nullptr);
  CHECK(first<read>(machine.write_done(not_stored, at(110ms))) == nullptr);
  (void)tick(machine, 300ms);
  (void)machine.read_done(held_by("n1", 1, 1, 1), at(300ms));
  lease_machine::effects effects;
  auto now = 2200ms;
  effects = tick(machine, now);
  if (first<read>(effects) != nullptr) effects = machine.read_done(held_by("n1", 1, 1, 1), at(now));
  REQUIRE(first<write>(effects) != nullptr);
  CHECK(machine.write_done(unknown, at(now)).empty());
  REQUIRE(first<read>(tick(machine, now + 200ms)) != nullptr);
  // The key is still as the first acquisition wrote it: that term must not begin again.
  CHECK(first<elected>(machine.read_done(held_by("n1", 1, 1, 1), at(now + 200ms))) == nullptr);
}

TEST_CASE("lease: resigning is nothing to who does not lead, and leaving ends it for good") {
  auto idle = candidate();
  CHECK(idle.resign(at(0ms)).empty());
  auto machine = leader();
  (void)machine.resign(at(100ms));
  CHECK(machine.resign(at(101ms)).empty());
  CHECK(machine.leave(at(102ms)).empty());  // the release is on its way
  CHECK(first<lease_machine::stopped>(machine.write_done(stored(2), at(110ms))) != nullptr);
}

TEST_CASE("lease: a candidate is at least as patient as the holder's own lease wants") {
  for (const auto& [held_for, patience] :
       std::vector<std::pair<std::chrono::milliseconds, duration>>{
           {0ms, 2s}, {1s, 2s}, {5s, 5s}, {std::chrono::milliseconds::max(), 24h}, {-1ms, 2s}}) {
    CAPTURE(held_for.count());
    auto machine = candidate();
    (void)tick(machine, 0ms);
    auto held = held_by("n2", 2, 5);
    held.record.ttl = held_for;
    REQUIRE(machine.read_done(held, at(0ms)).empty());
    const auto looked = [&](std::chrono::milliseconds now) {
      auto effects = tick(machine, now);
      return first<read>(effects) != nullptr ? machine.read_done(held, at(now)) : effects;
    };
    const auto end = std::chrono::duration_cast<std::chrono::milliseconds>(patience);
    CHECK(first<write>(looked(end - 1ms)) == nullptr);
    const auto effects = looked(end);
    REQUIRE(first<write>(effects) != nullptr);
    CHECK(first<write>(effects)->record.ttl == 2s);
  }
}

TEST_CASE("lease: the holder is the one last read, for as long as it may hold it") {
  auto machine = candidate();
  CHECK(!machine.holder(at(0ms)));
  (void)tick(machine, 0ms);
  (void)machine.read_done(held_by("n2", 2, 5), at(0ms));
  CHECK(machine.holder(at(10ms)) == "n2");
  CHECK(machine.holder(at(1999ms)) == "n2");
  CHECK(!machine.holder(at(2s)));
  const auto own = leader();
  CHECK(own.holder(at(1749ms)) == "n1");
  CHECK(!own.holder(at(1750ms)));
}

TEST_CASE("lease: who does not hold it just stops") {
  auto machine = candidate();
  CHECK(first<lease_machine::stopped>(machine.leave(at(0ms))) != nullptr);
}

TEST_CASE("lease: told of a later term a leader steps down") {
  auto machine = leader();
  CHECK(first<deposed>(machine.step_down(at(20ms)))->reason == "a later term exists");
  CHECK(!machine.leading(at(20ms)));
}

TEST_CASE("lease: a key that cannot be read is read again after a pause") {
  auto machine = candidate();
  CHECK(first<read>(tick(machine, 0ms)) != nullptr);
  CHECK(machine.read_done(std::nullopt, at(10ms)).empty());
  CHECK(tick(machine, 100ms).empty());
  CHECK(first<read>(tick(machine, 110ms)) != nullptr);
}

}  // namespace aether::cluster
