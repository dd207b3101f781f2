#include <aether/persistence/jetstream_store.hpp>
#include "cluster/src/kv_bucket.hpp"
#include "persistence/src/jetstream/stream_config.hpp"
#include "support/await.hpp"
#include "support/commits.hpp"
#include "support/nats_cluster.hpp"
#include "support/store_calls.hpp"
#include "support/stream_tool.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>

namespace {

using namespace aether;
using namespace std::chrono_literals;
using testing_support::await;
using testing_support::await_limit;
using testing_support::nats_cluster;
using testing_support::stream_request;

const subjects names{namespace_name::parse("aether").value(), namespace_name::parse("kit").value()};
const jetstream_layout layout{.shards = 4, .streams = 1};

/// The number of replicas that the streams have, whatever a node says.
jetstream_layout with_replicas(std::uint32_t replicas) {
  jetstream_layout made = layout;
  made.replicas = replicas;
  return made;
}

/// Waits for servers that are just electing a leader.
std::shared_ptr<nats_connection> connect(const std::string& url) {
  std::shared_ptr<nats_connection> connection;
  REQUIRE(await([&] {
    auto opened = nats_connection::open({.url = url, .reconnect_wait = 20ms});
    if (opened) connection = *std::move(opened);
    return connection != nullptr;
  }));
  return connection;
}

/// As an operator makes it.
void create_by_hand(nats_connection& connection, const nlohmann::json& config) {
  const auto name = config.at("name").get<std::string>();
  const auto made = stream_request(connection, "CREATE." + name, config, await_limit);
  REQUIRE_MESSAGE(made.has_value(), made.error().message());
  REQUIRE_MESSAGE(!made->contains("error"), made->dump());
}

}  // namespace

TEST_CASE("replicas: a node goes by what the streams have, not by what it was told") {
  const nats_cluster servers;
  const auto connection = connect(servers.url());
  SUBCASE("an event stream has more") {
    create_by_hand(*connection, event_stream_config(names, with_replicas(3), 0));
  }
  SUBCASE("the snapshot stream has more") {
    create_by_hand(*connection, snapshot_stream_config(names, with_replicas(3)));
  }
  const auto found = create_streams(*connection, names, layout);
  if (connection->server().at_least(2, 9, 21)) {
    REQUIRE_MESSAGE(found.has_value(), found.error().message());
    CHECK(found->replicas == 3);
    CHECK(found->shards == layout.shards);
  } else {
    REQUIRE_FALSE(found.has_value());
    CAPTURE(found.error().message());
    CHECK(found.error().code() == errc::unsupported_server);
    CHECK(found.error().text().find("acknowledges both writers") != std::string::npos);
    CHECK(found.error().text().find("stream aether_kit_") != std::string::npos);
  }
}

TEST_CASE("replicas: without more of them a node stays with what it was told") {
  const nats_cluster servers;
  const auto connection = connect(servers.url());
  const auto found = create_streams(*connection, names, layout);
  REQUIRE_MESSAGE(found.has_value(), found.error().message());
  CHECK(found->replicas == 1);
}

TEST_CASE("replicas: a bucket that has more is refused where two writers may both win") {
  const nats_cluster servers;
  const auto connection = connect(servers.url());
  create_by_hand(*connection, {{"name", names.bucket_stream()},
                               {"subjects", {names.bucket_key(">")}},
                               {"num_replicas", 3},
                               {"max_msgs_per_subject", 1}});
  const auto made = cluster::kv_bucket{connection, names, await_limit}.create_wait(1);
  CHECK(made.has_value() == connection->server().at_least(2, 9, 21));
  if (!made) CHECK(made.error().code() == errc::unsupported_server);
}

TEST_CASE("replicas: what a leader could not store is in doubt, others may have stored it") {
  const nats_cluster servers;
  const auto connection = connect(servers.url());
  if (!connection->server().at_least(2, 9, 21)) return;
  for (const std::uint32_t replicas : {1U, 3U}) {
    const subjects own{namespace_name::parse("aether").value(),
                       namespace_name::parse(std::to_string(replicas)).value()};
    auto config = event_stream_config(own, with_replicas(replicas), 0);
    config["max_bytes"] = 2'000;
    create_by_hand(*connection, config);
    const auto found = create_streams(*connection, own, with_replicas(replicas));
    REQUIRE_MESSAGE(found.has_value(), found.error().message());
    // Three attempts, in 6 s, and time for an answer to the last, which is the one that is told.
    jetstream_event_store store{
        connection,
        own,
        *found,
        {.request_timeout = 10s, .append_deadline = 13s, .backoff_min = 2s, .backoff_max = 8s}};
    const auto full = testing::append(store, testing::address("account", "large"), {},
                                      testing::commit_after({}, 1, 5'000));
    REQUIRE_FALSE(full.has_value());
    CAPTURE(full.error().message());
    CHECK(full.error().code() == (replicas == 1 ? errc::store_failed : errc::outcome_unknown));
    CHECK(full.error().text().find("maximum bytes exceeded") != std::string::npos);
  }
}
