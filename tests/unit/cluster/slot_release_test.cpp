#include "cluster/src/core/slot_release.hpp"

#include "support/cluster_samples.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <string>

namespace aether::cluster {

namespace {

using namespace std::chrono_literals;
using samples::at;
using phase = slot_release::phase;

const process taker{samples::node("b"), samples::process(2)};
const process other{samples::node("c"), samples::process(3)};

std::string told(const slot_release::effects& effects) {
  std::string all;
  const auto add = [&](std::string_view one) {
    if (!all.empty()) all += ' ';
    all += one;
  };
  for (const auto& effect : effects) {
    if (std::holds_alternative<slot_release::start_recording>(effect)) add("start");
    if (std::holds_alternative<slot_release::stop_recording>(effect)) add("stop");
    if (std::holds_alternative<slot_release::tell_recorded>(effect)) add("recorded");
    if (std::holds_alternative<slot_release::close>(effect)) add("close");
    if (std::holds_alternative<slot_release::drain>(effect)) add("drain");
    if (std::holds_alternative<slot_release::tell_released>(effect)) add("released");
    if (std::holds_alternative<slot_release::cut_short>(effect)) add("cut");
  }
  return all;
}

/// A machine that has come so far at 0 ms.
slot_release brought_to(phase where) {
  slot_release made{slot_release::options{}};
  if (where == phase::serving) return made;
  (void)made.record(taker);
  if (where == phase::recording) return made;
  (void)made.release(at(0ms));
  if (where == phase::closing) return made;
  (void)made.closed(at(0ms));
  if (where == phase::draining) return made;
  (void)made.drained();
  return made;
}

constexpr phase every_phase[] = {phase::serving, phase::recording, phase::closing, phase::draining,
                                 phase::released};

}  // namespace

TEST_CASE("hand-over, giver: it notes ids, ends its subscription, works off, and says so") {
  slot_release giver{slot_release::options{}};
  CHECK(told(giver.record(taker)) == "start recorded");
  CHECK(giver.current() == phase::recording);
  CHECK(!giver.letting_go());
  CHECK(told(giver.release(at(0ms))) == "close");
  CHECK(giver.letting_go());
  const auto draining = giver.closed(at(5ms));
  CHECK(told(draining) == "drain");
  CHECK(std::get<slot_release::drain>(draining.front()).deadline == at(10'005ms));
  CHECK(told(giver.drained()) == "released");
  CHECK(giver.current() == phase::released);
  CHECK(!giver.forced());
}

TEST_CASE("hand-over, giver: each input counts in the phases that wait for it, and in no other") {
  struct row {
    const char* name;
    std::function<slot_release::effects(slot_release&)> input;
    /// By phase, in order.
    const char* effects[5];
  };
  const row rows[] = {
      {"record",
       [](auto& m) { return m.record(taker); },
       {"start recorded", "recorded", "recorded", "recorded", "recorded"}},
      {"record of another",
       [](auto& m) { return m.record(other); },
       {"start recorded", "start recorded", "start recorded", "recorded", "recorded"}},
      {"release",
       [](auto& m) { return m.release(at(1ms)); },
       {"close", "close", "", "", "released"}},
      {"lost",
       [](auto& m) { return m.lost(at(1ms)); },
       {"close drain", "close drain", "drain", "cut", ""}},
      {"kept", [](auto& m) { return m.kept(); }, {"", "stop", "", "", ""}},
      {"closed", [](auto& m) { return m.closed(at(1ms)); }, {"", "", "drain", "", ""}},
      {"drained", [](auto& m) { return m.drained(); }, {"", "", "", "released", ""}},
  };
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < std::size(every_phase); ++i) {
      CAPTURE(row.name);
      CAPTURE(to_string(every_phase[i]));
      auto giver = brought_to(every_phase[i]);
      CHECK(told(row.input(giver)) == row.effects[i]);
    }
  }
}

TEST_CASE(
    "hand-over, giver: a repeated request does not forget what was noted, another taker's does") {
  auto giver = brought_to(phase::recording);
  CHECK(told(giver.record(taker)) == "recorded");
  CHECK(told(giver.record(other)) == "start recorded");
  CHECK(told(giver.record(other)) == "recorded");
  CHECK(told(giver.record(taker)) == "start recorded");
}

TEST_CASE(
    "hand-over, giver: a move that is called off leaves it serving, and the next one begins anew") {
  auto giver = brought_to(phase::recording);
  CHECK(told(giver.kept()) == "stop");
  CHECK(giver.current() == phase::serving);
  CHECK(told(giver.record(taker)) == "start recorded");
}

TEST_CASE("hand-over, giver: a phase that ends by its deadline is followed by the next one") {
  auto giver = brought_to(phase::closing);
  CHECK(giver.wake_at() == at(1s));
  CHECK(told(giver.tick(at(999ms))) == "");
  CHECK(told(giver.tick(at(1s))) == "drain");
  CHECK(giver.forced());
  CHECK(giver.wake_at() == at(12s));
  CHECK(told(giver.tick(at(11'999ms))) == "");
  CHECK(told(giver.tick(at(12s))) == "released");
  CHECK(giver.wake_at() == time_point::max());
  for (const auto where : {phase::serving, phase::recording, phase::released}) {
    auto idle = brought_to(where);
    CHECK(idle.wake_at() == time_point::max());
    CHECK(told(idle.tick(at(1h))) == "");
  }
}

TEST_CASE("hand-over, giver: it believes a newer table, and no older one") {
  struct row {
    const char* name;
    std::uint64_t asked_under, known;
    const process* owner;
    claim verdict;
  };
  for (const auto& row : {
           row{"a table it has not seen", 8, 7, &other, claim::obey},
           row{"a table it has not seen, nobody owns it", 8, 7, nullptr, claim::obey},
           row{"the same table, the asker owns it", 7, 7, &taker, claim::obey},
           row{"an older table, the asker still owns it", 6, 7, &taker, claim::obey},
           row{"an older table, another owns it now", 6, 7, &other, claim::outdated},
           row{"the same table, another owns it", 7, 7, &other, claim::outdated},
           row{"the same table, nobody owns it", 7, 7, nullptr, claim::outdated},
       }) {
    CAPTURE(row.name);
    CHECK(judge_claim(taker, row.asked_under, row.known, row.owner) == row.verdict);
  }
}

}  // namespace aether::cluster
