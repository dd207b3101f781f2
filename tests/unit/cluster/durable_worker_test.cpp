// The shell around the pump, over a queue and a router of the test's.

#include "cluster/src/durable_worker.hpp"

#include "support/await.hpp"
#include "support/bank.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace aether::cluster {

namespace {

/// Gives what the test wants, when it wants, and notes what the worker does.
struct scripted_queue final : durable_queue {
  void open(bool, handlers what, opened_handler done) override {
    to = std::move(what);
    done(how);
  }
  void pull(std::size_t count) override { pulls.push_back(count); }
  void survived() override { ++survivals; }
  void acknowledge(const stored_command& which) override {
    acknowledged.push_back(which.sequence.value());
  }
  void park(const stored_command& which, std::uint32_t, const error& why,
            done_handler done) override {
    parked.push_back(which.sequence.value());
    reasons.push_back(why.text());
    done(true);
  }
  void reserve(stream_sequence mark, done_handler done) override {
    marks.push_back(mark.value());
    done(true);
  }
  void publish(const stored_command&, const result<any_reply>&, bool) override {}
  void close(bool) override { ++closings; }

  void deliver(std::uint64_t sequence, const std::string& actor,
               const command_id& id = command_id::make()) {
    stored_command made{.to = {*actor_type::parse("account"), *actor_id::parse(actor)}, .id = id};
    made.command = "bank.deposit";
    made.payload = encode(bank::deposit{1});
    made.sequence = stream_sequence{sequence};
    to.delivered(std::move(made));
  }

  opening how{};
  handlers to;
  int survivals = 0, closings = 0;
  std::vector<std::size_t> pulls;
  std::vector<std::uint64_t> acknowledged, parked, marks;
  std::vector<std::string> reasons;
};

/// Keeps what it is asked until the test answers.
struct patient_router final : command_router {
  result<void> tell(const actor_address&, envelope) override { return {}; }
  void ask(const actor_address&, envelope command) override {
    const std::lock_guard lock{mutex};
    asked.push_back(std::move(command));
  }
  std::size_t count() {
    const std::lock_guard lock{mutex};
    return asked.size();
  }
  void answer_all() {
    for (auto& one : std::exchange(asked, {})) one.answer(any_reply{});
  }
  void refuse_all(errc why) {
    for (auto& one : std::exchange(asked, {})) one.answer(fail(why, "refused"));
  }
  std::mutex mutex;
  std::vector<envelope> asked;
};

struct bench {
  explicit bench(durable_queue::opening how, durable_worker::options options = {}) {
    queue->how = how;
    worker = std::make_shared<durable_worker>(
        durable_worker::parts{.queue = queue,
                              .router = &router,
                              .find = [](const actor_type&) { return nullptr; },
                              .dead = std::make_shared<dead_letters>(),
                              .clock = &clock},
        std::move(options));
    worker->start();
  }
  ~bench() { worker->stop(); }

  timers clock;
  patient_router router;
  std::shared_ptr<scripted_queue> queue = std::make_shared<scripted_queue>();
  std::shared_ptr<durable_worker> worker;
};

constexpr std::uint32_t deliveries = durable_pump::options{}.deliveries_max;

}  // namespace

TEST_CASE("durable worker: what may have been asked before its time says that it is repeated") {
  bench on{{.mark = stream_sequence{7}, .takeovers = 1}};
  on.queue->deliver(7, "alice");
  on.queue->deliver(8, "bob");
  REQUIRE(on.router.asked.size() == 2);
  CHECK(on.router.asked[0].repeated);
  CHECK(!on.router.asked[1].repeated);
  // Nothing is asked beyond a mark that is not stored.
  REQUIRE(!on.queue->marks.empty());
  CHECK(on.queue->marks.back() >= 8);
  on.router.answer_all();
  CHECK(on.queue->acknowledged == std::vector<std::uint64_t>{7, 8});
}

TEST_CASE("durable worker: what was held for long before it is asked says that it is repeated") {
  const auto repeated = [](std::chrono::milliseconds fresh) {
    bench on{{.mark = stream_sequence{0}, .takeovers = 1}, {.fresh = fresh}};
    on.queue->deliver(1, "alice");
    REQUIRE(on.router.asked.size() == 1);
    return on.router.asked[0].repeated;
  };
  CHECK(repeated(std::chrono::milliseconds{-1}));  // whatever it is asked after is long
  CHECK(!repeated(std::chrono::hours{1}));
}

TEST_CASE("durable worker: after a few take-overs the first message is handled alone") {
  bench few{{.mark = {}, .takeovers = deliveries}};
  CHECK(few.queue->pulls.front() > 1);
  bench many{{.mark = {}, .takeovers = deliveries + 1}};
  REQUIRE(many.queue->pulls == std::vector<std::size_t>{1});
  many.queue->deliver(1, "alice");
  many.queue->to.pull_ended();
  CHECK(many.queue->pulls.size() == 1);
  REQUIRE(many.router.asked.size() == 1);
  many.router.answer_all();
  REQUIRE(many.queue->pulls.size() == 2);
  CHECK(many.queue->pulls.back() > 1);
}

TEST_CASE("durable worker: one that took each node down is parked without being asked") {
  bench most{{.mark = {}, .takeovers = 2 * deliveries}};
  most.queue->deliver(1, "alice");
  CHECK(most.router.asked.size() == 1);
  CHECK(most.queue->parked.empty());
  bench more{{.mark = {}, .takeovers = 2 * deliveries + 1}};
  more.queue->deliver(1, "alice");
  CHECK(more.router.asked.empty());
  CHECK(more.queue->parked == std::vector<std::uint64_t>{1});
  CHECK(more.queue->reasons.front().find("went down") != std::string::npos);
  CHECK(more.queue->acknowledged == std::vector<std::uint64_t>{1});
  more.queue->to.pull_ended();
  more.queue->deliver(2, "alice");
  CHECK(more.router.asked.size() == 1);
}

TEST_CASE("durable worker: an attempt that takes nobody down ends the count, whatever it says") {
  bench many{{.mark = {}, .first = stream_sequence{1}, .takeovers = 2 * deliveries}};
  many.queue->deliver(1, "alice");
  many.queue->to.pull_ended();
  CHECK(many.queue->survivals == 0);
  many.router.refuse_all(errc::unavailable);
  CHECK(many.queue->survivals == 1);
  // It waits; others do not wait for it.
  REQUIRE(many.queue->pulls.size() == 2);
  many.queue->deliver(2, "bob");
  REQUIRE(many.router.asked.size() == 1);
  CHECK(!many.router.asked[0].repeated);
  CHECK(many.queue->parked.empty());
}

TEST_CASE("durable worker: only an attempt of unknown outcome makes the next one a repeated one") {
  for (const auto& [why, repeated] : {std::pair{errc::unavailable, false},
                                      {errc::handler_failed, false},
                                      {errc::outcome_unknown, true},
                                      {errc::timed_out, true}}) {
    CAPTURE(static_cast<int>(why));
    bench on{{.mark = {}, .takeovers = 1}};
    on.queue->deliver(1, "alice");
    on.router.refuse_all(why);
    REQUIRE(testing_support::await([&] { return on.router.count() == 1; }));
    CHECK(on.router.asked[0].repeated == repeated);
  }
}

TEST_CASE("durable worker: another command in the place of one that is held is not taken for it") {
  bench on{{.mark = {}, .takeovers = 1}};
  const auto id = command_id::make();
  on.queue->deliver(1, "alice", id);
  on.queue->deliver(1, "alice", id);  // the same once more
  CHECK(on.queue->closings == 0);
  on.queue->deliver(1, "alice");
  CHECK(on.queue->closings == 1);
  on.router.answer_all();
  CHECK(on.queue->acknowledged.empty());
}

TEST_CASE("durable worker: stopped, it asks nothing more, and what was under way is acknowledged") {
  bench on{{.mark = {}, .takeovers = 1}};
  on.queue->deliver(1, "alice");
  on.queue->deliver(2, "alice");
  REQUIRE(on.router.asked.size() == 1);
  on.worker->stop();
  on.router.answer_all();
  CHECK(on.queue->acknowledged == std::vector<std::uint64_t>{1});
  CHECK(on.router.asked.empty());
  on.queue->to.delivered(
      {.to = {*actor_type::parse("account"), *actor_id::parse("carol")}, .id = command_id::make()});
  CHECK(on.router.asked.empty());
}

}  // namespace aether::cluster
