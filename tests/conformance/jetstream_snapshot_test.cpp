#include <aether/persistence/jetstream_store.hpp>
#include "persistence/src/commit_format.hpp"
#include "persistence/src/snapshot_format.hpp"
#include "support/commits.hpp"
#include "support/nats_server.hpp"
#include "support/store_calls.hpp"
#include "support/stream_tool.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace aether;
using testing_support::nats_server;

const jetstream_layout layout{.shards = 16, .streams = 2};
const subjects names{namespace_name::parse("aether").value(), namespace_name::parse("kit").value()};
const actor_address alice = testing::address("account", "alice");
const actor_address bob = testing::address("account", "bob");

snapshot snapshot_at(std::uint64_t version, std::size_t state_bytes = 10) {
  return {{event_version{version}, stream_sequence{version}, commit_id::make()},
          "bank.balance",
          1,
          bytes(state_bytes, std::byte{0xc1}),
          {}};
}

/// A server with the namespace's streams, and the snapshots in them.
struct bench {
  explicit bench(const std::string& config = {}) : server{{.config = config}} {
    auto opened = nats_connection::open({.url = server.url()});
    REQUIRE(opened.has_value());
    connection = *std::move(opened);
    REQUIRE(create_streams(*connection, names, layout).has_value());
    snapshots = std::make_unique<jetstream_snapshot_store>(connection, names, layout);
  }

  /// As somebody else stores it on the actor's subject, with its headers.
  void put(const actor_address& on, const snapshot& taken, std::uint64_t owner,
           const std::vector<std::pair<std::string, std::string>>& changed = {}) {
    std::vector<std::pair<std::string, std::string>> headers;
    const auto own = snapshot_headers(taken);
    for (const auto& [name, value] : own.headers()) headers.emplace_back(name, value);
    for (const auto& [name, value] : changed)
      for (auto& [own_name, own_value] : headers)
        if (own_name == name) own_value = value;
    testing_support::store_by_hand(*connection, names.snapshot(shard_of(on, layout.shards), on),
                                   encode_snapshot(taken, owner), headers);
  }

  /// The one snapshot of that actor is not believed, by any way of asking.
  void check_unreadable(const actor_address& of, std::string_view why) {
    for (const auto at_most : {any_version, event_version{100}}) {
      const auto found = testing::load(*snapshots, of, at_most);
      REQUIRE_FALSE(found.has_value());
      CAPTURE(found.error().message());
      CHECK(found.error().code() == errc::corrupt_history);
      CHECK(found.error().text().find(why) != std::string::npos);
    }
    const auto all = testing::load_shards(*snapshots, {shard_id{0}, layout.shards});
    REQUIRE(all.has_value());
    CHECK(all->empty());
  }

  nats_server server;
  std::shared_ptr<nats_connection> connection;
  std::unique_ptr<jetstream_snapshot_store> snapshots;
};

}  // namespace

TEST_CASE("JetStream snapshot store: what the server will not take is too large, and says so") {
  bench with{"max_payload: 6000"};
  for (const std::size_t size : {4'500U, 10'000U}) {
    const auto saved = testing::save(*with.snapshots, alice, snapshot_at(1, size));
    REQUIRE_FALSE(saved.has_value());
    CAPTURE(saved.error().message());
    CHECK(saved.error().code() == errc::commit_too_large);
  }
  CHECK(testing::save(*with.snapshots, alice, snapshot_at(1, 3'000)).has_value());
  const auto found = testing::load(*with.snapshots, alice);
  REQUIRE(found.has_value());
  CHECK(found->has_value());
}

TEST_CASE(
    "JetStream snapshot store: another actor's snapshot is not taken for one of this actor's") {
  bench with;
  const auto theirs = owner_mark(names.name(), bob);
  with.put(alice, snapshot_at(1), theirs);
  with.check_unreadable(alice, "the snapshot of another actor or namespace");
  // The first builds left no mark.
  const auto unmarked = snapshot_at(2);
  with.put(alice, unmarked, 0);
  const auto found = testing::load(*with.snapshots, alice);
  REQUIRE(found.has_value());
  CHECK(*found == std::optional{unmarked});
}

TEST_CASE("JetStream snapshot store: what is saved carries the mark of its actor") {
  bench with;
  REQUIRE(testing::save(*with.snapshots, alice, snapshot_at(1)).has_value());
  const auto stored = testing_support::whole_stream(*with.connection, names.snapshot_stream());
  REQUIRE(stored.size() == 1);
  CHECK(decode_snapshot(stored[0].payload, "1", owner_mark(names.name(), alice)).has_value());
  CHECK_FALSE(decode_snapshot(stored[0].payload, "1", owner_mark(names.name(), bob)).has_value());
}

TEST_CASE("JetStream snapshot store: headers that contradict the payload make it unreadable") {
  bench with;
  with.put(alice, snapshot_at(7), owner_mark(names.name(), alice), {{"Aether-Version", "6"}});
  with.check_unreadable(alice, "Aether-Version");
}

TEST_CASE("JetStream snapshot store: a snapshot beside its shard is nobody's") {
  bench with;
  const shard_id own = shard_of(alice, layout.shards);
  const shard_id beside{(own.value() + 1) % layout.shards};
  testing_support::store_by_hand(*with.connection, names.snapshot(beside, alice),
                                 encode_snapshot(snapshot_at(1)));
  for (const shard_range which : {shard_range{beside}, shard_range{shard_id{0}, layout.shards}})
    CHECK(testing::load_shards(*with.snapshots, which)->empty());
}
