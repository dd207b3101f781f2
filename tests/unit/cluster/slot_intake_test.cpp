#include "cluster/src/core/slot_intake.hpp"

#include "support/cluster_samples.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <string>

namespace aether::cluster {

namespace {

using namespace std::chrono_literals;
using samples::at;
using phase = slot_intake::phase;

constexpr std::uint64_t round = 7;

/// What the effects are, in order: `record listen`.
std::string told(const slot_intake::effects& effects) {
  std::string all;
  const auto add = [&](std::string_view one) {
    if (!all.empty()) all += ' ';
    all += one;
  };
  for (const auto& effect : effects) {
    if (std::holds_alternative<slot_intake::ask_record>(effect)) add("record");
    if (std::holds_alternative<slot_intake::ask_release>(effect)) add("release");
    if (std::holds_alternative<slot_intake::listen>(effect)) add("listen");
    if (const auto* open = std::get_if<slot_intake::open>(&effect))
      add(open->sure ? "open" : "open-unsure");
    if (std::holds_alternative<slot_intake::fence>(effect)) add("fence");
    if (std::holds_alternative<slot_intake::serve>(effect)) add("serve");
    if (std::holds_alternative<slot_intake::give_up>(effect)) add("give_up");
  }
  return all;
}

slot_intake make() { return slot_intake{slot_intake::options{}}; }

/// A machine that has come so far at 0 ms (spread waited for: at 100 ms).
slot_intake brought_to(phase where) {
  auto made = make();
  if (where == phase::absent) return made;
  (void)made.assign(round, true, at(0ms));
  if (where == phase::announcing) return made;
  (void)made.recorded(round, at(0ms));
  if (where == phase::subscribing) return made;
  (void)made.listening(round, at(0ms));
  (void)made.tick(at(100ms));
  if (where == phase::awaiting) return made;
  (void)made.released(round, true, at(100ms));
  if (where == phase::fencing) return made;
  (void)made.fenced(round);
  return made;
}

constexpr phase every_phase[] = {phase::absent,   phase::announcing, phase::subscribing,
                                 phase::awaiting, phase::fencing,    phase::serving};

}  // namespace

TEST_CASE(
    "hand-over, taker: a slot without a giver is served at once, and settled when it is known") {
  auto taker = make();
  CHECK(told(taker.assign(round, false, at(0ms))) == "listen open serve");
  CHECK(taker.current() == phase::serving);
  CHECK(taker.serves());
  CHECK(!taker.settled());
  CHECK(!taker.forced());
  SUBCASE("the server knows") { CHECK(told(taker.listening(round, at(1ms))) == ""); }
  SUBCASE("it does not say so in time") {
    CHECK(taker.wake_at() == at(1s));
    (void)taker.tick(at(999ms));
    CHECK(!taker.settled());
    CHECK(told(taker.tick(at(1s))) == "");
  }
  CHECK(taker.settled());
  CHECK(taker.wake_at() == time_point::max());
}

TEST_CASE("hand-over, taker: recorded, subscribed, released, fenced, in this order") {
  auto taker = make();
  CHECK(told(taker.assign(round, true, at(0ms))) == "record");
  CHECK(taker.current() == phase::announcing);
  CHECK(told(taker.recorded(round, at(1ms))) == "listen");
  CHECK(taker.current() == phase::subscribing);
  CHECK(told(taker.listening(round, at(2ms))) == "");
  CHECK(told(taker.tick(at(101ms))) == "");
  CHECK(told(taker.tick(at(102ms))) == "release");
  CHECK(taker.current() == phase::awaiting);
  CHECK(!taker.settled());
  CHECK(told(taker.released(round, true, at(110ms))) == "open fence");
  CHECK(taker.current() == phase::fencing);
  CHECK(taker.settled());
  CHECK(told(taker.fenced(round)) == "serve");
  CHECK(taker.current() == phase::serving);
  CHECK(!taker.forced());
  CHECK(taker.wake_at() == time_point::max());
}

TEST_CASE("hand-over, taker: each input counts in the phase that waits for it, and in no other") {
  struct row {
    const char* name;
    std::function<slot_intake::effects(slot_intake&, std::uint64_t)> input;
    phase counts_in;
  };
  const row rows[] = {
      {"recorded", [](auto& m, auto r) { return m.recorded(r, at(200ms)); }, phase::announcing},
      {"released", [](auto& m, auto r) { return m.released(r, true, at(200ms)); }, phase::awaiting},
      {"fenced", [](auto& m, auto r) { return m.fenced(r); }, phase::fencing},
  };
  for (const auto& [name, input, counts_in] : rows) {
    for (const auto where : every_phase) {
      CAPTURE(name);
      CAPTURE(to_string(where));
      auto taker = brought_to(where);
      CHECK(told(input(taker, round)).empty() == (where != counts_in));
      CHECK((taker.current() == where) == (where != counts_in));
      auto other = brought_to(where);
      CHECK(told(input(other, round - 1)) == "");
      CHECK(other.current() == where);
    }
  }
}

TEST_CASE("hand-over, taker: the server's word counts for this round's subscription, once") {
  for (const auto where : every_phase) {
    CAPTURE(to_string(where));
    auto taker = brought_to(where);
    CHECK(told(taker.listening(round, at(300ms))) == "");
    CHECK(taker.current() == where);
  }
  auto taker = brought_to(phase::subscribing);
  CHECK(told(taker.listening(round - 1, at(0ms))) == "");
  CHECK(taker.wake_at() == at(1s));
  CHECK(told(taker.listening(round, at(0ms))) == "");
  CHECK(taker.wake_at() == at(100ms));
  CHECK(told(taker.listening(round, at(50ms))) == "");
  CHECK(taker.wake_at() == at(100ms));
}

TEST_CASE("hand-over, taker: a phase that ends by its deadline is followed by the next one") {
  struct row {
    const char* name;
    phase from;
    std::chrono::milliseconds last_before, due;
    const char* effects;
    phase to;
  };
  const row rows[] = {
      {"not recorded", phase::announcing, 999ms, 1000ms, "listen", phase::subscribing},
      {"server silent", phase::subscribing, 999ms, 1000ms, "release", phase::awaiting},
      {"not released", phase::awaiting, 15'099ms, 15'100ms, "open-unsure fence", phase::fencing},
      {"not fenced", phase::fencing, 1'099ms, 1'100ms, "serve", phase::serving},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    auto taker = brought_to(row.from);
    (void)taker.tick(at(row.last_before));
    CHECK(taker.current() == row.from);
    CHECK(taker.wake_at() <= at(row.due));
    CHECK(told(taker.tick(at(row.due))) == row.effects);
    CHECK(taker.current() == row.to);
    CHECK(taker.forced());
  }
}

TEST_CASE("hand-over, taker: all by force takes 18 s") {
  auto taker = make();
  (void)taker.assign(round, true, at(0ms));
  auto now = 0ms;
  while (taker.current() != phase::serving && now < 30s) {
    CHECK(taker.wake_at() > at(now));
    now = std::chrono::duration_cast<std::chrono::milliseconds>(taker.wake_at() - at(0ms));
    (void)taker.tick(at(now));
  }
  CHECK(now == 18s);
  CHECK(taker.forced());
}

TEST_CASE("hand-over, taker: requests are repeated until they are answered") {
  auto taker = brought_to(phase::announcing);
  CHECK(told(taker.tick(at(199ms))) == "");
  CHECK(told(taker.tick(at(200ms))) == "record");
  CHECK(told(taker.tick(at(201ms))) == "");
  CHECK(told(taker.tick(at(400ms))) == "record");
  taker = brought_to(phase::awaiting);
  CHECK(told(taker.tick(at(599ms))) == "");
  CHECK(told(taker.tick(at(600ms))) == "release");
  CHECK(told(taker.tick(at(1100ms))) == "release");
}

TEST_CASE("hand-over, taker: nobody there twice in a row means the giver is gone") {
  auto taker = brought_to(phase::announcing);
  CHECK(told(taker.unreachable(round, at(1ms))) == "");
  CHECK(told(taker.unreachable(round - 1, at(2ms))) == "");
  CHECK(told(taker.unreachable(round, at(200ms))) == "listen");
  CHECK(told(taker.listening(round, at(201ms))) == "");
  CHECK(told(taker.tick(at(301ms))) == "open-unsure fence");
  CHECK(taker.forced());

  taker = brought_to(phase::announcing);
  CHECK(told(taker.unreachable(round, at(1ms))) == "");
  CHECK(told(taker.recorded(round, at(2ms))) == "listen");
  CHECK(told(taker.unreachable(round, at(3ms))) == "");
  (void)taker.listening(round, at(3ms));
  CHECK(told(taker.tick(at(103ms))) == "release");
  CHECK(told(taker.unreachable(round, at(104ms))) == "");
  CHECK(told(taker.unreachable(round, at(604ms))) == "open-unsure fence");
}

TEST_CASE("hand-over, taker: a giver that is gone is not waited for") {
  struct row {
    phase from;
    const char* effects;
    phase to;
    bool forced;
  };
  const row rows[] = {{phase::announcing, "listen", phase::subscribing, true},
                      {phase::subscribing, "", phase::subscribing, false},
                      {phase::awaiting, "open-unsure fence", phase::fencing, true},
                      {phase::fencing, "", phase::fencing, false},
                      {phase::serving, "", phase::serving, false}};
  for (const auto& row : rows) {
    CAPTURE(to_string(row.from));
    auto taker = brought_to(row.from);
    CHECK(told(taker.giver_gone(at(100ms))) == row.effects);
    CHECK(taker.current() == row.to);
    CHECK(taker.forced() == row.forced);
  }
  auto taker = brought_to(phase::subscribing);
  (void)taker.giver_gone(at(1ms));
  (void)taker.listening(round, at(2ms));
  CHECK(told(taker.tick(at(102ms))) == "open-unsure fence");
  CHECK(taker.forced());
}

TEST_CASE("hand-over, taker: what was kept is sure only if the giver noted all of it") {
  struct row {
    const char* name;
    bool recorded, complete, sure;
  };
  for (const auto& row : {row{"noted all", true, true, true}, row{"too many", true, false, false},
                          row{"began too late", false, true, false}}) {
    CAPTURE(row.name);
    auto taker = brought_to(phase::announcing);
    if (row.recorded) (void)taker.recorded(round, at(0ms));
    auto now = 0ms;
    while (taker.current() != phase::awaiting) (void)taker.tick(at(now += 10ms));
    CHECK(told(taker.released(round, row.complete, at(now))) ==
          (row.sure ? "open fence" : "open-unsure fence"));
  }
}

TEST_CASE("hand-over, taker: a slot that is withdrawn is given up, and can come back") {
  for (const auto where : every_phase) {
    CAPTURE(to_string(where));
    auto taker = brought_to(where);
    CHECK(told(taker.withdraw()) == (where == phase::absent ? "" : "give_up"));
    CHECK(taker.current() == phase::absent);
    CHECK(told(taker.tick(at(1h))) == "");
    CHECK(told(taker.assign(round + 1, true, at(1h))) == "record");
    CHECK(told(taker.recorded(round, at(1h))) == "");
    CHECK(told(taker.recorded(round + 1, at(1h))) == "listen");
    CHECK(taker.wake_at() == at(1h + 1s));
    CHECK(!taker.forced());
  }
}

}  // namespace aether::cluster
