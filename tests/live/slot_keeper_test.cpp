// Hand-over over a real server, between processes whose tables come from the test.

#include "cluster/src/slot_keeper.hpp"

#include <aether/persistence/memory_store.hpp>
#include <aether/persistence/scripted_store.hpp>
#include "cluster/src/command_format.hpp"
#include "cluster/src/router.hpp"
#include "support/await.hpp"
#include "support/cluster_samples.hpp"
#include "support/journal.hpp"
#include "support/nats_server.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace aether::cluster {

namespace {

using namespace std::chrono_literals;
using testing_support::await;
using testing_support::nats_server;
using steady = std::chrono::steady_clock;

constexpr std::uint32_t shards = 8;
constexpr std::size_t books = 12;
/// For moves that nothing is to hurry: longer than a busy machine takes for a step of one.
constexpr std::chrono::seconds patience{20};

const subjects names{namespace_name::parse("aether").value(),
                     namespace_name::parse("handed").value()};
const actor_type book_type = actor_type::parse("book").value();

/// The log behind all processes.
struct stores {
  std::shared_ptr<memory_event_store> events = std::make_shared<memory_event_store>(shards);
  std::shared_ptr<memory_snapshot_store> snapshots =
      std::make_shared<memory_snapshot_store>(2, shards);
};

/// As nodes have them.
struct deadlines {
  slot_intake::options intake{};
  slot_release::options release{};
  std::chrono::milliseconds echo = 1s;
};

deadlines patient() {
  deadlines made{.echo = patience};
  made.intake.record_deadline = made.intake.listen_deadline = patience;
  made.intake.fence_deadline = patience;
  made.release.close_deadline = made.release.drain_deadline = patience;
  made.intake.release_deadline = 3 * patience;
  return made;
}

/// A node without coordinator: a connection and a host of its own.
struct peer {
  peer(const nats_server& server, const stores& log, const std::string& name, std::uint64_t number,
       bool hosts = true, const deadlines& within = {})
      : self{samples::node(name), samples::process(number)},
        events{std::make_shared<scripted_event_store>(log.events)},
        connection{nats_connection::open({.url = server.url(), .client_name = name}).value()},
        host{host_of(name), events, log.snapshots, clock} {
    if (hosts) host.host<journal::book>();
    slot_traffic::options traffic{.shards = shards};
    if (hosts) traffic.types = {book_type};
    const auto gates = std::make_shared<slot_traffic>(connection, names, host, traffic);
    keeper = std::make_shared<slot_keeper>(
        gates, std::make_shared<hand_over_talk>(connection, names, self, within.echo), host, clock,
        slot_keeper::options{.self = self, .intake = within.intake, .release = within.release});
    way =
        std::make_shared<router>(host, connection, gates, names, shards, router::options{}, clock);
    host.send_through(*way);
    way->start();
    REQUIRE(keeper->start([this](std::uint64_t revision, const auto&) { settled = revision; }));
  }
  ~peer() {
    keeper->stop();
    events->release();
    host.stop(1s);
    way->stop();
    connection->close();
    clock.stop();
  }
  static host_options host_of(const std::string& name) {
    return {.shards = shards, .workers = 2, .accepts_all = false, .node_name = name};
  }

  actor_ref<journal::book> book(std::size_t number) {
    return {*way, book_type, "book-" + std::to_string(number)};
  }
  void note(const std::string& sender, std::int64_t number, std::size_t where) {
    REQUIRE(book(where).tell(journal::note{sender, number}).has_value());
  }

  const process self;
  timers clock;
  std::shared_ptr<scripted_event_store> events;
  std::shared_ptr<nats_connection> connection;
  actor_host host;
  std::shared_ptr<slot_keeper> keeper;
  std::shared_ptr<router> way;
  std::atomic<std::uint64_t> settled{0};
};

/// Publishes tables as a leader does.
struct tables {
  std::vector<peer*> followers;
  std::uint64_t revision = 0;

  /// Every slot is `owner`'s; `giver` null: none has a giver.
  void give(const peer& owner, const peer* giver) {
    std::vector<shard_table::entry> nodes{{owner.self.node, owner.self.incarnation, 1}};
    if (giver != nullptr) nodes.push_back({giver->self.node, giver->self.incarnation, 1});
    std::ranges::sort(nodes, {}, [](const auto& one) { return one.node; });
    const auto index = [&](const peer& of) { return nodes.front().node == of.self.node ? 0 : 1; };
    shard_table::assignment all{{book_type}, std::vector<std::int32_t>(shards, index(owner)), {}};
    if (giver != nullptr) all.givers.assign(shards, index(*giver));
    auto made = std::make_shared<shard_table>(1, shards, nodes, std::vector{all});
    made->set_revision(++revision);
    for (auto* one : followers) one->keeper->follow(made);
  }
  /// By hand-over, to its end.
  /// @returns how long it took.
  std::chrono::milliseconds move(peer& to, peer& from) {
    const auto begin = steady::now();
    give(to, &from);
    REQUIRE(await([&] { return to.settled == revision; }));
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(steady::now() - begin);
    give(to, nullptr);
    REQUIRE(await([&] { return from.keeper->still_has() == 0; }));
    return took;
  }
};

/// Tells notes to all books in turn until it is stopped, and waits for an answer now and then, so
/// that it does not run ahead of the actors.
class teller {
 public:
  teller(peer& where, std::string name)
      : thread_{[this, &where, name = std::move(name)](const std::stop_token& stop) {
          while (!stop.stop_requested()) tell_round(where, name);
        }} {}
  void stop() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] std::int64_t told() const { return told_; }
  [[nodiscard]] int failed() const { return failed_; }
  [[nodiscard]] std::chrono::milliseconds slowest() const { return slowest_; }

 private:
  void tell_round(peer& where, const std::string& name) {
    const std::int64_t number = told_ + 1;
    for (std::size_t book = 0; book < books; ++book) where.note(name, number, book);
    told_ = number;
    const auto begin = steady::now();
    const auto answer =
        where.book(static_cast<std::size_t>(number) % books).ask(journal::read{}, 20s).get();
    if (!answer) ++failed_;
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(steady::now() - begin);
    slowest_ = std::max(slowest_, took);
  }

  std::atomic<std::int64_t> told_{0};
  int failed_ = 0;
  std::chrono::milliseconds slowest_{0};
  std::jthread thread_;
};

journal::entries entries_of(peer& by, std::size_t book) {
  const auto answer = by.book(book).ask(journal::read{}, 20s).get();
  REQUIRE_MESSAGE(answer.has_value(), answer.error().message());
  return *answer;
}

}  // namespace

TEST_CASE("hand-over: over a real server planned moves lose no tell, keep order and fail no ask") {
  const nats_server server;
  const stores log;
  peer a{server, log, "a", 1, true, patient()}, b{server, log, "b", 2, true, patient()};
  peer c{server, log, "c", 3, false, patient()};
  tables leader{{&a, &b, &c}};
  leader.give(a, nullptr);
  REQUIRE(await([&] { return a.settled == leader.revision; }));

  teller near_a{a, "a"}, near_b{b, "b"}, far{c, "c"};
  teller* all[] = {&near_a, &near_b, &far};
  peer *owner = &a, *other = &b;
  std::chrono::milliseconds longest{0};
  for (int i = 0; i < 6; ++i) {
    for (auto* one : all) {
      const auto before = one->told();
      REQUIRE(await([&] { return one->told() > before + 3; }));
    }
    longest = std::max(longest, leader.move(*other, *owner));
    std::swap(owner, other);
  }
  for (auto* one : all) one->stop();
  for (auto* one : all) {
    CHECK(one->failed() == 0);
    MESSAGE("rounds: " << one->told() << ", slowest answer: " << one->slowest().count() << " ms");
  }
  MESSAGE("longest hand-over of 8 slots: " << longest.count() << " ms");
  const auto sum = near_a.told() + near_b.told() + far.told();
  for (std::size_t book = 0; book < books; ++book) {
    CAPTURE(book);
    CHECK(await([&] { return entries_of(c, book).count >= sum; }));
    const auto entries = entries_of(c, book);
    CHECK(entries.count == sum);
    CHECK(entries.astray == 0);
  }
  for (auto* one : {&a, &b, &c}) CHECK(one->host.dead_letters().count() == 0);
  CHECK(longest < patience / 2);  // no step of any came to its deadline
}

TEST_CASE("hand-over: one whose giver is killed in the middle ends in bounded time") {
  const nats_server server;
  const stores log;
  auto a = std::make_unique<peer>(server, log, "a", 1);
  peer b{server, log, "b", 2}, c{server, log, "c", 3, false};
  tables leader{{a.get(), &b, &c}};
  leader.give(*a, nullptr);
  REQUIRE(await([&] { return a->settled == leader.revision; }));
  for (std::size_t book = 0; book < books; ++book)
    REQUIRE(c.book(book).ask(journal::note{"c", 1}, 10s).get());

  std::string when;
  SUBCASE("before it is asked") {
    a->connection->close();
    leader.followers = {&b, &c};
    leader.give(b, a.get());
  }
  SUBCASE("while its actors finish") {
    // What they append hangs until it is dead.
    a->events->hold_appends();
    for (std::size_t book = 0; book < books; ++book) c.note("c", 2, book);
    REQUIRE(await([&] { return a->host.stats().waiting == books; }));
    leader.give(b, a.get());
    REQUIRE(await([&] { return !a->host.accepts(book_type, shard_id{0}); }));
    a->connection->close();
    leader.followers = {&b, &c};
  }
  const auto begin = steady::now();
  std::vector<std::int64_t> counts;
  for (std::size_t book = 0; book < books; ++book) {
    const auto answer = b.book(book).ask(journal::note{"b", 1}, 20s).get();
    REQUIRE_MESSAGE(answer.has_value(), answer.error().message());
    CHECK(answer->last.at("c") >= 1);
  }
  CHECK(await([&] { return b.settled == leader.revision; }));
  CHECK(steady::now() - begin < 20s);
  MESSAGE("took "
          << std::chrono::duration_cast<std::chrono::milliseconds>(steady::now() - begin).count()
          << " ms");
}

TEST_CASE("hand-over: a kept ask of which a dead giver may have rejected a copy is refused") {
  const nats_server server;
  const stores log;
  auto a = std::make_unique<peer>(server, log, "a", 1);
  peer b{server, log, "b", 2}, c{server, log, "c", 3, false};
  tables leader{{a.get(), &b, &c}};
  leader.give(*a, nullptr);
  REQUIRE(await([&] { return a->settled == leader.revision; }));
  REQUIRE(c.book(0).ask(journal::note{"c", 1}, 10s).get());
  a->events->hold_appends();
  c.note("c", 2, 0);
  REQUIRE(await([&] { return a->host.stats().waiting == 1; }));
  leader.give(b, a.get());
  REQUIRE(await([&] { return !a->host.accepts(book_type, shard_id{0}); }));
  // The giver's subscription has ended, the taker keeps this.
  envelope kept;
  kept.id = command_id::make();
  kept.command = any_message::of<journal::note>({"c", 3});
  outgoing_command encoded{names, shards, {book_type, actor_id::parse("book-0").value()}, kept};
  std::promise<result<any_reply>> answered;
  c.connection->request(encoded.message(false, 15s), 15s, [&](result<nats_message> answer) {
    answered.set_value(answer ? parse_answer(*answer)
                              : result<any_reply>{std::unexpected(answer.error())});
  });
  REQUIRE(c.connection->flush(5s));
  a->connection->close();
  leader.followers = {&b, &c};
  const auto answer = answered.get_future().get();
  REQUIRE(!answer.has_value());
  CHECK(answer.error().code() == errc::not_owner);
  CHECK(entries_of(c, 0).last.at("c") < 3);
}

TEST_CASE("hand-over: a giver whose actors hang is waited for 10 s, and its tells are not lost") {
  const nats_server server;
  const stores log;
  peer a{server, log, "a", 1}, b{server, log, "b", 2}, c{server, log, "c", 3, false};
  tables leader{{&a, &b, &c}};
  leader.give(a, nullptr);
  REQUIRE(await([&] { return a.settled == leader.revision; }));
  REQUIRE(c.book(0).ask(journal::note{"c", 1}, 10s).get());
  a.events->hold_appends();
  // The first is being stored, the others wait behind it.
  for (std::int64_t number = 2; number <= 5; ++number) c.note("c", number, 0);
  REQUIRE(await([&] { return a.host.stats().waiting == 4; }));
  const auto begin = steady::now();
  leader.give(b, &a);
  REQUIRE(await([&] { return b.settled == leader.revision; }));
  CHECK(steady::now() - begin < 20s);
  a.events->release();
  CHECK(await([&] { return entries_of(c, 0).count == 5; }, 20s));
  CHECK(entries_of(c, 0).count == 5);
}

}  // namespace aether::cluster
