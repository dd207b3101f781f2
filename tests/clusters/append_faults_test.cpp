#include <aether/persistence/jetstream_store.hpp>
#include "support/append_writers.hpp"
#include "support/await.hpp"
#include "support/nats_cluster.hpp"
#include "support/random.hpp"
#include "support/store_calls.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace {

using namespace aether;
using namespace std::chrono_literals;
using testing::append_attempt;
using testing::append_writers;
using testing::random_between;
using testing_support::await;
using testing_support::nats_cluster;
using testing_support::nats_server;

const subjects names{namespace_name::parse("aether").value(), namespace_name::parse("kit").value()};

/// Waits for servers that are just electing a leader.
std::shared_ptr<nats_connection> connect(const std::string& url) {
  std::shared_ptr<nats_connection> connection;
  REQUIRE(await([&] {
    auto opened =
        nats_connection::open({.url = url, .ping_interval = 500ms, .reconnect_wait = 20ms});
    if (opened) connection = *std::move(opened);
    return connection != nullptr;
  }));
  return connection;
}

std::string subject_of(const actor_address& actor, const jetstream_layout& layout) {
  return names.commits(shard_of(actor, layout.shards), actor);
}

/// Streams, and writers at work on them.
struct bench {
  bench(std::string at, jetstream_layout chosen)
      : layout{chosen}, url{std::move(at)}, connection{connect(url)} {
    const auto created = create_streams(*connection, names, layout);
    REQUIRE_MESSAGE(created.has_value(), created.error().message());
    writers = std::make_unique<append_writers>(
        append_writers::options{.url = url, .names = names, .layout = layout, .seed = random()});
    goes_on();
  }

  /// Waits until so many more appends were stored, as seeded: faults come at any moment.
  void goes_on() {
    const auto goal = writers->stored() + random_between(random, 20, 300);
    REQUIRE(await([&] { return writers->stored() >= goal; }));
  }
  /// Waits until some more appends were given up on.
  void gives_up() {
    const auto goal = writers->given_up() + random_between(random, 3, 8);
    REQUIRE(await([&] { return writers->given_up() >= goal; }));
  }

  std::mt19937_64 random = testing::seeded_random();
  jetstream_layout layout;
  std::string url;
  std::shared_ptr<nats_connection> connection;
  std::unique_ptr<append_writers> writers;
};

std::string counted(const std::vector<append_attempt>& attempts, const testing::append_log& log) {
  std::map<std::string, std::size_t> told;
  for (const auto& one : attempts) {
    std::string what{one.outcome ? "stored" : to_string(one.outcome.error().code())};
    if (what == "outcome_unknown" && log.find(one.commit.id) != nullptr) what += ", in the log";
    if (what == "store_failed") what += " (" + one.outcome.error().text() + ")";
    ++told[what];
  }
  std::string text;
  for (const auto& [what, count] : told)
    text += (text.empty() ? "" : "; ") + what + ": " + std::to_string(count);
  return text;
}

/// Ends the writers and holds all that they were told against the log, and the log against what a
/// fresh store reads.
void check_accounts(bench& with) {
  const auto attempts = with.writers->finish();
  const auto connection = connect(with.url);
  testing::append_log log;
  for (std::uint32_t k = 0; k < with.layout.streams; ++k) {
    const auto stream = names.event_stream(k);
    log.add(stream, testing_support::whole_stream(*connection, stream));
  }
  const auto place = [&](const actor_address& actor) { return subject_of(actor, with.layout); };
  for (const auto& wrong : testing::account_for(attempts, log, place)) FAIL_CHECK(wrong);
  jetstream_event_store store{connection, names, with.layout};
  for (const auto& actor : with.writers->actors()) {
    const auto read = testing::read(store, actor, 1, {}, 100'000);
    for (const auto& wrong : testing::account_for_read(actor, read, log.history(place(actor))))
      FAIL_CHECK(wrong);
  }
  MESSAGE(connection->server().version << ": " << counted(attempts, log));
  const auto conflicts = std::ranges::count_if(attempts, [](const append_attempt& one) {
    return !one.outcome && one.outcome.error().code() == errc::version_conflict;
  });
  CHECK(conflicts > 100);
  CHECK(with.writers->given_up() > 0);
}

}  // namespace

TEST_CASE("append faults: one server, killed, paused and restarted: the log has what was told") {
  nats_server server;
  bench with{server.url(), {.shards = 16, .streams = 2, .replicas = 1}};
  std::vector<std::function<void()>> faults = {
      [&] { server.kill(); },
      [&] { server.stop(); },
      [&] {
        server.kill();
        with.gives_up();
      },
      [&] {
        server.pause();
        with.gives_up();
      },
      [&] {
        server.pause();
        with.gives_up();
        server.kill();
      },
  };
  for (std::size_t i = 0, kinds = faults.size(); i < kinds; ++i) faults.push_back(faults[i]);
  std::ranges::shuffle(faults, with.random);
  for (const auto& fault : faults) {
    fault();
    if (server.pid() == 0) server.restart();
    server.resume();
    with.goes_on();
  }
  check_accounts(with);
}

TEST_CASE("append faults: three servers, leader and followers fail: the log has what was told") {
  if (const nats_server server; !connect(server.url())->server().at_least(2, 9, 21)) return;
  nats_cluster cluster;
  bench with{cluster.url(), {.shards = 16, .streams = 1, .replicas = 3}};
  const std::string stream = names.event_stream(0);
  const auto leader = [&] { return cluster.leader_of(*with.connection, stream); };
  const auto follower = [&] {
    return (leader() + random_between(with.random, 1, nats_cluster::size - 1)) % nats_cluster::size;
  };
  struct fault {
    std::function<std::size_t()> victim;
    void (nats_cluster::*strike)(std::size_t);
    void (nats_cluster::*heal)(std::size_t);
  };
  std::vector<fault> faults = {{leader, &nats_cluster::kill, &nats_cluster::restart},
                               {leader, &nats_cluster::pause, &nats_cluster::resume},
                               {leader, &nats_cluster::stop, &nats_cluster::restart},
                               {follower, &nats_cluster::kill, &nats_cluster::restart},
                               {follower, &nats_cluster::pause, &nats_cluster::resume}};
  std::ranges::shuffle(faults, with.random);
  for (const auto& [victim, strike, heal] : faults) {
    const auto i = victim();
    (cluster.*strike)(i);
    with.goes_on();
    (cluster.*heal)(i);
    with.goes_on();
    // A replica was seen to stay away for more than 30 s (2.10.27): start its server again.
    if (cluster.await_replicas(*with.connection, stream, 10s)) continue;
    MESSAGE("server " << i << " did not catch up");
    cluster.stop(i);
    cluster.restart(i);
    REQUIRE(cluster.await_replicas(*with.connection, stream, testing_support::await_limit));
  }
  check_accounts(with);
}

TEST_CASE("append faults: replicas are refused where the conditional append is broken on them") {
  const nats_server server;
  const auto connection = connect(server.url());
  if (connection->server().at_least(2, 9, 21)) return;
  const auto made = create_streams(*connection, names, {.shards = 16, .streams = 2, .replicas = 3});
  REQUIRE_FALSE(made.has_value());
  CHECK(made.error().code() == errc::unsupported_server);
  CHECK(made.error().text().find(connection->server().version) != std::string::npos);
  CHECK(made.error().text().find("acknowledges both writers") != std::string::npos);
  CHECK(made.error().text().find("2.9.21") != std::string::npos);
  const auto stream =
      testing_support::stream_request(*connection, "INFO." + names.event_stream(0), nullptr);
  REQUIRE(stream.has_value());
  CHECK(stream->contains("error"));  // nothing was created
}
