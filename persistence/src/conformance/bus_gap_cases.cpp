#include "bus_viewer.hpp"

#include <algorithm>
#include <future>
#include <map>
#include <set>

namespace aether::conformance {

namespace {

using caught = subscription_options::gaps;

event_filter of_actor(const writer& one) {
  return {.type = one.actor().type, .id_pattern = one.actor().id.str()};
}

void slow_has_a_gap(bus_bench& with) {
  writer actor{with.log};
  viewer slow, quick;
  slow.hold();
  slow.subscribe(with.bus, of_actor(actor), {.buffer_max = 4});
  quick.subscribe(with.bus, of_actor(actor));
  actor.write();
  slow.await_in_handler();
  actor.write_many(20);  // appends go on
  quick.await_events(21);
  must_show(quick, actor, 0, "a subscriber beside a slow one");
  require(quick.holes().empty(), "expected no gap of the quick one");
  slow.let_go();
  slow.await_events(5);
  // Taken are the first and four that wait; what follows is one gap.
  const auto at = [&](std::size_t nth) { return actor.written()[nth].sequence.value(); };
  slow.await_position(slow.views()[0].stream, at(20));
  const auto holes = slow.holes();
  require(slow.views().size() == 5 && holes.size() == 1,
          "expected 5 events and a gap, found " + std::to_string(slow.views().size()) + " and " +
              std::to_string(holes.size()));
  require(holes[0].first == at(5) && holes[0].last == at(20),
          "expected the gap to be exactly what did not fit");
  require(holes[0].reason == gap_reason::buffer_full, "expected the reason to be the full buffer");
  actor.write();
  slow.await_events(6);
  require(slow.views().back().recorded.version == actor.end().version,
          "expected a subscription to go on after a gap");
  require(slow.stats().gaps == 1 && slow.stats().gap_positions == at(20) - at(5) + 1,
          "expected the gap to be counted");
}

void bytes_are_bounded(bus_bench& with) {
  writer actor{with.log};
  viewer slow;
  slow.hold();
  slow.subscribe(with.bus, of_actor(actor), {.buffer_bytes_max = 100'000});
  actor.write();
  slow.await_in_handler();
  for (int i = 0; i < 10; ++i) actor.write(1, 40'000);
  viewer beside;
  beside.subscribe(with.bus, of_actor(actor));
  actor.write();
  beside.await_events(1);
  slow.let_go();
  slow.await_position(beside.views()[0].stream, actor.end().sequence.value());
  require(slow.views().size() < 6 && !slow.holes().empty(),
          "expected a buffer of 100,000 bytes to keep at most two commits of 40,000");
}

void caught_up_once(bus_bench& with) {
  std::vector<std::unique_ptr<writer>> actors;
  for (int i = 0; i < 4; ++i)
    actors.push_back(std::make_unique<writer>(with.log, address_of("kit-catch", fresh_name())));
  viewer sees;
  sees.hold();
  sees.subscribe(with.bus, {.type = actors[0]->actor().type},
                 {.buffer_max = 3, .on_gap = caught::catch_up});
  for (auto& one : actors) one->write();
  sees.await_in_handler();
  for (int i = 0; i < 30; ++i) actors[static_cast<std::size_t>(i) % 4]->write(2);
  sees.let_go();
  for (int i = 0; i < 40; ++i) actors[static_cast<std::size_t>(i) % 4]->write();
  sees.await_events(4 + 60 + 40);
  for (const auto& one : actors) must_show(sees, *one, 0, "a subscription that catches up");
  require(sees.holes().empty(), "expected no gap to be reported where it was caught up");
  require(sees.stats().caught_up > 0, "expected events that were caught up");
}

void caught_up_elsewhere(bus_bench& with) {
  writer actor{with.other_log};
  viewer sees;
  sees.hold();
  sees.subscribe(with.bus, {.namespaces = {with.other}, .id_pattern = actor.actor().id.str()},
                 {.buffer_max = 1, .on_gap = caught::catch_up});
  actor.write();
  sees.await_in_handler();
  actor.write_many(10);
  sees.let_go();
  sees.await_events(11);
  must_show(sees, actor, 0, "a subscription to another namespace that catches up");
}

/// Each position after the first that was shown is shown or in a hole, once.
void check_positions(const viewer& by) {
  std::map<std::string, std::map<std::uint64_t, int>> told;
  std::map<std::string, std::uint64_t> newest;
  for (const auto& one : by.views()) {
    if (one.recorded.id.index > 0) continue;
    ++told[one.stream][one.sequence];
    require(one.sequence > newest[one.stream], "expected the order of the stream");
    newest[one.stream] = one.sequence;
  }
  for (const auto& one : by.holes())
    for (auto at = one.first; at <= one.last; ++at) ++told[one.stream][at];
  for (const auto& [stream, positions] : told)
    for (const auto& [at, times] : positions)
      require(times == 1, "expected position " + std::to_string(at) + " of " + stream +
                              " to be told of once, found " + std::to_string(times) + " times");
}

void busy(bus_bench& with) {
  constexpr int threads = 4, commits = 50;
  std::vector<std::unique_ptr<writer>> actors;
  for (int i = 0; i < threads; ++i)
    actors.push_back(std::make_unique<writer>(with.log, address_of("kit-busy", fresh_name())));
  const event_filter filter{.type = actors[0]->actor().type};
  viewer early, narrow, repairs, late;
  early.subscribe(with.bus, filter);
  narrow.subscribe(with.bus, filter, {.buffer_max = 2});
  repairs.subscribe(with.bus, filter, {.buffer_max = 2, .on_gap = caught::catch_up});
  std::vector<std::future<void>> running;
  for (auto& one : actors)
    running.push_back(std::async(std::launch::async, [&one] { one->write_many(commits); }));
  late.subscribe(with.bus, filter);  // while they write
  for (auto& one : running) one.get();
  for (auto* sees : {&early, &repairs}) {
    sees->await_events(threads * commits);
    for (const auto& one : actors) must_show(*sees, *one, 0, "a subscription to busy writers");
    require(sees->holes().empty(), "expected no gap");
  }
  for (const auto& one : actors) {
    for (const auto& seen : early.views())
      if (seen.address == one->actor() && seen.recorded.version == one->end().version)
        narrow.await_position(seen.stream, seen.sequence);
  }
  for (const auto* sees : {&early, &narrow, &repairs, &late}) check_positions(*sees);
}

constexpr bus_case cases[]{
    {"bus: a slow subscription has a gap with exact positions, and nobody else has",
     &slow_has_a_gap},
    {"bus: a buffer is bounded in bytes too", &bytes_are_bounded},
    {"bus: what was caught up is shown exactly once, in order", &caught_up_once},
    {"bus: a gap of another namespace is caught up too", &caught_up_elsewhere},
    {"bus: under load each position is shown or in a gap, once", &busy},
};

}  // namespace

std::span<const bus_case> bus_gap_cases() { return cases; }

}  // namespace aether::conformance
