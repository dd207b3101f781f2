#include "persistence/src/jetstream/server_features.hpp"

#include <aether/persistence/jetstream_store.hpp>
#include "persistence/src/commit_format.hpp"
#include "support/commits.hpp"
#include "support/nats_server.hpp"
#include "support/store_calls.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <future>
#include <string>
#include <vector>

using namespace aether;
using namespace std::chrono_literals;

TEST_CASE("server features: a server pages its answers exactly where it is said to") {
  testing_support::nats_server server;
  const auto connection = *nats_connection::open({.url = server.url()});
  const subjects names{*namespace_name::parse("aether"), *namespace_name::parse("kit")};
  const jetstream_layout layout{.shards = 1, .streams = 1};
  REQUIRE(create_streams(*connection, names, layout).has_value());
  jetstream_event_store store{connection, names, layout};
  const auto alice = testing::address("account", "alice");
  log_position end;
  for (int i = 0; i < 3; ++i) end = *testing::append(store, alice, end, testing::commit_after(end));

  const std::string query =
      "{\"batch\":3,\"seq\":1,\"next_by_subj\":\"" + names.commits(shard_id{0}, alice) + "\"}";
  std::promise<std::size_t> counted;
  auto count = counted.get_future();
  connection->request_stream({"$JS.API.DIRECT.GET." + names.event_stream(0), as_bytes_view(query)},
                             30s, [&, seen = std::size_t{0}](result<nats_message> part) mutable {
                               // One without a pending count is the whole answer of an old server.
                               const bool message = part && part->status() == 0;
                               seen += message ? 1 : 0;
                               if (message && part->header("Nats-Num-Pending")) return true;
                               counted.set_value(seen);
                               return false;
                             });
  const bool pages = count.get() == 3;
  CHECK(features_of(connection->server()).paged_reads == pages);
  CHECK(pages == connection->server().at_least(2, 11, 0));
}

TEST_CASE("server features: a replica that knows of no pages answers with one message at a time") {
  testing_support::nats_server server;
  const auto connection = *nats_connection::open({.url = server.url()});
  if (!features_of(connection->server()).paged_reads) return;
  const subjects names{*namespace_name::parse("aether"), *namespace_name::parse("kit")};
  const auto alice = testing::address("account", "alice");
  std::vector<commit> history;
  log_position end;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    history.push_back(testing::commit_after(end));
    end = {event_version{i}, stream_sequence{i}, history.back().id};
  }
  // There is no such stream: this is who answers.
  const auto replica = connection->subscribe(
      "$JS.API.DIRECT.GET." + names.event_stream(0), [&](const nats_message& asked) {
        const auto query = nlohmann::json::parse(as_text(asked.payload()));
        const auto sequence = query.at("seq").get<std::uint64_t>();
        if (sequence > history.size()) return;
        const std::string at = std::to_string(sequence);
        const bytes payload = encode_commit(history[sequence - 1]);
        (void)connection->publish({asked.reply_to(), payload, {{"Nats-Sequence", at}}});
      });
  REQUIRE(replica.has_value());
  REQUIRE(connection->flush(5s).has_value());
  jetstream_event_store store{connection, names, {.shards = 1, .streams = 1}};
  const auto found = testing::read(store, alice, 1, {}, history.size());
  REQUIRE_MESSAGE(found.has_value(), found.error().message());
  REQUIRE(found->size() == history.size());
  for (std::size_t i = 0; i < history.size(); ++i) CHECK((*found)[i].commit == history[i]);
}

TEST_CASE(
    "server features: nothing is missing in a current server, and an old one costs something") {
  testing_support::nats_server server;
  const auto connection = *nats_connection::open({.url = server.url()});
  const auto missing = missing_in(features_of(connection->server()));
  CHECK(missing.empty() == connection->server().at_least(2, 11, 0));
  for (const auto& lacking : missing) CHECK_FALSE(lacking.cost.empty());
}
