#include <aether/persistence/jetstream_store.hpp>
#include "persistence/src/commit_format.hpp"
#include "support/await.hpp"
#include "support/commits.hpp"
#include "support/nats_server.hpp"
#include "support/run_cases.hpp"
#include "support/store_calls.hpp"

#include <doctest/doctest.h>

#include <future>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace aether;
using namespace std::chrono_literals;
using testing_support::nats_server;

const jetstream_layout layout{.shards = 16, .streams = 2, .replicas = 1};
const subjects names{namespace_name::parse("aether").value(), namespace_name::parse("kit").value()};

std::shared_ptr<nats_connection> connect(const nats_server& server) {
  auto opened = nats_connection::open({.url = server.url(), .reconnect_wait = 20ms});
  REQUIRE(opened.has_value());
  return *opened;
}

/// A server with the namespace's streams, a connection, and both stores.
struct bench {
  explicit bench(jetstream_timing timing = {})
      : connection{connect(server)},
        events{connection, names, layout, timing},
        snapshots{connection, names, layout, timing} {
    const auto created = create_streams(*connection, names, layout);
    REQUIRE_MESSAGE(created.has_value(), created.error().message());
  }

  nats_server server;
  std::shared_ptr<nats_connection> connection;
  jetstream_event_store events;
  jetstream_snapshot_store snapshots;
};

std::string subject_of(const actor_address& actor) {
  return names.commits(shard_of(actor, layout.shards), actor);
}

nats_outgoing message(const std::string& subject, bytes_view payload) {
  return {.subject = subject, .payload = payload};
}

/// Stores what no Aether node would write; the answer says that it is stored.
void store_by_hand(nats_connection& connection, const std::string& subject, bytes_view payload,
                   std::string_view format = "1") {
  nats_outgoing sent = message(subject, payload);
  sent.headers.emplace_back("Aether-Format", format);
  REQUIRE(connection.request_wait(sent, 5s).has_value());
}

std::string ask(nats_connection& connection, const std::string& subject, std::string_view body) {
  const auto answer = connection.request_wait(message(subject, as_bytes_view(body)), 5s);
  REQUIRE(answer.has_value());
  return std::string{as_text(answer->payload())};
}

template <class T>
void check_corrupt(const result<T>& outcome, std::string_view place) {
  REQUIRE_FALSE(outcome.has_value());
  CAPTURE(outcome.error().message());
  CHECK(outcome.error().code() == errc::corrupt_history);
  CHECK(outcome.error().text().find(place) != std::string::npos);
}

}  // namespace

TEST_CASE("JetStream event store: passes the conformance kit") {
  bench with;
  testing::run_cases<event_store>(event_store_cases(), with.events);
}

TEST_CASE("JetStream snapshot store: passes the conformance kit") {
  bench with;
  testing::run_cases<snapshot_store>(snapshot_store_cases(), with.snapshots);
}

TEST_CASE("JetStream event store: a commit tells what was the newest when it was stored") {
  bench with;
  const auto actor = testing::address("account", "alice");
  log_position end;
  std::vector<stream_sequence> all;
  std::vector<std::optional<stream_sequence>> befores;
  for (int i = 0; i < 3; ++i) {
    befores.emplace_back(end.sequence);
    end = testing::append(with.events, actor, end, testing::commit_after(end)).value();
    all.push_back(end.sequence);
  }
  // Whoever publishes by hand has no condition.
  store_by_hand(*with.connection, subject_of(actor), encode_commit(testing::commit_after(end)));
  befores.emplace_back(std::nullopt);
  all.emplace_back(end.sequence.value() + 1);

  CHECK(testing::latest(with.events, actor).value()->after == std::nullopt);
  const auto check = [&](const std::vector<recorded_commit>& found) {
    REQUIRE(found.size() == befores.size());
    for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i].after == befores[i]);
  };
  check(testing::read(with.events, actor).value());
  check(testing::fetch(with.events, actor, all).value());
  std::vector<recorded_commit> found;
  const auto records = testing::records(with.events, actor).value();
  for (const auto& one : records) found.push_back(one.found.value());
  check(found);
  found.clear();
  const auto page = testing::read_shards(with.events, shard_of(actor, layout.shards)).value();
  for (const auto& one : page) found.push_back(one.record.found.value());
  check(found);
}

TEST_CASE("JetStream event store: what is no commit is corrupt history with its place") {
  bench with;
  const auto actor = testing::address("account", "garbled");
  const auto stored = testing::append(with.events, actor, {}, testing::commit_after({}));
  REQUIRE(stored.has_value());
  store_by_hand(*with.connection, subject_of(actor), as_bytes_view("garbage"));
  const auto place = "stream sequence " + std::to_string(stored->sequence.value() + 1);
  check_corrupt(testing::read(with.events, actor), place);
  check_corrupt(testing::read(with.events, actor), subject_of(actor));
  check_corrupt(testing::latest(with.events, actor), place);
  const auto late = testing::append(with.events, actor, *stored, testing::commit_after(*stored));
  REQUIRE_FALSE(late.has_value());
  CHECK(late.error().code() == errc::version_conflict);
}

TEST_CASE("JetStream event store: a commit of a newer format is named, not misread") {
  bench with;
  const auto actor = testing::address("account", "newer");
  store_by_hand(*with.connection, subject_of(actor), as_bytes_view("what a later version writes"),
                "2");
  check_corrupt(testing::read(with.events, actor), "commit format 2");
  check_corrupt(testing::latest(with.events, actor), "commit format 2");
}

TEST_CASE("JetStream event store: a missing version is corrupt history") {
  bench with;
  const auto actor = testing::address("account", "gap");
  REQUIRE(testing::append(with.events, actor, {}, testing::commit_after({})).has_value());
  const commit later = testing::commit_after({event_version{5}, stream_sequence{5}});
  store_by_hand(*with.connection, subject_of(actor), encode_commit(later));
  check_corrupt(testing::read(with.events, actor), "expected version 2");
}

TEST_CASE("JetStream snapshot store: what is no snapshot is reported as corrupt") {
  bench with;
  const auto actor = testing::address("account", "garbled");
  const auto subject = names.snapshot(shard_of(actor, layout.shards), actor);
  store_by_hand(*with.connection, subject, as_bytes_view("garbage"));
  check_corrupt(testing::load(with.snapshots, actor), "account/garbled");
}

TEST_CASE("JetStream event store: what is stored is republished, what is refused is not") {
  bench with;
  std::promise<std::string> first, second;
  int heard = 0;
  auto live =
      with.connection->subscribe(names.all_stored_events(), [&](const nats_message& stored) {
        if (heard++ > 1) return;
        const auto id = std::string{stored.header("Aether-Commit").value_or("")};
        (heard == 1 ? first : second).set_value(id);
      });
  REQUIRE(live.has_value());
  const auto actor = testing::address("account", "live");
  const commit one = testing::commit_after({});
  const auto end = testing::append(with.events, actor, {}, one);
  REQUIRE(end.has_value());
  CHECK_FALSE(testing::append(with.events, actor, {}, testing::commit_after({})).has_value());
  const commit two = testing::commit_after(*end);
  REQUIRE(testing::append(with.events, actor, *end, two).has_value());
  CHECK(first.get_future().get() == commit_header(one));
  CHECK(second.get_future().get() == commit_header(two));
}

TEST_CASE("JetStream event store: without a server an append is unavailable, nothing stored") {
  bench with{{.request_timeout = 200ms, .append_deadline = 300ms}};
  const auto actor = testing::address("account", "nobody");
  REQUIRE(ask(*with.connection, "$JS.API.STREAM.DELETE." + names.event_stream(0), "")
              .find("\"success\":") != std::string::npos);
  REQUIRE(ask(*with.connection, "$JS.API.STREAM.DELETE." + names.event_stream(1), "")
              .find("\"success\":") != std::string::npos);
  const auto lost = testing::append(with.events, actor, {}, testing::commit_after({}));
  REQUIRE_FALSE(lost.has_value());
  CHECK(lost.error().code() == errc::unavailable);
}

TEST_CASE("JetStream event store: a full stream is a refusal in the server's words") {
  bench with;
  for (std::uint32_t k = 0; k < layout.streams; ++k) {
    const auto info = ask(*with.connection, "$JS.API.STREAM.INFO." + names.event_stream(k), "");
    const auto begin = info.find("\"config\":") + 9;
    std::string config = info.substr(begin, info.find("},\"created\"") + 1 - begin);
    config.replace(config.find("\"max_bytes\":-1"), 14, "\"max_bytes\":2000");
    const auto updated =
        ask(*with.connection, "$JS.API.STREAM.UPDATE." + names.event_stream(k), config);
    REQUIRE_MESSAGE(updated.find("\"error\"") == std::string::npos, updated);
  }
  const auto refused = testing::append(with.events, testing::address("account", "large"), {},
                                       testing::commit_after({}, 1, 5'000));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code() == errc::store_failed);
  CHECK(refused.error().text().find("maximum bytes exceeded") != std::string::npos);
  CHECK(create_streams(*with.connection, names, layout).has_value());
}

TEST_CASE("JetStream streams: nodes that start at once all succeed, and later ones too") {
  nats_server server;
  std::vector<std::future<result<jetstream_layout>>> nodes;
  std::vector<std::shared_ptr<nats_connection>> connections;
  for (int i = 0; i < 3; ++i) connections.push_back(connect(server));
  for (const auto& connection : connections)
    nodes.push_back(std::async(
        std::launch::async, [&connection] { return create_streams(*connection, names, layout); }));
  for (auto& node : nodes) CHECK(node.get().has_value());
  CHECK(create_streams(*connections[0], names, layout).has_value());
}

TEST_CASE("JetStream streams: another layout is refused with the difference") {
  bench with;
  const auto other = create_streams(*with.connection, names, {.shards = 32, .streams = 2});
  REQUIRE_FALSE(other.has_value());
  CHECK(other.error().code() == errc::incompatible_cluster);
  CHECK(other.error().text().find(names.event_stream(0)) != std::string::npos);
  CHECK(other.error().text().find("subjects is") != std::string::npos);
}

TEST_CASE("JetStream streams: replicas are refused where they are unsafe or cannot be had") {
  nats_server server;
  const auto connection = connect(server);
  const auto created = create_streams(*connection, names, {.streams = 1, .replicas = 3});
  REQUIRE_FALSE(created.has_value());
  CAPTURE(created.error().message());
  const bool old = !connection->server().at_least(2, 9, 21);
  CHECK(created.error().code() == (old ? errc::unsupported_server : errc::store_failed));
}

TEST_CASE("JetStream event store: a killed server loses and doubles nothing it acknowledged") {
  bench with{{.request_timeout = 500ms, .append_deadline = 20s}};
  constexpr std::size_t actors = 500;
  std::vector<commit> commits;
  std::vector<std::future<result<log_position>>> answers;
  const auto actor = [](std::size_t i) {
    return testing::address("account", "killed-" + std::to_string(i));
  };
  for (std::size_t i = 0; i < actors; ++i) {
    commits.push_back(testing::commit_after({}));
    answers.push_back(testing::append_soon(with.events, actor(i), {}, commits.back()));
    if (i == actors / 2) with.server.kill();
  }
  with.server.restart();
  REQUIRE(testing_support::await([&] { return with.connection->connected(); }));
  for (std::size_t i = 0; i < actors; ++i) {
    CAPTURE(i);
    const auto outcome = answers[i].get();
    const auto history = testing::read(with.events, actor(i));
    REQUIRE_MESSAGE(history.has_value(), history.error().message());
    if (outcome) {
      REQUIRE(history->size() == 1);
      CHECK(history->front().commit == commits[i]);
      CHECK(history->front().position() == *outcome);
    } else {
      CAPTURE(outcome.error().message());
      const auto code = outcome.error().code();
      CHECK((code == errc::outcome_unknown || code == errc::unavailable));
      CHECK((code == errc::outcome_unknown || history->empty()));
      CHECK(history->size() <= 1);
    }
  }
}

TEST_CASE("JetStream event store: one that goes away answers what is under way") {
  auto with = std::make_unique<bench>(jetstream_timing{.append_deadline = 60s});
  const auto actor = testing::address("account", "left");
  with->server.kill();
  REQUIRE(testing_support::await([&] { return !with->connection->connected(); }));
  auto connection = with->connection;
  auto answer = testing::append_soon(with->events, actor, {}, testing::commit_after({}));
  with.reset();
  connection->close();
  const auto outcome = answer.get();
  REQUIRE_FALSE(outcome.has_value());
  const auto code = outcome.error().code();
  CHECK((code == errc::unavailable || code == errc::outcome_unknown));
}
