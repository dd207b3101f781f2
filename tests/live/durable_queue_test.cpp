// One queue over a real server, taken over again and again.

#include "cluster/src/jetstream_queue.hpp"
#include "support/await.hpp"
#include "support/bank.hpp"
#include "support/nats_server.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace aether::cluster {

namespace {

using testing_support::await;
using testing_support::await_limit;
using testing_support::nats_server;

const subjects names{namespace_name::parse("aether").value(),
                     namespace_name::parse("queued").value()};
constexpr durable_streams::layout layout{.shards = 4, .streams = 1, .replicas = 1};

/// A process that works the queue off, as far as the test wants.
struct owner {
  explicit owner(const nats_server& server,
                 std::chrono::milliseconds grace = std::chrono::seconds{1})
      : connection{nats_connection::open({.url = server.url(), .client_name = "owner"}).value()},
        streams{std::make_shared<durable_streams>(connection, names, layout,
                                                  &std::chrono::system_clock::now)},
        queue{std::make_shared<jetstream_queue>(
            jetstream_queue::parts{connection, names, streams, &clock,
                                   &std::chrono::system_clock::now, grace},
            0)} {}
  ~owner() { queue->close(false); }

  /// @returns what the opening found.
  result<durable_queue::opening> open(bool anew = true) {
    std::promise<result<durable_queue::opening>> opened;
    queue->open(anew,
                {.delivered =
                     [this](stored_command one) {
                       const std::lock_guard lock{mutex};
                       got.push_back(std::move(one));
                     },
                 .pull_ended = [this] { ++ended; },
                 .lost = [this](const error&) { lost = true; }},
                [&](result<durable_queue::opening> how) { opened.set_value(std::move(how)); });
    return opened.get_future().get();
  }
  stored_command first(std::size_t among, std::size_t pulled = 10) {
    queue->pull(pulled);
    REQUIRE(await([&] {
      const std::lock_guard lock{mutex};
      return got.size() >= among;
    }));
    const std::lock_guard lock{mutex};
    return got.front();
  }
  void acknowledge(const stored_command& which) {
    queue->acknowledge(which);
    REQUIRE(connection->flush(await_limit).has_value());
  }
  bool reserve(std::uint64_t mark) {
    std::promise<bool> stored;
    queue->reserve(stream_sequence{mark}, [&](bool done) { stored.set_value(done); });
    return stored.get_future().get();
  }
  void send(const std::string& actor, const command_id& id = command_id::make()) {
    stored_command made{.to = {*actor_type::parse("account"), *actor_id::parse(actor)}, .id = id};
    made.command = "bank.deposit";
    made.payload = encode(bank::deposit{1});
    std::promise<bool> stored;
    streams->send(std::move(made),
                  [&](const result<durable_receipt>& how) { stored.set_value(how.has_value()); });
    REQUIRE(stored.get_future().get());
  }

  timers clock;
  std::shared_ptr<nats_connection> connection;
  std::shared_ptr<durable_streams> streams;
  std::shared_ptr<jetstream_queue> queue;
  std::mutex mutex;
  std::vector<stored_command> got;
  std::atomic<int> ended{0};
  std::atomic<bool> lost{false};
};

void make_bucket(const owner& with) {
  kv_bucket bucket{with.connection, names, await_limit};
  std::promise<bool> made;
  bucket.create(1, [&](result<void> done) { made.set_value(done.has_value()); });
  REQUIRE(made.get_future().get());
}

/// Of the queue's record.
std::uint64_t revision(const owner& with) {
  kv_bucket bucket{with.connection, names, await_limit};
  std::promise<std::uint64_t> found;
  bucket.read("dur.0", [&](const result<kv_entry>& got) { found.set_value(got.value().revision); });
  return found.get_future().get();
}

}  // namespace

TEST_CASE("durable queue: take-overs are counted while the first message stays the same") {
  const nats_server server;
  owner sender{server};
  make_bucket(sender);
  sender.send("alice");
  sender.send("bob");
  for (std::uint32_t i = 1; i <= 3; ++i) {
    owner next{server};
    CHECK(next.open().value().takeovers == i);
    CHECK(next.open(false).value().takeovers == i);  // the same process once more
  }
  owner last{server};
  CHECK(last.open().value().takeovers == 4);
  last.acknowledge(last.first(2));
  owner next{server};
  CHECK(next.open().value().takeovers == 1);
  owner third{server};
  CHECK(third.open().value().takeovers == 2);
  const auto before = revision(third);
  third.queue->close(true);
  REQUIRE(await([&] { return revision(third) > before; }));
  owner fourth{server};
  CHECK(fourth.open().value().takeovers == 1);
}

TEST_CASE(
    "durable queue: one id for two actors is two commands, and a second copy of one is none") {
  const nats_server server;
  owner one{server};
  make_bucket(one);
  const auto id = command_id::make();
  for (int copy = 0; copy < 2; ++copy)
    for (const auto* actor : {"alice", "bob"}) one.send(actor, id);
  REQUIRE(one.open().has_value());
  (void)one.first(2);
  one.send("carol");
  (void)one.first(3);
  CHECK(one.got[0].to.id.str() == "alice");
  CHECK(one.got[1].to.id.str() == "bob");
  CHECK(one.got[2].to.id.str() == "carol");
}

TEST_CASE("durable queue: a pull that brings nothing ends, and the queue stays its owner's") {
  const nats_server server;
  owner one{server, await_limit};
  make_bucket(one);
  one.send("alice");
  REQUIRE(one.open().has_value());
  one.acknowledge(one.first(1));
  REQUIRE(await([&] { return one.ended > 0; }));
  CHECK(!one.lost);
  one.send("bob");
  (void)one.first(2);
  CHECK(!one.lost);
}

TEST_CASE("durable queue: a delivery that never came is missed before the next one is taken") {
  const nats_server server;
  owner one{server};
  make_bucket(one);
  one.send("alice");
  one.send("bob");
  REQUIRE(one.open().has_value());
  // It goes to a stranger, as one that is lost between two servers.
  const auto listed = one.connection->request_wait(
      {"$JS.API.CONSUMER.NAMES." + names.durable_stream(0)}, await_limit);
  const auto consumers = nlohmann::json::parse(as_text(listed.value().payload()));
  std::atomic<int> stolen{0};
  const auto ear =
      one.connection->subscribe("stranger", [&](const nats_message&) { ++stolen; }).value();
  REQUIRE(one.connection
              ->publish({"$JS.API.CONSUMER.MSG.NEXT." + names.durable_stream(0) + "." +
                         consumers.at("consumers").at(0).get<std::string>()},
                        "stranger", nats_flush::now)
              .has_value());
  REQUIRE(await([&] { return stolen == 1; }));
  one.queue->pull(10);
  REQUIRE(await([&] { return one.lost.load(); }));
  CHECK(one.got.empty());
  REQUIRE(one.open(false).has_value());
  CHECK(one.first(2).to.id.str() == "alice");
}

TEST_CASE("durable queue: who has lost it to another can neither pull, acknowledge nor reserve") {
  const nats_server server;
  owner old{server};
  make_bucket(old);
  old.send("alice");
  old.send("bob");
  REQUIRE(old.open().has_value());
  CHECK(old.reserve(100));
  const auto held = old.first(1, 1);  // no pull of it waits at the server
  owner next{server};
  const auto found = next.open();
  REQUIRE(found.has_value());
  CHECK(found->mark.value() == 100);
  old.acknowledge(held);
  old.queue->pull(1);
  CHECK(await([&] { return old.lost.load(); }));
  CHECK(next.first(2).id == held.id);
  CHECK(old.got.size() == 1);
  CHECK(!old.reserve(200));
  CHECK(next.reserve(300));
}

TEST_CASE(
    "durable queue: the next of a series is stored behind the one before it, and only there") {
  const nats_server server;
  const owner one{server};
  const actor_address alice{*actor_type::parse("account"), *actor_id::parse("alice")};
  stored_command due{.to = alice, .id = command_id::make()};
  due.command = "bank.deposit";
  due.payload = encode(bank::deposit{1});
  due.series = due.id;
  due.due_ms = 1;
  due.every_ms = 3'600'000;
  std::promise<result<durable_receipt>> sent;
  one.streams->send(due, [&](result<durable_receipt> how) { sent.set_value(std::move(how)); });
  const auto first = sent.get_future().get().value();

  const auto next = successor(due, 1'000);
  const auto stored_behind = [&](stream_sequence which) {
    std::promise<result<stream_sequence>> done;
    one.streams->enqueue_later(
        next, which, [&](result<stream_sequence> how) { done.set_value(std::move(how)); });
    return done.get_future().get();
  };
  const auto second = stored_behind(first.sequence);
  REQUIRE(second.has_value());
  // Another owner, or this one again, whose acknowledgement was lost.
  CHECK(stored_behind(first.sequence).error().code() == errc::version_conflict);
  // Cancelled just now.
  REQUIRE(one.streams->cancel(alice, first.id).value());
  CHECK(stored_behind(*second).error().code() == errc::version_conflict);
}

}  // namespace aether::cluster
