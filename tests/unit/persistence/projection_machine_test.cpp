// Single turns of one partition, where the order of things matters; over random ones see
// projection_model_test.cpp.

#include "persistence/src/core/projection_machine.hpp"

#include "support/commits.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

using namespace aether;
using namespace std::chrono_literals;

namespace {

using testing::address;
using testing::commit_after;

projection_options by_actor() {
  projection_options how;
  how.attempts_max = 1;
  how.on_poison = poison_policy::park_actor;
  return how;
}

/// A machine, and hands that carry out what it wants, each effect when the test says so.
struct partition {
  explicit partition(bool log_forgets = false, bool handler_stores = false)
      : stores{handler_stores}, machine{{"p", 1, 0}, {}, by_actor(), handler_stores, log_forgets} {
    machine.start(wants);
  }

  projection_instant now() {
    clock += 1ms;
    return {clock, {}};
  }

  /// The next effect, of this kind.
  template <class Effect>
  Effect take() {
    REQUIRE(!wants.empty());
    auto first = std::move(wants.front());
    wants.erase(wants.begin());
    REQUIRE(std::holds_alternative<Effect>(first));
    return std::get<Effect>(std::move(first));
  }
  template <class Effect>
  [[nodiscard]] bool wanted() const {
    return !wants.empty() && std::holds_alternative<Effect>(wants.front());
  }

  /// Takes the partition over, at that position and with what is parked.
  void claim(std::uint64_t sequence, parking_lot lot = {}) {
    (void)take<projection_effect::load>();
    projection_position found{stream_sequence{sequence}};
    if (sequence != 0) found.commit = entry("z", sequence).record.found->commit.id;
    machine.loaded(found, now(), wants);
    (void)take<projection_effect::load_lot>();
    machine.lot_loaded(std::pair{std::move(lot), std::uint64_t{1}}, now(), wants);
    CHECK(take<projection_effect::store_lot>().lot.claim == 1);
    machine.lot_stored(std::uint64_t{2}, now(), wants);
    if (stores) return;
    (void)take<projection_effect::store>();
    machine.stored(std::uint64_t{1}, now(), wants);
  }
  /// What is parked, as somebody else stored it meanwhile.
  void look_at(parking_lot lot, std::uint64_t claim = 1) {
    (void)take<projection_effect::load_lot>();
    lot.claim = claim;
    machine.lot_loaded(std::pair{std::move(lot), std::uint64_t{3}}, now(), wants);
  }
  /// What is settled is stored.
  parking_lot settled() {
    auto lot = take<projection_effect::store_lot>().lot;
    machine.lot_stored(std::uint64_t{4}, now(), wants);
    return lot;
  }
  void past(const projection_effect::read_past& of, std::vector<history_record> records) {
    machine.past_read(of.round, std::move(records), now(), wants);
  }
  std::string handled(result<void> outcome = {}) {
    if (wanted<projection_effect::read>()) (void)take<projection_effect::read>();  // ahead
    const auto batch = take<projection_effect::handle>().batch;
    machine.handled(std::move(outcome), now(), wants);
    return names(*batch);
  }

  /// The same commit for the same place, whoever asks.
  const shard_page::entry& entry(const std::string& id, std::uint64_t sequence) {
    const auto known = log.find(sequence);
    if (known != log.end()) return known->second;
    auto made = commit_after(ends[id], 1);
    const stream_sequence at{sequence};
    ends[id] = {made.last(), at, made.id};
    shard_page::entry one{address("counter", id), {at, recorded_commit{std::move(made), at}}};
    return log.emplace(sequence, std::move(one)).first->second;
  }
  void page(const projection_effect::read& of, std::vector<shard_page::entry> entries,
            bool up_to_date = true) {
    shard_page made;
    made.entries = std::move(entries);
    made.last = true;
    made.up_to_date = up_to_date;
    machine.page_read(of.round, std::move(made), false, now(), wants);
  }
  /// What a batch has, by actor and sequence.
  static std::string names(const projection_batch& batch) {
    std::string all;
    for (const auto& one : batch.commits)
      all += one.address.id.str() + std::to_string(one.record.sequence.value()) + " ";
    return all;
  }

  std::chrono::steady_clock::time_point clock{1h};
  std::map<std::uint64_t, shard_page::entry> log;
  std::map<std::string, log_position> ends;
  const bool stores;
  projection_machine machine;
  projection_effects wants;
};

parked_commit parked(const std::string& id, std::uint64_t sequence, std::uint64_t version = 1) {
  return {.sequence = stream_sequence{sequence},
          .first = event_version{version},
          .last = event_version{version},
          .address = address("counter", id),
          .reason = {},
          .at = {},
          .whole_actor = true};
}

/// `lot` with a wish for all that is in it, as somebody else stores it.
parking_lot wished(parking_lot lot, parked_wish what) {
  for (const auto& one : std::vector<parked_commit>{lot.entries()})
    lot.find(one.sequence)->wish = what;
  return lot;
}

}  // namespace

TEST_CASE("projection machine: what was passed over behind a parked actor is read again after it") {
  partition it;
  (void)it.entry("a", 50);
  parking_lot lot;
  lot.add(parked("a", 50));
  it.claim(100, lot);
  const auto all = [&] {
    return std::vector{it.entry("c", 102), it.entry("a", 103), it.entry("d", 104)};
  };
  auto first = all();
  first.insert(first.begin(), it.entry("z", 100));
  it.page(it.take<projection_effect::read>(), first);
  // a103 is passed over; what stands beside it fails, and is to come one by one.
  it.clock += 2s;
  CHECK(it.handled(fail(errc::handler_failed, "sick")) == "c102 d104 ");
  it.look_at(wished(lot, parked_wish::discard));
  const auto past = it.take<projection_effect::read_past>();
  it.past(past, {it.entry("a", 103).record});  // behind the position
  CHECK(it.settled().empty());
  const auto again = it.take<projection_effect::read>();
  CHECK(again.after.value() == 100);
  it.page(again, all());
  CHECK(it.handled() == "c102 a103 d104 ");
}

TEST_CASE(
    "projection machine: given up, an unreadable record holds up nothing that waits behind it") {
  partition it;
  parking_lot lot;
  lot.add(parked("a", 50, 0));
  it.claim(100, wished(lot, parked_wish::discard));
  const auto past = it.take<projection_effect::read_past>();
  CHECK(past.after.value() == 50);
  CHECK(past.from.value() == 0);
  const history_record damaged{stream_sequence{70}, fail(errc::corrupt_history, "damaged")};
  it.past(past, {it.entry("a", 60).record, damaged, it.entry("a", 80).record});
  CHECK(it.handled() == "a60 ");
  // The next one is parked in its place, and those behind it wait.
  const auto left = it.settled();
  REQUIRE(left.size() == 1);
  CHECK(left.entries()[0].sequence.value() == 70);
  CHECK(left.entries()[0].code == errc::corrupt_history);
  CHECK(left.entries()[0].first.value() == 0);
}

TEST_CASE("projection machine: a late answer to the reading of one parked commit is no other's") {
  partition it;
  (void)it.entry("a", 50);
  (void)it.entry("b", 60);
  parking_lot lot;
  lot.add(parked("a", 50));
  lot.add(parked("b", 60));
  it.claim(100, wished(lot, parked_wish::discard));
  const auto of_a = it.take<projection_effect::read_past>();
  it.past(of_a, {});
  CHECK(it.settled().size() == 1);
  const auto of_b = it.take<projection_effect::read_past>();
  CHECK(of_b.entry.sequence.value() == 60);
  it.past(of_a, {it.entry("a", 50).record});
  CHECK(it.wants.empty());
  CHECK(it.machine.now_in() == projection_machine::phase::replay_reading);
}

TEST_CASE(
    "projection machine: asked to stop, it ends after one commit of a replay, not after all") {
  partition it;
  (void)it.entry("a", 50);
  parking_lot lot;
  lot.add(parked("a", 50));
  it.claim(100, wished(lot, parked_wish::replay));
  it.past(it.take<projection_effect::read_past>(),
          {it.entry("a", 50).record, it.entry("a", 60).record});
  it.machine.stop(it.wants);
  CHECK(it.handled() == "a50 ");
  (void)it.take<projection_effect::stopped>();
  CHECK(it.wants.empty());
}

TEST_CASE("projection machine: who finds another's claim on what is parked loads all anew") {
  partition it;
  (void)it.entry("a", 50);
  parking_lot lot;
  lot.add(parked("a", 50));
  it.claim(100, lot);
  it.page(it.take<projection_effect::read>(), {it.entry("z", 100), it.entry("c", 101)});
  it.clock += 2s;
  (void)it.handled();
  (void)it.take<projection_effect::store>();
  it.machine.stored(std::uint64_t{2}, it.now(), it.wants);
  it.look_at(wished(lot, parked_wish::discard), 2);
  (void)it.take<projection_effect::load>();
}

TEST_CASE(
    "projection machine: where the handler stores the position, a parked actor waits until no "
    "other owner can") {
  partition it{false, true};
  (void)it.entry("a", 50);
  parking_lot lot;
  lot.add(parked("a", 50));
  it.claim(100, wished(lot, parked_wish::discard));
  const auto reading = it.take<projection_effect::read>();
  SUBCASE("for it has moved it itself") {
    it.page(reading, {it.entry("z", 100), it.entry("c", 101)});
    CHECK(it.handled() == "c101 ");
  }
  SUBCASE("for there was nothing to move it to, long after it took over") {
    it.page(reading, {it.entry("z", 100)});
    (void)it.take<projection_effect::wake_at>();
    it.clock += 2 * projection_machine::lot_interval;
    it.machine.hint(it.now(), it.wants);
    it.look_at(wished(lot, parked_wish::discard));
    it.page(it.take<projection_effect::read>(), {it.entry("z", 100)});
    (void)it.take<projection_effect::wake_at>();
    it.machine.hint(it.now(), it.wants);
  }
  CHECK(it.take<projection_effect::read_past>().after.value() == 50);
}

TEST_CASE("projection machine: after each pause it looks whether the log is the one that it was") {
  partition it;
  it.claim(100);
  it.page(it.take<projection_effect::read>(), {it.entry("z", 100)});
  (void)it.take<projection_effect::wake_at>();
  it.machine.hint(it.now(), it.wants);
  const auto reading = it.take<projection_effect::read>();
  CHECK(reading.after.value() == 99);
  auto other = it.entry("c", 101);
  SUBCASE("another commit is there") { other.record.sequence = stream_sequence{100}; }
  SUBCASE("what was handled is not there any more") {}
  it.page(reading, {other});
  (void)it.take<projection_effect::report>();
  REQUIRE(it.machine.problem().has_value());
  CHECK(it.machine.problem()->code() == errc::stream_regressed);
}

TEST_CASE("projection machine: where the log forgets, what is not there says nothing") {
  partition it{true};
  it.claim(100);
  it.page(it.take<projection_effect::read>(), {it.entry("c", 101)});
  CHECK(it.handled() == "c101 ");
}

TEST_CASE("projection machine: a replica that lags behind is asked again before it is believed") {
  partition it;
  it.claim(100);
  for (unsigned i = 0; i <= projection_machine::misses_max; ++i) {
    it.page(it.take<projection_effect::read>(), {}, false);
    REQUIRE(it.machine.problem().has_value());
    const bool believed = i == projection_machine::misses_max;
    CHECK(it.machine.problem()->code() == (believed ? errc::stream_regressed : errc::unavailable));
    if (it.wanted<projection_effect::report>()) (void)it.take<projection_effect::report>();
    it.clock = it.take<projection_effect::wake_at>().when;
    it.machine.tick(it.now(), it.wants);
  }
}
