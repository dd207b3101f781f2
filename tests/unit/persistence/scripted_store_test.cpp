#include <aether/persistence/conformance.hpp>
#include <aether/persistence/memory_store.hpp>
#include <aether/persistence/scripted_store.hpp>
#include "support/commits.hpp"
#include "support/store_calls.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

namespace {

using namespace aether;
using testing::append;
using testing::append_soon;
using testing::commit_after;

const actor_address alice = testing::address("account", "alice");

struct bench {
  std::shared_ptr<memory_event_store> behind = std::make_shared<memory_event_store>();
  scripted_event_store store{behind};

  [[nodiscard]] std::size_t stored() const { return testing::read(*behind, alice)->size(); }
  [[nodiscard]] log_position end() const {
    const auto newest = testing::latest(*behind, alice).value();
    return newest ? newest->position() : log_position{};
  }
  result<log_position> append_next() {
    const auto after = end();
    return append(store, alice, after, commit_after(after));
  }
};

bool has_answer(const std::future<result<log_position>>& answer) {
  return answer.wait_for(std::chrono::seconds{0}) == std::future_status::ready;
}

snapshot snapshot_at(std::uint64_t version) {
  return {{event_version{version}, stream_sequence{version}}, "test.total", 1, {}, {}};
}

}  // namespace

TEST_CASE("scripted event store: passes the conformance kit without a script") {
  bench with;
  for (const auto& one : event_store_cases()) SUBCASE(one.name.data()) {
      one.run(with.store);
    }
}

TEST_CASE("scripted snapshot store: passes the conformance kit without a script") {
  scripted_snapshot_store store{std::make_shared<memory_snapshot_store>()};
  for (const auto& one : snapshot_store_cases()) {
    SUBCASE(one.name.data()) { one.run(store); }
  }
}

TEST_CASE("scripted event store: appends take their steps in order, then pass") {
  bench with;
  with.store.pass_appends();
  with.store.fail_appends(errc::store_failed, 2);
  with.store.fail_appends(errc::version_conflict);
  CHECK(with.append_next().has_value());
  CHECK(with.append_next().error().code() == errc::store_failed);
  CHECK(with.append_next().error().code() == errc::store_failed);
  CHECK(with.append_next().error().code() == errc::version_conflict);
  CHECK(with.stored() == 1);
  CHECK(with.append_next().has_value());
  CHECK(with.stored() == 2);
  CHECK(with.store.calls().append == 5);
}

TEST_CASE("scripted event store: a lost acknowledgement leaves the commit in the log") {
  bench with;
  with.store.lose_acknowledgements();
  const commit first = commit_after({});
  CHECK(append(with.store, alice, {}, first).error().code() == errc::outcome_unknown);
  CHECK(testing::latest(with.store, alice).value()->commit == first);
  CHECK(append(with.store, alice, {}, first).value() == with.end());
  CHECK(with.stored() == 1);
}

TEST_CASE("scripted event store: an append that is refused has no acknowledgement to lose") {
  bench with;
  REQUIRE(with.append_next().has_value());
  with.store.lose_acknowledgements();
  const auto late = append(with.store, alice, {}, commit_after({}));
  CHECK(late.error().code() == errc::version_conflict);
}

TEST_CASE("scripted event store: a late commit is stored when it is released, or meets another") {
  bench with;
  with.store.store_late();
  const commit late = commit_after({});
  CHECK(append(with.store, alice, {}, late).error().code() == errc::outcome_unknown);
  CHECK(with.stored() == 0);
  CHECK(with.store.held() == 1);
  SUBCASE("stored") {
    with.store.release();
    CHECK(testing::latest(with.store, alice).value()->commit == late);
  }
  SUBCASE("too late") {
    REQUIRE(with.append_next().has_value());
    with.store.release();
    CHECK_FALSE(testing::latest(with.store, alice).value()->commit == late);
  }
  CHECK(with.stored() == 1);
  CHECK(with.store.held() == 0);
}

TEST_CASE("scripted event store: another's commit comes first, and stays in the log") {
  bench with;
  REQUIRE(with.append_next().has_value());
  const commit foreign = commit_after({}, 3);
  with.store.come_first(foreign);
  CHECK(with.append_next().error().code() == errc::version_conflict);
  const auto newest = testing::latest(with.store, alice).value();
  CHECK(newest->commit.id == foreign.id);
  CHECK(newest->commit.first == event_version{2});
  CHECK(with.append_next().has_value());
  CHECK(with.end().version == event_version{5});
}

TEST_CASE("scripted event store: held appends wait for release, in order") {
  bench with;
  SUBCASE("the next ones") { with.store.hold_next_appends(2); }
  SUBCASE("all of them") { with.store.hold_appends(); }
  SUBCASE("all calls") { with.store.hold_calls(); }
  const auto first = append_soon(with.store, alice, {}, commit_after({}));
  const auto second = append_soon(with.store, alice, {}, commit_after({}));
  CHECK(with.store.held() == 2);
  CHECK(with.stored() == 0);
  CHECK_FALSE(has_answer(first));
  with.store.release();
  REQUIRE(has_answer(first));
  REQUIRE(has_answer(second));
  CHECK(with.stored() == 1);
  CHECK(with.store.held() == 0);
  CHECK(with.append_next().has_value());
}

TEST_CASE("scripted event store: appends alone are held while reads pass") {
  bench with;
  with.store.hold_appends();
  const auto waiting = append_soon(with.store, alice, {}, commit_after({}));
  CHECK(testing::read(with.store, alice)->empty());
  with.store.hold_calls();
  bool heard = false;
  with.store.latest(alice, [&](auto found) { heard = found->has_value(); });
  CHECK(with.store.held() == 2);
  with.store.release();
  CHECK(heard);
}

TEST_CASE("scripted event store: what comes while it releases overtakes nothing that was held") {
  bench with;
  with.store.hold_appends();
  std::vector<int> order;
  const auto note = [&order](int nth) { return [&order, nth](auto) { order.push_back(nth); }; };
  with.store.append(alice, {}, commit_after({}), [&](auto) {
    order.push_back(1);
    with.store.append(alice, {}, commit_after({}), note(3));
  });
  with.store.append(alice, {}, commit_after({}), note(2));
  with.store.release();
  CHECK(order == std::vector{1, 2, 3});
}

TEST_CASE("scripted event store: reads of every kind take their own steps") {
  bench with;
  with.store.fail_reads(errc::unavailable, 5);
  with.store.fail_reads(errc::timed_out);
  const auto shard = shard_of(alice, with.store.shards());
  CHECK(with.append_next().has_value());
  CHECK(testing::read(with.store, alice).error().code() == errc::unavailable);
  CHECK(testing::fetch(with.store, alice, {}).error().code() == errc::unavailable);
  CHECK(testing::latest(with.store, alice).error().code() == errc::unavailable);
  CHECK(testing::records(with.store, alice).error().code() == errc::unavailable);
  CHECK(testing::actors(with.store, alice.type, shard).error().code() == errc::unavailable);
  CHECK(testing::read_shards(with.store, shard).error().code() == errc::timed_out);
  CHECK(testing::read_shards(with.store, shard)->size() == 1);
  const auto calls = with.store.calls();
  CHECK(calls.append == 1);
  CHECK(calls.read == 1);
  CHECK(calls.fetch == 1);
  CHECK(calls.latest == 1);
  CHECK(calls.records == 1);
  CHECK(calls.actors == 1);
  CHECK(calls.read_shards == 2);
}

TEST_CASE("scripted event store: a cleared script is forgotten") {
  bench with;
  with.store.fail_appends(errc::store_failed);
  with.store.fail_reads(errc::timed_out);
  with.store.clear_script();
  CHECK(with.append_next().has_value());
  CHECK(testing::read(with.store, alice)->size() == 1);
}

TEST_CASE("scripted event store: of many threads each takes one step") {
  constexpr int threads = 8, each = 100, failing = 300;
  bench with;
  with.store.fail_appends(errc::store_failed, failing);
  std::atomic<int> failed{0}, stored{0};
  std::vector<std::jthread> running;
  for (int i = 0; i < threads; ++i)
    running.emplace_back([&, i] {
      for (int n = 0; n < each; ++n) {
        const auto who = testing::address("account", std::to_string(i * each + n));
        ++(append(with.store, who, {}, commit_after({})) ? stored : failed);
      }
    });
  running.clear();
  CHECK(failed == failing);
  CHECK(stored == threads * each - failing);
}

TEST_CASE("scripted snapshot store: saves and loads take their steps") {
  scripted_snapshot_store store{std::make_shared<memory_snapshot_store>()};
  store.fail_saves(errc::store_failed);
  store.lose_saves();
  CHECK(testing::save(store, alice, snapshot_at(1)).error().code() == errc::store_failed);
  CHECK(testing::save(store, alice, snapshot_at(2)).has_value());
  CHECK_FALSE(testing::load(store, alice)->has_value());
  CHECK(testing::save(store, alice, snapshot_at(3)).has_value());
  store.fail_loads(errc::corrupt_history);
  CHECK(testing::load(store, alice).error().code() == errc::corrupt_history);
  CHECK(testing::load(store, alice).value() == snapshot_at(3));
  store.hold_calls();
  bool saved = false;
  store.save(alice, snapshot_at(4), [&](auto outcome) { saved = outcome.has_value(); });
  CHECK(store.held() == 1);
  CHECK_FALSE(saved);
  store.release();
  CHECK(saved);
  CHECK(store.calls().save == 4);
  CHECK(store.calls().load == 3);
}
