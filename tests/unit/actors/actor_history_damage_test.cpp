// What an actor's past says of events that cannot be read as they are.

#include "support/ledger_archive.hpp"

#include <doctest/doctest.h>

using namespace aether;
using namespace std::chrono_literals;
using aether::testing::archive;
using aether::testing::move_of;
using aether::testing::noon;
using aether::testing::past;
using aether::testing::record_of;
using old_ledger::moved;
using old_ledger::totals;

TEST_CASE("actor history: events of old days are read as those of today") {
  archive it;
  it.put({record_of(old_ledger::salary_paid{20})});
  it.put({record_of(old_ledger::transferred{300, 7}), record_of(old_ledger::viewed{})});
  it.put({record_of(old_ledger::deposited_many{{1, 2, 3}})});
  std::vector<std::string> types;
  std::vector<std::int64_t> cents;
  const auto end =
      archive::take(it.of_ann().replay([&](const recorded_event& event, const totals& after) {
        types.push_back(event.event.type);
        cents.push_back(after.cents);
      }));
  CHECK(types == std::vector<std::string>{"ledger.salary_paid", "ledger.transferred",
                                          "ledger.viewed", "ledger.deposited_many"});
  CHECK(cents == std::vector<std::int64_t>{2'000, 2'000, 2'000, 2'006});
  CHECK(end.state.fees == 7);
  CHECK(it.at(1).state.cents == 2'000);
}

namespace {

void check_poisoned(const archive& it, std::uint64_t version, std::string_view type) {
  for (auto& answer : {it.of_ann().state_now().get(), it.of_ann().state_at(noon + 24h).get()}) {
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().code() == errc::corrupt_history);
    const auto& text = answer.error().text();
    CHECK_MESSAGE(text.find("version " + std::to_string(version)) != text.npos, text);
    CHECK_MESSAGE(text.find(type) != text.npos, text);
  }
}

}  // namespace

TEST_CASE("actor history: an event that cannot be applied has a version and a type") {
  archive it;
  it.put({move_of(1)});
  std::string type = "ledger.unheard_of";
  SUBCASE("of a type that nobody knows") { it.put({move_of(10), {type, {}}, move_of(100)}); }
  SUBCASE("that does not decode") {
    type = moved::aether_wire_name;
    it.put({move_of(10), {type, {std::byte{0xc1}}}, move_of(100)});
  }
  SUBCASE("whose upcast throws") {
    type = old_ledger::undated::aether_wire_name;
    it.put({move_of(10), record_of(old_ledger::undated{}), move_of(100)});
  }
  check_poisoned(it, 3, type);
  CHECK(it.at(2).state.cents == 11);
  std::vector<std::uint64_t> seen;
  const auto visited = it.of_ann()
                           .replay([&](const recorded_event& event, const totals&) {
                             seen.push_back(event.version.value());
                           })
                           .get();
  CHECK_FALSE(visited.has_value());
  CHECK(seen == std::vector<std::uint64_t>{1, 2});
}

TEST_CASE("actor history: what an operator had skipped is stepped over, and visited once") {
  archive it;
  it.put({move_of(1)});
  it.put({move_of(10), {"ledger.unheard_of", {}}, move_of(100)});
  it.skip(3);
  it.put({move_of(1'000)});
  CHECK(it.now().state.cents == 1'111);
  CHECK(it.now().point.version == event_version{6});
  CHECK(it.at(3).state.cents == 11);
  CHECK(it.at(4).state.cents == 111);
  std::vector<std::string> types;
  std::vector<std::int64_t> cents;
  const auto end =
      archive::take(it.of_ann().replay([&](const recorded_event& event, const totals& after) {
        types.push_back(std::to_string(event.version.value()) + " " + event.event.type);
        cents.push_back(after.cents);
      }));
  CHECK(end.state.cents == 1'111);
  CHECK(types == std::vector<std::string>{"1 ledger.moved", "2 ledger.moved", "3 aether.skipped",
                                          "4 ledger.moved", "5 aether.skip", "6 ledger.moved"});
  CHECK(cents == std::vector<std::int64_t>{1, 11, 11, 111, 111, 1'111});
}

TEST_CASE("actor history: a marker helps also where the state begins with a snapshot") {
  archive it;
  it.put({move_of(1)});
  it.put_snapshot(1);
  it.put({{"ledger.unheard_of", {}}});
  it.skip(2);
  CHECK(it.now().state.cents == 1);
  CHECK(it.now().point.version == event_version{3});
}
