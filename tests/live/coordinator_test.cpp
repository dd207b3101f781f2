#include "cluster/src/coordinator.hpp"

#include <aether/runtime/codec.hpp>
#include "cluster/src/kv_bucket.hpp"
#include "support/await.hpp"
#include "support/nats_server.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace aether::cluster {

namespace {

using namespace std::chrono_literals;
using testing_support::await;
using testing_support::await_limit;
using testing_support::nats_server;
using clock = std::chrono::steady_clock;

/// A leader that is held up for some seconds still leads.
constexpr std::chrono::milliseconds long_lease{20'000};
/// Who is found to be gone in half of it was asked for; silence takes all of it.
constexpr std::chrono::milliseconds long_silence{20'000};

subjects names() {
  return {namespace_name::parse("aether").value(), namespace_name::parse("bank").value()};
}

node_id node(const std::string& name) { return node_id::parse(name).value(); }

coordinator_options options_for(const std::string& name) {
  return {.node = node(name),
          .layout = {.shards = 64, .streams = 4, .replicas = 1},
          .failure_timeout = long_silence,
          .lease = long_lease,
          .types = {{"account", {"deposit"}, {"deposited"}, 1}}};
}

/// A node with a connection and a thread of its own, as in a process of its own.
struct process {
  process(const nats_server& server, coordinator_options options)
      : connection{nats_connection::open({.url = server.url()}).value()},
        coordination{connection, names(), clock, std::move(options)} {
    coordination.on_table([this](const std::shared_ptr<const shard_table>& next) {
      if (next->revision() <= last_revision.exchange(next->revision())) out_of_order = true;
      coordination.settled(next->revision());
    });
    coordination.on_contact([this](auto until, auto) { contact_until = until; });
    coordination.on_evicted([this](const error&) { evicted = true; });
  }

  result<void> join() { return coordination.join(await_limit); }
  /// What the others see when a process is killed: its connection goes, and no farewell comes.
  void die() { connection->close(); }
  [[nodiscard]] bool in_contact() const { return clock::now() < contact_until.load(); }
  [[nodiscard]] std::uint64_t revision() const {
    const auto table = coordination.table();
    return table ? table->revision() : 0;
  }

  std::shared_ptr<nats_connection> connection;
  timers clock;
  std::atomic<std::uint64_t> last_revision = 0;
  std::atomic<clock::time_point> contact_until = clock::time_point{};
  std::atomic<bool> out_of_order = false;
  std::atomic<bool> evicted = false;
  coordinator coordination;
};

std::unique_ptr<process> started(const nats_server& server, coordinator_options options) {
  auto made = std::make_unique<process>(server, std::move(options));
  if (auto joined = made->join(); !joined) FAIL(joined.error().message());
  return made;
}

std::size_t owned_by(const shard_table& table, const std::string& owner) {
  std::size_t owned = 0;
  for (const auto& one : table.nodes())
    if (one.node == node(owner)) owned += table.owned_by(one.node, one.incarnation);
  return owned;
}

/// Whether `seen_by` has a table in which exactly `owners` own shards, evenly.
bool even(const process& seen_by, const std::vector<std::string>& owners) {
  const auto table = seen_by.coordination.table();
  if (!table || table->nodes().size() != owners.size() || table->in_hand_over() > 0) return false;
  return std::ranges::all_of(owners, [&](const auto& owner) {
    const auto owned = owned_by(*table, owner);
    return owned == 64 / owners.size() || owned == 64 / owners.size() + 1;
  });
}

std::chrono::milliseconds since(clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - start);
}

std::string state_seen(const process& by, const std::string& of) {
  for (const auto& one : by.coordination.members())
    if (one.node.str() == of) return std::string{to_string(one.state)};
  return "unknown";
}

/// Of one that is to be refused: until it hears why.
coordinator_options patient(coordinator_options options) {
  options.observe = 10s;
  return options;
}

/// Three nodes that are up and have an even table.
struct trio {
  explicit trio(const nats_server& server, std::chrono::milliseconds lease = long_lease) {
    for (const auto* name : {"n1", "n2", "n3"}) {
      auto chosen = options_for(name);
      chosen.lease = lease;
      nodes[name] = started(server, chosen);
    }
    for (const auto& [name, one] : nodes) REQUIRE(await([&] { return even(*one, all()); }));
    (void)any_leader();
  }
  [[nodiscard]] std::string leader() const {
    for (const auto& [name, one] : nodes)
      if (one->coordination.leading()) return name;
    return {};
  }
  /// Waits for there to be one.
  [[nodiscard]] std::string any_leader() const {
    std::string found;
    REQUIRE(await([&] {
      found = leader();
      return !found.empty();
    }));
    return found;
  }
  [[nodiscard]] std::string follower() const { return leader() == "n1" ? "n2" : "n1"; }
  [[nodiscard]] std::vector<std::string> all() const {
    std::vector<std::string> names;
    for (const auto& [name, one] : nodes) names.push_back(name);
    return names;
  }
  /// Ends `name` as a kill does; returns when all others have a table without it, and how long
  /// that took.
  std::chrono::milliseconds kill(const std::string& name) {
    const auto start = clock::now();
    nodes.at(name)->die();
    nodes.erase(name);
    for (const auto& [other, one] : nodes) REQUIRE(await([&] { return even(*one, all()); }));
    return since(start);
  }

  std::map<std::string, std::unique_ptr<process>> nodes;
};

}  // namespace

TEST_CASE("coordinator: three nodes agree on one leader and one even table") {
  const nats_server server;
  trio cluster{server};
  int leaders = 0;
  for (const auto& [name, one] : cluster.nodes) {
    leaders += one->coordination.leading() ? 1 : 0;
    CHECK(one->coordination.joined());
    CHECK(await([&] { return one->in_contact(); }));
    CHECK(one->revision() == cluster.nodes["n1"]->revision());
    CHECK(!one->out_of_order);
    CHECK(one->coordination.members().size() == 3);
  }
  CHECK(leaders == 1);
}

TEST_CASE("coordinator: a single node leads and owns everything soon after it joined") {
  const nats_server server;
  const auto start = clock::now();
  const auto only = started(server, options_for("n1"));
  CHECK(await([&] { return even(*only, {"n1"}); }));
  MESSAGE("alone until the table: " << since(start).count() << " ms");
  CHECK(only->coordination.leading());
}

TEST_CASE("coordinator: the shards of a killed follower move before its silence is noticed") {
  const nats_server server;
  trio cluster{server};
  const auto leader = cluster.leader();
  const auto took = cluster.kill(cluster.follower());
  MESSAGE("follower killed until the new table: " << took.count() << " ms");
  CHECK(took < long_silence / 2);
  CHECK(cluster.leader() == leader);
}

TEST_CASE("coordinator: the shards of a killed leader move within a lease and a little") {
  const nats_server server;
  trio cluster{server, 2s};
  const auto killed = cluster.any_leader();
  const auto term = cluster.nodes[killed]->coordination.term();
  const auto took = cluster.kill(killed);
  MESSAGE("leader killed until the new table: " << took.count() << " ms");
  CHECK(took < long_silence / 2);
  const auto next = cluster.any_leader();
  CHECK(cluster.nodes[next]->coordination.term() > term);
}

TEST_CASE("coordinator: a leader that leaves hands its shards over first and its lease at once") {
  const nats_server server;
  trio cluster{server};
  const auto leaver = cluster.leader();
  auto& leaving = *cluster.nodes[leaver];
  leaving.coordination.announce_leaving();
  REQUIRE(await([&] {
    const auto table = leaving.coordination.table();
    return owned_by(*table, leaver) == 0 && table->in_hand_over() == 0;
  }));
  CHECK(leaving.coordination.leading());  // still at its duties
  const auto start = clock::now();
  leaving.coordination.leave();
  CHECK(!leaving.coordination.leading());
  CHECK(!leaving.coordination.joined());
  cluster.nodes.erase(leaver);
  REQUIRE(await([&] { return !cluster.leader().empty(); }));
  MESSAGE("leader left until the next: " << since(start).count() << " ms");
  CHECK(since(start) < long_lease / 2);
  for (const auto& [name, one] : cluster.nodes)
    CHECK(await([&] { return state_seen(*one, leaver) == "down"; }));
}

TEST_CASE("coordinator: another shard count is refused in words, and changes nothing") {
  const nats_server server;
  const auto first = started(server, options_for("n1"));
  auto other = options_for("n2");
  other.layout.shards = 128;
  process second{server, other};
  const auto refused = second.join();
  REQUIRE(!refused);
  CHECK(refused.error().code() == errc::incompatible_cluster);
  CHECK(refused.error().text().find("shards: this node 128, the namespace 64") !=
        std::string::npos);
  CHECK(state_seen(*first, "n2") == "unknown");
}

TEST_CASE("coordinator: a build that lacks an event is refused with the event's name") {
  const nats_server server;
  const auto first = started(server, options_for("n1"));
  auto other = options_for("n2");
  other.types[0].events = {"renamed"};
  process second{server, patient(other)};
  const auto refused = second.join();
  REQUIRE(!refused);
  CHECK(refused.error().code() == errc::incompatible_cluster);
  CHECK(refused.error().text().find("cannot read events deposited") != std::string::npos);
  CHECK(first->coordination.joined());
}

TEST_CASE("coordinator: a node id in use is refused, and free again after a farewell") {
  const nats_server server;
  auto first = started(server, options_for("n1"));
  process second{server, patient(options_for("n1"))};
  const auto refused = second.join();
  REQUIRE(!refused);
  CHECK(refused.error().code() == errc::node_id_in_use);
  CHECK(!first->evicted);
  CHECK(first->coordination.joined());
  first->coordination.leave();
  const auto third = started(server, options_for("n1"));
  CHECK(await([&] { return third->coordination.leading() && even(*third, {"n1"}); }));
}

TEST_CASE("coordinator: a process that was cut off while its successor came up is evicted") {
  const nats_server server;
  const auto first = started(server, options_for("n1"));
  // The heartbeat of a later process with this id, which had heard nothing of the first one.
  const heartbeat later{.node = node("n1"),
                        .incarnation = incarnation_id::make(),
                        .state = member_state::up,
                        .weight = 1,
                        .shards = 64};
  const auto observer = nats_connection::open({.url = server.url()}).value();
  REQUIRE(
      observer->publish({names().heartbeat(node("n1")), encode_heartbeat(later)}, nats_flush::now));
  CHECK(await([&] { return first->evicted.load(); }));
  CHECK(!first->coordination.joined());
  CHECK(await([&] { return !first->coordination.leading(); }));
}

TEST_CASE("coordinator: while the nats-server restarts the table stays, and all are there after") {
  nats_server server;
  trio cluster{server, 500ms};
  std::map<std::string, std::shared_ptr<const shard_table>> before;
  for (const auto& [name, one] : cluster.nodes) before[name] = one->coordination.table();
  server.kill();
  REQUIRE(await([&] { return !cluster.nodes["n1"]->in_contact(); }));
  REQUIRE(await([&] { return cluster.leader().empty(); }));  // the lease cannot be renewed
  for (const auto& [name, one] : cluster.nodes) CHECK(one->coordination.table() == before[name]);
  server.restart();
  const auto start = clock::now();
  REQUIRE(await([&] { return !cluster.leader().empty(); }));
  MESSAGE("server back until a leader: " << since(start).count() << " ms");
  for (const auto& [name, one] : cluster.nodes) {
    REQUIRE(await([&] { return one->in_contact(); }));
    REQUIRE(
        await([&] { return one->revision() > before[name]->revision(); }));  // under the new term
    CHECK(same_assignment(*one->coordination.table(), *before[name]));
    for (const auto& other : cluster.all()) CHECK(state_seen(*one, other) == "up");
  }
}

TEST_CASE("coordinator: a client of weight 0 sees the table, owns nothing and never leads") {
  const nats_server server;
  auto client_options = options_for("client");
  client_options.weight = 0;
  client_options.types = {};
  const auto client = started(server, client_options);
  const auto host = started(server, options_for("n1"));
  CHECK(await([&] { return even(*client, {"n1"}); }));
  CHECK(!client->coordination.leading());
  CHECK(host->coordination.leading());
}

TEST_CASE("kv bucket: a write under a stale revision stores nothing and is a conflict") {
  const nats_server server;
  const auto connection = nats_connection::open({.url = server.url()}).value();
  kv_bucket bucket{connection, names(), await_limit};
  REQUIRE(bucket.create_wait(1));
  REQUIRE(bucket.create_wait(1));
  CHECK(bucket.read_wait("key")->revision == 0);
  const auto first = bucket.write_wait("key", 0, as_bytes_view("one")).value();
  REQUIRE(first.outcome == write_outcome::stored);
  CHECK(bucket.write_wait("key", 0, as_bytes_view("two")).value().outcome ==
        write_outcome::conflict);
  const auto second = bucket.write_wait("key", first.revision, as_bytes_view("three")).value();
  REQUIRE(second.outcome == write_outcome::stored);
  CHECK(second.revision > first.revision);
  const auto read = bucket.read_wait("key");
  CHECK(read->revision == second.revision);
  CHECK(as_text(read->value) == "three");
}

}  // namespace aether::cluster
