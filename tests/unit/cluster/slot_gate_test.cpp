#include "cluster/src/core/slot_gate.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

namespace aether::cluster {

namespace {

using gate = slot_gate<std::string, std::string>;
using passage = gate::passage;
using texts = std::vector<std::string>;

command_id id(std::size_t number) {
  std::array<std::uint8_t, command_id::size> raw{};
  for (std::size_t i = 0; i < 4; ++i) raw[8 + i] = static_cast<std::uint8_t>(number >> (8 * i));
  return command_id{raw};
}

passage arrive(gate& at, std::size_t number, command_copy copy = command_copy::told,
               std::string what = {}) {
  if (what.empty()) what = std::to_string(number);
  return at.arrive(id(number), copy, what);
}

}  // namespace

TEST_CASE("slot gate: what is kept is handed over in order, and what comes meanwhile follows it") {
  gate at;
  CHECK(arrive(at, 1) == passage::shut);
  at.keep();
  CHECK(arrive(at, 1) == passage::kept);
  CHECK(arrive(at, 2) == passage::kept);
  CHECK(at.take_kept() == texts{"1", "2"});
  CHECK(arrive(at, 3) == passage::kept);
  CHECK(at.take_kept() == texts{"3"});
  CHECK(at.take_kept() == texts{});
  CHECK(arrive(at, 4) == passage::through);
  (void)at.shut();
  CHECK(arrive(at, 5) == passage::shut);
}

TEST_CASE(
    "slot gate: what the giver got is dropped: every copy of an ask, the first one of a tell") {
  gate at;
  at.keep();
  for (const std::size_t number : {1, 2, 3}) (void)arrive(at, number);
  (void)arrive(at, 4, command_copy::asked);
  (void)arrive(at, 4, command_copy::asked, "4 again");
  // The giver named it, could not work it off, and sent it on.
  (void)arrive(at, 2, command_copy::told_again, "2 sent on");
  // It came to the giver alone before.
  (void)arrive(at, 9, command_copy::told_again, "9 sent on");
  const std::vector<command_id> got{id(2), id(4), id(9)};
  CHECK(at.drop(got) == texts{"2", "4", "4 again"});
  CHECK(at.take_kept() == texts{"1", "3", "2 sent on", "9 sent on"});
}

TEST_CASE("slot gate: of a tell one copy is kept, of an ask each, since each waits for an answer") {
  gate at;
  at.keep();
  CHECK(arrive(at, 1, command_copy::told, "told") == passage::kept);
  CHECK(arrive(at, 1, command_copy::told, "told again") == passage::kept);
  CHECK(arrive(at, 2, command_copy::asked, "asked") == passage::kept);
  CHECK(arrive(at, 2, command_copy::asked, "asked again") == passage::kept);
  CHECK(at.take_kept() == texts{"told", "asked", "asked again"});
  CHECK(arrive(at, 1, command_copy::told, "while it is handed over") == passage::kept);
  CHECK(at.take_kept() == texts{});
}

TEST_CASE("slot gate: what is kept is bounded") {
  gate at;
  at.keep();
  for (std::size_t i = 0; i < gate::kept_max; ++i) REQUIRE(arrive(at, i) == passage::kept);
  CHECK(arrive(at, gate::kept_max) == passage::full);
  CHECK(at.take_kept().size() == gate::kept_max);
  CHECK(arrive(at, gate::kept_max) == passage::kept);
  at.wait();
  for (std::size_t i = 0; i < gate::kept_max; ++i) {
    REQUIRE(at.local() == passage::kept);
    at.add_waiting("");
  }
  CHECK(at.local() == passage::full);
}

TEST_CASE("slot gate: local senders go out, wait, and then go straight, in their order") {
  gate at;
  CHECK(at.local() == passage::shut);
  at.wait();
  CHECK(at.local() == passage::kept);
  at.add_waiting("1");
  CHECK(at.take_waiting() == texts{"1"});
  at.add_waiting("2");
  CHECK(at.take_waiting() == texts{"2"});
  CHECK(at.take_waiting() == texts{});
  CHECK(at.local() == passage::through);
  (void)at.shut();
  CHECK(at.local() == passage::shut);
}

TEST_CASE("slot gate: one that is shut gives back what it kept and what waited") {
  gate at;
  at.keep();
  at.wait();
  (void)arrive(at, 1);
  at.add_waiting("2");
  const auto [kept, waited] = at.shut();
  CHECK(kept == texts{"1"});
  CHECK(waited == texts{"2"});
  at.keep();
  CHECK(arrive(at, 1) == passage::kept);
  CHECK(at.take_kept() == texts{"1"});
}

TEST_CASE("slot gate: ids of what comes through are noted, when it is told to, and can be struck") {
  gate at;
  at.start_recording();
  (void)arrive(at, 1);
  at.keep();
  (void)arrive(at, 1);
  CHECK(at.recorded().all().empty());
  at.stop_recording();
  while (!at.take_kept().empty()) {
  }
  (void)arrive(at, 1);
  at.start_recording();
  (void)arrive(at, 2);
  (void)arrive(at, 3);
  at.recorded().strike(id(3));
  CHECK(at.recorded().all() == std::vector{id(2)});
  CHECK(at.recorded().complete());
  auto closed = at;
  (void)closed.shut();
  CHECK(arrive(closed, 6) == passage::shut);
  CHECK(closed.recorded().all() == std::vector{id(2)});
  at.start_recording();
  CHECK(at.recorded().all().empty());
  (void)arrive(at, 4);
  at.stop_recording();
  CHECK(at.recorded().all().empty());
  (void)arrive(at, 5);
  CHECK(at.recorded().all().empty());
}

TEST_CASE("slot gate: a copy that is struck leaves the name of another that was worked off") {
  gate at;
  at.keep();
  (void)at.take_kept();
  (void)arrive(at, 1);
  CHECK(!at.noted(id(1)));  // nobody asked yet
  at.start_recording();
  (void)arrive(at, 1);
  (void)arrive(at, 1);
  CHECK(at.noted(id(1)));
  CHECK(at.recorded().strike(id(1)));
  CHECK(at.recorded().all() == std::vector{id(1)});
  CHECK(at.recorded().strike(id(1)));
  CHECK(at.recorded().all().empty());
  CHECK(!at.recorded().strike(id(1)));
}

TEST_CASE("slot gate: too many ids are not noted, and that is known") {
  recorded_ids ids;
  for (std::size_t i = 0; i < recorded_ids::ids_max; ++i) ids.note(id(i));
  ids.note(id(0));
  CHECK(ids.complete());
  ids.note(id(recorded_ids::ids_max));
  CHECK(!ids.complete());
  CHECK(ids.all().size() == recorded_ids::ids_max);
  ids.clear();
  CHECK(ids.complete());
  CHECK(ids.all().empty());
}

}  // namespace aether::cluster
