// A history written by the first build, byte for byte, read by this one:
// tests/golden/history-1.jsonl is what 24 rows of flights left on a server: 29 airports, each with
// a snapshot.

#include <aether/actors/actor_history.hpp>
#include <aether/actors/actor_host.hpp>
#include <aether/persistence/jetstream_store.hpp>
#include <aether/runtime/base64.hpp>
#include "../examples/flights/airport.hpp"
#include "support/golden.hpp"
#include "support/nats_server.hpp"
#include "support/store_calls.hpp"
#include "support/stream_tool.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <sstream>

namespace {

using namespace aether;
using namespace std::chrono_literals;
using flights::airport;
using json = nlohmann::json;

/// The lines of a header block but the condition of the append, which is the server's affair.
std::vector<std::pair<std::string, std::string>> headers_in(const std::string& block) {
  std::vector<std::pair<std::string, std::string>> headers;
  std::istringstream lines{block};
  for (std::string line; std::getline(lines, line, '\n');) {
    if (line.ends_with('\r')) line.pop_back();
    const auto colon = line.find(':');
    if (colon == line.npos || line.starts_with("Nats-")) continue;
    headers.emplace_back(line.substr(0, colon),
                         line.substr(line.find_first_not_of(' ', colon + 1)));
  }
  return headers;
}

bytes raw(const json& record, const char* field) {
  auto decoded = decode_base64(record.at(field).get<std::string>());
  REQUIRE(decoded.has_value());
  return *std::move(decoded);
}

/// The old namespace as this build opens it.
struct old_namespace {
  old_namespace() {
    auto opened = nats_connection::open({.url = server.url()});
    REQUIRE_MESSAGE(opened.has_value(), opened.error().message());
    connection = *std::move(opened);
    REQUIRE(create_streams(*connection, names, layout).has_value());
    std::ifstream file{testing::golden_path("history-1.jsonl")};
    for (std::string line; std::getline(file, line);) restore(json::parse(line));
    events = std::make_shared<jetstream_event_store>(connection, names, layout);
    snapshots = std::make_shared<jetstream_snapshot_store>(connection, names, layout);
  }

  void restore(const json& record) {
    const auto block = raw(record, "hdrs");
    const auto sequence = testing_support::store_by_hand(
        *connection, record.at("subject").get<std::string>(), raw(record, "data"),
        headers_in(std::string{as_text(block)}));
    REQUIRE(sequence == record.at("seq").get<std::uint64_t>());
  }

  std::vector<actor_id> airports() {
    std::vector<actor_id> all;
    for (std::uint32_t shard = 0; shard < layout.shards; ++shard) {
      const auto some = testing::actors(*events, *actor_type::parse("airport"), shard_id{shard});
      REQUIRE(some.has_value());
      all.insert(all.end(), some->begin(), some->end());
    }
    return all;
  }

  testing_support::nats_server server;
  const subjects names{*namespace_name::parse("aether"), *namespace_name::parse("flights")};
  const jetstream_layout layout{};
  timers clock;
  std::shared_ptr<nats_connection> connection;
  std::shared_ptr<jetstream_event_store> events;
  std::shared_ptr<jetstream_snapshot_store> snapshots;
};

void add(flights::stats& sum, const flights::stats& one) {
  sum.departures += one.departures;
  sum.arrivals += one.arrivals;
  sum.delay_minutes += one.delay_minutes;
  sum.distance_miles += one.distance_miles;
}

/// What the file of flights says.
void check_sum(const flights::stats& sum) {
  CHECK(sum.departures == 24);
  CHECK(sum.arrivals == 24);
  CHECK(sum.delay_minutes == 129);
  CHECK(sum.distance_miles == 23'111);
}

}  // namespace

TEST_CASE("old history: actors of this build go on where those of the first build ended") {
  old_namespace old;
  actor_host host{{.workers = 2}, old.events, old.snapshots, old.clock};
  host.host<airport>();
  flights::stats sum;
  for (const auto& id : old.airports()) {
    const auto now = host.actor<airport>(id.str()).ask(flights::get_stats{}, 10s).get();
    REQUIRE_MESSAGE(now.has_value(), now.error().message());
    add(sum, *now);
  }
  check_sum(sum);
  const auto one_more = host.actor<airport>("ORD").ask(flights::record_arrival{}, 10s).get();
  REQUIRE_MESSAGE(one_more.has_value(), one_more.error().message());
}

TEST_CASE("old history: without its snapshots, event by event, it amounts to the same") {
  old_namespace old;
  const auto all = old.airports();
  CHECK(all.size() == 29);
  flights::stats sum;
  for (const auto& id : all) {
    std::uint64_t visited = 0;
    const actor_history<airport> past{old.events, old.snapshots, id.str()};
    const auto end = past.replay([&](const auto&, const auto&) { ++visited; }).get();
    REQUIRE_MESSAGE(end.has_value(), end.error().message());
    CHECK(end->point.version.value() == visited);
    add(sum, end->state);
  }
  check_sum(sum);
}
