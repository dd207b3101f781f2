#include <aether/persistence/memory_store.hpp>
#include <aether/persistence/projection_runner.hpp>
#include "support/await.hpp"
#include "support/commits.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <semaphore>

namespace {

using namespace aether;
using namespace std::chrono_literals;
using testing_support::await;

/// A log, records and a view that counts; runners come and go on them.
struct bench {
  timers clock;
  std::shared_ptr<memory_event_store> events = std::make_shared<memory_event_store>(8);
  std::shared_ptr<memory_record_store> records = std::make_shared<memory_record_store>();
  std::mutex mutex;
  std::map<actor_address, std::vector<std::uint64_t>> view;
  std::map<actor_address, log_position> ends;
  /// The commit of this first version cannot be handled.
  std::atomic<std::uint64_t> poison{0};

  stored_position append(std::string_view id, std::string_view type = "counter") {
    const auto who = testing::address(type, id);
    auto& end = ends[who];
    events->append(who, end, testing::commit_after(end), [&](result<log_position> stored) {
      REQUIRE(stored.has_value());
      end = *stored;
    });
    return {who, end.version, end.sequence};
  }

  result<void> handle(const projection_batch& batch) {
    for (const auto& one : batch.commits)
      if (one.record.commit.first.value() == poison)
        return fail(errc::handler_failed, "cannot count that");
    const std::lock_guard lock{mutex};
    for (const auto& one : batch.commits)
      view[one.address].push_back(one.record.commit.first.value());
    return {};
  }
  std::vector<std::uint64_t> seen(std::string_view id) {
    const std::lock_guard lock{mutex};
    return view[testing::address("counter", id)];
  }

  projection_definition definition() {
    projection_definition made{.name = "counts",
                               .handler = [this](const auto& batch) { return handle(batch); }};
    made.options.poll_interval = 1ms;
    made.options.poll_interval_max = 2ms;
    made.options.retry_min = 1ms;
    made.options.retry_max = 2ms;
    return made;
  }
  std::unique_ptr<projection_runner> run(projection_definition what) {
    auto made = std::make_unique<projection_runner>(
        std::move(what), projection_runner::parts{.events = events, .records = records}, clock);
    made->own_all();
    return made;
  }
  projection_client client(std::uint32_t version = 1) {
    return {"counts", version, {.events = events, .records = records}};
  }
};

using versions = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("projection runner: handles what is stored, in order, and after a restart what is new") {
  bench all;
  for (int i = 0; i < 3; ++i) all.append("a");
  auto last = all.append("b");
  auto first = all.run(all.definition());
  CHECK(all.client().wait_for(last, 30s).has_value());
  CHECK(all.seen("a") == versions{1, 2, 3});
  first.reset();
  last = all.append("a");
  auto second = all.run(all.definition());
  CHECK(all.client().wait_for(last, 30s).has_value());
  CHECK(all.seen("a") == versions{1, 2, 3, 4});
  CHECK(all.seen("b") == versions{1});
  REQUIRE(await([&] { return second->stats()[0].phase == "idle"; }));
  const auto stats = second->stats();
  REQUIRE(stats.size() == 1);
  CHECK(stats[0].owned);
  CHECK(stats[0].position == last.sequence);
  CHECK(stats[0].lag == 0);
  CHECK(stats[0].commits == 1);
  CHECK(all.client().lag().value() == 0);
}

TEST_CASE("projection runner: passes over other types, and its position passes them too") {
  bench all;
  auto what = all.definition();
  what.types = {actor_type::parse("counter").value()};
  all.append("a");
  const auto last = all.append("x", "other");
  const auto runner = all.run(std::move(what));
  CHECK(all.client().wait_for(last, 30s).has_value());
  CHECK(all.view.size() == 1);
}

TEST_CASE("projection runner: a hint has it read at once, however long it would have waited") {
  bench all;
  auto what = all.definition();
  what.options.poll_interval = what.options.poll_interval_max = 1h;
  const auto runner = all.run(std::move(what));
  REQUIRE(await([&] { return runner->stats()[0].phase == "idle"; }));
  const auto stored = all.append("a");
  CHECK(all.client().wait_for(stored, 5ms).error().code() == errc::timed_out);
  runner->hint_all();
  CHECK(all.client().wait_for(stored, 30s).has_value());
}

TEST_CASE("projection runner: who waits for a position hints by itself") {
  bench all;
  auto what = all.definition();
  what.options.poll_interval = what.options.poll_interval_max = 1h;
  const auto runner = all.run(std::move(what));
  const projection_client client{
      "counts", 1, {.events = all.events, .records = all.records, .hint = [&](auto k) {
                      runner->hint(k);
                    }}};
  for (int i = 0; i < 3; ++i) CHECK(client.wait_for(all.append("a"), 30s).has_value());
  CHECK(all.seen("a") == versions{1, 2, 3});
}

TEST_CASE("projection runner: after a release nothing of the partition runs") {
  bench all;
  std::binary_semaphore entered{0}, leave{0};
  auto what = all.definition();
  what.handler = [&](const projection_batch&) -> result<void> {
    entered.release();
    leave.acquire();
    return {};
  };
  const auto runner = all.run(std::move(what));
  const auto stored = all.append("a");
  entered.acquire();
  std::atomic<bool> released = false;
  runner->release(0, [&] { released = true; });
  CHECK_FALSE(released);
  CHECK_FALSE(runner->owns(0));
  CHECK_FALSE(runner->stop(5ms));
  leave.release();
  CHECK(await([&] { return released.load(); }));
  // What was under way is finished: its position is stored.
  CHECK(all.client().wait_for(stored, 1ms).has_value());
  all.append("a");
  runner->hint_all();
  CHECK(runner->stop(30s));
  CHECK(runner->stats()[0].phase == "stopped");
  CHECK(runner->stats()[0].commits == 1);
}

TEST_CASE("projection runner: one that is owned again at once goes on") {
  bench all;
  const auto runner = all.run(all.definition());
  auto last = all.append("a");
  for (int i = 0; i < 50; ++i) {
    last = all.append("a");
    runner->release(0);
    runner->own(0);
  }
  CHECK(all.client().wait_for(last, 30s).has_value());
}

TEST_CASE("projection runner: poison is parked with its reason, replayed when it can be handled") {
  bench all;
  all.poison = 2;
  for (int i = 0; i < 4; ++i) all.append("a");
  const auto last = all.append("a");
  const auto runner = all.run(all.definition());
  const auto client = all.client();
  // The position is there, but the view lacks one of that actor.
  CHECK(client.wait_for(last, 30s).error().code() == errc::handler_failed);
  CHECK(all.seen("a") == versions{1, 3, 4, 5});
  const auto parked = client.parked().value();
  REQUIRE(parked.size() == 1);
  CHECK(parked[0].address == testing::address("counter", "a"));
  CHECK(parked[0].first.value() == 2);
  CHECK(parked[0].code == errc::handler_failed);
  CHECK(parked[0].reason == "cannot count that");
  CHECK(client.replay_parked(30s).value() == 1);
  CHECK(client.parked().value().at(0).replays == 1);
  all.poison = 0;
  CHECK(client.replay_parked(30s).value() == 0);
  CHECK(all.seen("a") == versions{1, 3, 4, 5, 2});
  CHECK(client.parked().value().empty());
}

TEST_CASE("projection runner: behind a parked actor's commit its later ones wait, in order") {
  bench all;
  all.poison = 2;
  auto what = all.definition();
  what.options.on_poison = poison_policy::park_actor;
  for (int i = 0; i < 4; ++i) all.append("a");
  auto last = all.append("b");
  const auto runner = all.run(std::move(what));
  const auto client = all.client();
  CHECK(client.wait_for(last, 30s).has_value());
  last = all.append("a");
  CHECK(client.wait_for(last, 30s).error().code() == errc::handler_failed);
  CHECK(all.seen("a") == versions{1});
  REQUIRE(client.parked().value().size() == 1);
  SUBCASE("a replay handles all of them") {
    all.poison = 0;
    CHECK(client.replay_parked(30s).value() == 0);
    CHECK(all.seen("a") == versions{1, 2, 3, 4, 5});
  }
  SUBCASE("discarded, the one is passed over and the others are handled") {
    CHECK(client.settle_parked(client.parked().value()[0], parked_wish::discard, 30s).value() == 0);
    CHECK(all.seen("a") == versions{1, 3, 4, 5});
  }
  last = all.append("a");
  CHECK(client.wait_for(last, 30s).has_value());
  CHECK(all.seen("a").back() == 6);
}

TEST_CASE(
    "projection runner: where as much is parked as may be, it stands still and loses nothing") {
  bench all;
  auto what = all.definition();
  what.options.parked_max = 1;
  all.poison = 1;
  const auto a = all.append("a"), b = all.append("b");
  const auto runner = all.run(std::move(what));
  const auto client = all.client();
  CHECK(client.wait_for(a, 30s).error().code() == errc::handler_failed);
  REQUIRE(await([&] {
    const auto problem = runner->stats()[0].problem;
    return problem && problem->find("overloaded") != problem->npos;
  }));
  CHECK(client.wait_for(b, 5ms).error().code() == errc::timed_out);
  CHECK(client.settle_parked(client.parked().value().at(0), parked_wish::discard, 30s).has_value());
  CHECK(client.wait_for(b, 30s).error().code() == errc::handler_failed);
}

TEST_CASE(
    "projection runner: an exception counts as a failure, and outside trouble does not park") {
  bench all;
  std::atomic<int> calls = 0;
  auto what = all.definition();
  what.options.attempts_max = 2;
  what.handler = [&](const projection_batch&) -> result<void> {
    const int call = ++calls;
    if (call < 20) return fail(errc::unavailable, "the database is down");
    if (call < 23) throw std::runtime_error{"no"};
    return {};
  };
  const auto stored = all.append("a");
  const auto runner = all.run(std::move(what));
  CHECK(all.client().wait_for(stored, 30s).error().code() == errc::handler_failed);
  CHECK(all.client().parked().value().at(0).reason == "the handler threw: no");
}

TEST_CASE(
    "projection runner: a new version starts from the start beside the old one, then retires it") {
  bench all;
  for (int i = 0; i < 3; ++i) all.append("a");
  const auto old = all.run(all.definition());
  auto next_version = all.definition();
  next_version.version = 2;
  std::atomic<int> rebuilt = 0;
  next_version.handler = [&](const projection_batch& batch) -> result<void> {
    rebuilt += static_cast<int>(batch.commits.size());
    return {};
  };
  const auto next = all.run(std::move(next_version));
  const auto last = all.append("a");
  const auto client = all.client(2);
  CHECK(client.wait_for(last, 30s).has_value());
  CHECK(all.client(1).wait_for(last, 30s).has_value());
  CHECK(rebuilt == 4);
  CHECK(client.caught_up().value());
  CHECK(client.active_version().value() == 0);
  REQUIRE(client.activate().has_value());
  CHECK(client.active_version().value() == 2);
  CHECK(client.retire().error().code() == errc::invalid_argument);
  REQUIRE(all.client(1).retire().has_value());
  const auto later = all.append("a");
  CHECK(client.wait_for(later, 30s).has_value());
  old->hint_all();
  REQUIRE(await([&] {
    const auto problem = old->stats()[0].problem;
    return problem && problem->find("retired") != problem->npos;
  }));
}

TEST_CASE("projection runner: a log that is another one than before is not read on") {
  bench all;
  const auto stored = all.append("a");
  const auto positions = record_positions(all.records);
  const projection_key key{"counts", 1, 0};
  SUBCASE("another commit is there") {
    REQUIRE(positions->store(key, {stored.sequence, commit_id::make(), 0}).has_value());
  }
  SUBCASE("it ends before") {
    REQUIRE(positions->store(key, {stream_sequence{100}, commit_id::make(), 0}).has_value());
  }
  const auto runner = all.run(all.definition());
  REQUIRE(await([&] {
    const auto problem = runner->stats()[0].problem;
    return problem && problem->find("stream_regressed") != problem->npos;
  }));
  all.append("a");
  runner->hint_all();
  CHECK(all.seen("a").empty());
}

TEST_CASE("projection runner: of two owners the one that was replaced stores no position") {
  bench all;
  std::binary_semaphore entered{0}, leave{0};
  std::atomic<int> calls = 0;
  auto slow = all.definition();
  slow.handler = [&](const projection_batch&) -> result<void> {
    if (++calls == 1) {
      entered.release();
      leave.acquire();
    }
    return {};
  };
  all.append("a");
  const auto old = all.run(std::move(slow));
  entered.acquire();
  const auto last = all.append("a");
  const auto next = all.run(all.definition());
  CHECK(all.client().wait_for(last, 30s).has_value());
  const auto positions = record_positions(all.records);
  const auto before = positions->load({"counts", 1, 0}).value();
  old->release(0);
  leave.release();
  CHECK(old->stop(30s));
  const auto after = positions->load({"counts", 1, 0}).value();
  CHECK(after.sequence == before.sequence);
}
