// Projections over several nodes and a real server.

#include <aether/actors/projected_events.hpp>
#include <aether/aether.hpp>
#include "support/await.hpp"
#include "support/bank.hpp"
#include "support/nats_server.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace aether {

namespace {

using namespace std::chrono_literals;
using testing_support::await;
using testing_support::await_limit;
using testing_support::nats_server;

/// What all nodes' handlers saw, by actor the versions.
struct shared_view {
  std::mutex mutex;
  std::map<std::string, std::vector<std::uint64_t>> seen;
  std::atomic<bool> sick{false};

  result<void> apply(const projection_batch& batch) {
    if (sick) return fail(errc::handler_failed, "sick");
    const std::lock_guard lock{mutex};
    for (const auto& one : batch.commits)
      seen[one.address.id.str()].push_back(one.record.commit.first.value());
    return {};
  }
  /// Each event came, and none before the one before it.
  bool has(const std::string& id, std::uint64_t versions) {
    const std::lock_guard lock{mutex};
    std::uint64_t newest = 0;
    for (const auto version : seen[id]) {
      if (version > newest + 1) return false;
      newest = std::max(newest, version);
    }
    return newest == versions;
  }
};

std::unique_ptr<node> start(const nats_server& server, const std::string& name, shared_view& view) {
  options how;
  how.nats = server.url();
  how.node = name;
  auto made = std::make_unique<node>(how);
  made->host<bank::account>();
  made->project(
      {.name = "seen", .handler = [&view](const auto& batch) { return view.apply(batch); }});
  REQUIRE(made->join());
  return made;
}

std::size_t owned(const node& of) {
  std::size_t count = 0;
  for (const auto& one : of.status().projections) count += one.owned;
  return count;
}

stored_position deposit(node& by, const std::string& id) {
  auto done = by.actor<bank::account>(id).ask(bank::deposit{1}, await_limit).get_with_position();
  REQUIRE_MESSAGE(done.has_value(), done.error().message());
  return done->position;
}

}  // namespace

TEST_CASE("projections: each partition has one owner, moves with its slot, and misses nothing") {
  const nats_server server;
  shared_view view;
  std::map<std::string, std::unique_ptr<node>> nodes;
  for (const auto* name : {"n1", "n2", "n3"}) nodes[name] = start(server, name, view);
  const auto spread = [&] {
    std::size_t sum = 0;
    for (const auto& [name, one] : nodes) {
      if (owned(*one) == 0) return false;
      sum += owned(*one);
    }
    return sum == 8;
  };
  REQUIRE(await(spread));
  constexpr std::uint64_t rounds = 3;
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i) ids.push_back("a" + std::to_string(i));
  const auto deposit_all = [&](node& by) {
    for (const auto& id : ids) {
      const auto stored = deposit(by, id);
      const auto done = by.projection("seen")->wait_for(stored, await_limit);
      CHECK_MESSAGE(done.has_value(), done.error().message());
    }
  };
  deposit_all(*nodes["n1"]);
  CHECK(nodes["n3"]->leave());
  nodes.erase("n3");
  REQUIRE(await(spread));
  deposit_all(*nodes["n2"]);
  nodes["n4"] = start(server, "n4", view);
  REQUIRE(await(spread));
  deposit_all(*nodes["n4"]);
  for (const auto& id : ids) CHECK(view.has(id, rounds));
  CHECK(nodes["n1"]->projection("seen")->caught_up().value());
}

TEST_CASE("projections: what is stored is read at once, not when the log is polled next") {
  const nats_server server;
  shared_view view;
  options how;
  how.nats = server.url();
  how.node = "n1";
  node one{how};
  one.host<bank::account>();
  one.project({.name = "seen",
               .handler = [&view](const auto& batch) { return view.apply(batch); },
               .options = {.poll_interval = 1h, .poll_interval_max = 1h}});
  REQUIRE(one.join());
  REQUIRE(await([&] { return owned(one) == 8; }));
  for (std::uint64_t i = 1; i <= 3; ++i) {
    for (const auto* id : {"alice", "bob", "carol"}) (void)deposit(one, id);
    for (const auto* id : {"alice", "bob", "carol"}) CHECK(await([&] { return view.has(id, i); }));
  }
}

TEST_CASE("projections: what one node parked another lists and has replayed") {
  const nats_server server;
  shared_view view;
  const auto one = start(server, "n1", view);
  options guest;
  guest.nats = server.url();
  guest.node = "guest";
  node client{guest};
  REQUIRE(client.join());
  const auto seen = client.projection("seen", 1).value();
  view.sick = true;
  const auto stored = deposit(client, "alice");
  CHECK(seen.wait_for(stored, await_limit).error().code() == errc::handler_failed);
  const auto parked = seen.parked().value();
  REQUIRE(parked.size() == 1);
  CHECK(parked[0].reason == "sick");
  CHECK(parked[0].address.id.str() == "alice");
  view.sick = false;
  CHECK(seen.replay_parked(await_limit).value() == 0);
  CHECK(view.has("alice", 1));
}

TEST_CASE("projections: one that lost the server goes on where it was") {
  nats_server server;
  shared_view view;
  const auto one = start(server, "n1", view);
  auto stored = deposit(*one, "alice");
  REQUIRE(one->projection("seen")->wait_for(stored, await_limit));
  server.kill();
  server.restart();
  REQUIRE(await([&] {
    return one->actor<bank::account>("alice").ask(bank::get_balance{}, 1s).get().has_value();
  }));
  stored = deposit(*one, "alice");
  REQUIRE(await([&] { return one->projection("seen")->wait_for(stored, 1s).has_value(); }));
  CHECK(view.has("alice", stored.version.value()));
}

}  // namespace aether
