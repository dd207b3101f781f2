// Where the commits that an entity writes point back to.

#include "persistence/src/commit_rules.hpp"
#include "support/bank.hpp"
#include "support/entity_script.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace aether;
using aether::testing::entity_script;
using bank::account;
using bank::balance;
using bank::deposit;
using bank::deposited;

namespace {

class saver : public event_sourced_actor<saver> {
 public:
  static constexpr std::string_view type_name = "saver";
  static constexpr auto snapshots = snapshot_policy::every(3);
  using state = balance;
  using commands = messages<deposit>;
  using events = messages<deposited>;

  static effect<balance> on(const deposit& command, const state&) {
    return persist(deposited{command.cents}).reply([](const state& now) { return now; });
  }
  static void apply(state& now, const deposited& event) { now.cents += event.cents; }
};

std::vector<stream_sequence> sequences(std::initializer_list<std::uint64_t> numbers) {
  std::vector<stream_sequence> made;
  for (const auto next : numbers) made.emplace_back(next);
  return made;
}

/// The back-pointers of the commit that a command leads to; it is not stored yet.
template <class Script>
std::vector<stream_sequence> next_pointers(Script& it) {
  it.send(deposit{1});
  REQUIRE(it.append.has_value());
  auto checked = it.append->next;
  checked.id = commit_id::make();
  const auto valid = validate(checked, it.append->expected);
  CHECK_MESSAGE(valid.has_value(), valid.error().text());
  return checked.back_pointers;
}

template <class Script>
void deposits(Script& it, int count) {
  for (int i = 0; i < count; ++i) {
    it.send(deposit{1});
    it.append_succeeds();
  }
}

/// Another writer's commit at the end of the log.
template <class Script>
void others_put(Script& it, std::vector<stream_sequence> pointers) {
  commit made;
  made.id = commit_id::make();
  made.first = event_version{it.log.empty() ? 1 : it.log.back().commit.last().value() + 1};
  made.events.push_back({std::string{deposited::aether_wire_name}, encode(deposited{1})});
  made.back_pointers = std::move(pointers);
  it.put(std::move(made));
}

}  // namespace

TEST_CASE("entity: its first commit points nowhere, each later one to all before it") {
  entity_script<account> it;
  it.recover();
  CHECK(next_pointers(it).empty());
  it.append_succeeds();
  CHECK(next_pointers(it) == sequences({10}));
  it.append_succeeds();
  CHECK(next_pointers(it) == sequences({10, 20}));
}

TEST_CASE("entity: its commits point back to the newest saved snapshot, and to what came after") {
  entity_script<saver> it;
  it.recover();
  deposits(it, 3);
  REQUIRE(it.save.has_value());
  CHECK(next_pointers(it) == sequences({10, 20, 30}));
  it.append_succeeds();
  it.save_succeeds();
  CHECK(next_pointers(it) == sequences({30, 40}));
  it.append_succeeds();
  CHECK(next_pointers(it) == sequences({30, 40, 50}));
}

TEST_CASE("entity: right after a snapshot its commit points to the one before") {
  entity_script<saver> it;
  it.recover();
  deposits(it, 3);
  it.save_succeeds();
  CHECK(next_pointers(it) == sequences({30}));
}

TEST_CASE("entity: a snapshot that was not saved takes no back-pointer away") {
  entity_script<saver> it;
  it.recover();
  deposits(it, 3);
  it.save_ends(fail(errc::unavailable, "x"));
  CHECK(next_pointers(it) == sequences({10, 20, 30}));
}

TEST_CASE("entity: back from its history it points where its newest commit pointed, and to that") {
  entity_script<account> it{false};
  std::vector<stream_sequence> expected;
  SUBCASE("without a snapshot") {
    others_put(it, {});
    others_put(it, sequences({10}));
    others_put(it, sequences({10, 20}));
    expected = sequences({10, 20, 30});
  }
  SUBCASE("after commits of a build that wrote none") {
    others_put(it, {});
    others_put(it, {});
    expected = sequences({20});
  }
  SUBCASE("after a snapshot") {
    others_put(it, {});
    others_put(it, sequences({10}));
    it.saved = snapshot{it.log.back().position(),
                        std::string{balance::aether_wire_name},
                        1,
                        encode(balance{2}),
                        {}};
    others_put(it, sequences({10, 20}));
    expected = sequences({20, 30});
  }
  SUBCASE("after a snapshot at its end") {
    others_put(it, {});
    others_put(it, sequences({10}));
    it.saved = snapshot{it.log.back().position(),
                        std::string{balance::aether_wire_name},
                        1,
                        encode(balance{2}),
                        {}};
    expected = sequences({20});
  }
  SUBCASE("after a snapshot that it cannot use") {
    others_put(it, {});
    others_put(it, sequences({10}));
    it.saved = snapshot{it.log.back().position(), "bank.other", 1, {}, {}};
    expected = sequences({10, 20});
  }
  it.start();
  it.recover();
  CHECK(next_pointers(it) == expected);
}

TEST_CASE("entity: it points to commits that came while it recovered") {
  entity_script<account> it{false};
  others_put(it, {});
  others_put(it, {});
  others_put(it, {});
  it.start();
  it.give_tail();
  others_put(it, sequences({20, 30}));
  it.recover();
  CHECK(next_pointers(it) == sequences({20, 30, 40}));
}

TEST_CASE("entity: after a conflict it points to the commit that came first") {
  entity_script<account> it;
  it.recover();
  deposits(it, 1);
  it.send(deposit{1});
  others_put(it, sequences({10}));
  it.append_fails(errc::version_conflict);
  it.recover();
  REQUIRE(it.append.has_value());
  CHECK(it.append->next.back_pointers == sequences({10, 20}));
  it.append_succeeds();
  CHECK(next_pointers(it) == sequences({10, 20, 30}));
}

TEST_CASE("entity: a snapshot saved after a conflict does not tear a hole into its pointers") {
  entity_script<saver> it;
  it.recover();
  deposits(it, 3);
  REQUIRE(it.save.has_value());
  it.send(deposit{1});
  others_put(it, sequences({10, 20, 30}));
  it.append_fails(errc::version_conflict);
  SUBCASE("while it recovers") { it.save_succeeds(); }
  SUBCASE("when it is back") {
    it.recover();
    it.save_succeeds();
  }
  it.recover();
  it.append_succeeds();
  const auto pointers = next_pointers(it);
  CHECK(pointers.size() >= 2);
  CHECK(pointers.back() == stream_sequence{50});
  CHECK(pointers[pointers.size() - 2] == stream_sequence{40});
}

TEST_CASE("entity: without snapshots its pointers stay bounded, without a gap") {
  entity_script<account> it;
  it.recover();
  for (std::size_t stored = 0; stored < 300; ++stored) {
    const auto pointers = next_pointers(it);
    REQUIRE(pointers.size() >= std::min(stored, commit_back_pointers_max / 2));
    for (std::size_t i = 0; i < pointers.size(); ++i)
      REQUIRE(pointers[i] == stream_sequence{10 * (stored - pointers.size() + i + 1)});
    it.append_succeeds();
    if (it.save) it.save_ends(fail(errc::unavailable, "x"));
  }
}
