#include "support/await.hpp"
#include "support/history_bench.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

using namespace aether;
using namespace std::chrono_literals;
using testing::append;
using testing::commit_after;
using testing::deposit_after;
using testing::history_bench;
using testing::latest;
using testing::read;
using testing::read_shards;

const std::string id = "victim";
const actor_address victim = history_bench::account(id);

/// Exchanges the store, or one stream of it, for what it was at `back_up`.
void restore(history_bench& with, const std::string& stream = {}) {
  with.server.stop();
  with.server.restore(stream);
  with.server.restart();
  REQUIRE(testing_support::await([&] { return with.connection->connected(); }));
}

void back_up(history_bench& with) {
  with.server.stop();
  with.server.back_up();
  with.server.restart();
  REQUIRE(testing_support::await([&] { return with.connection->connected(); }));
}

/// The histories of other actors in the victim's stream grow by `count` commits, by somebody who
/// was told nothing.
void others_grow(history_bench& with, std::size_t count) {
  for (std::size_t i = 0, done = 0; done < count; ++i) {
    const auto other = history_bench::account("other-" + std::to_string(i));
    if (with.stream_of(other) != with.stream_of(victim)) continue;
    jetstream_event_store theirs{with.connection, with.names, with.layout, with.timing};
    const auto before = latest(theirs, other);
    REQUIRE(before.has_value());
    const auto end = *before ? (*before)->position() : log_position{};
    REQUIRE(append(theirs, other, end, deposit_after(end)).has_value());
    ++done;
  }
}

/// The writer who was told `end` is told that it is gone, and nothing is stored.
void check_regressed(history_bench& with, const log_position& end) {
  const auto before = with.messages(victim).size();
  const auto late = append(*with.events, victim, end, deposit_after(end));
  REQUIRE_FALSE(late.has_value());
  CAPTURE(late.error().message());
  CHECK(late.error().code() == errc::stream_regressed);
  CHECK(late.error().text().find(with.stream_of(victim)) != std::string::npos);
  CHECK(late.error().text().find(with.subject_of(victim)) != std::string::npos);
  CHECK(with.messages(victim).size() == before);
}

/// An actor in another stream.
std::string elsewhere(const history_bench& with) {
  std::string other = "neighbour";
  while (with.stream_of(history_bench::account(other)) == with.stream_of(victim)) other += "+";
  return other;
}

/// A log that is known to be another one is not handed out by its shards either, others are.
void check_shards_refused(history_bench& with) {
  const auto shard = shard_of(victim, with.layout.shards);
  const auto refused = read_shards(*with.events, shard);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code() == errc::stream_regressed);
  CHECK(refused.error().text().find(with.stream_of(victim)) != std::string::npos);
  const auto other = history_bench::account(elsewhere(with));
  CHECK(read_shards(*with.events, shard_of(other, with.layout.shards)).has_value());
}

void check_quarantined(history_bench& with, actor_host& host) {
  const auto before = with.messages(victim).size();
  for (const auto& answer : {history_bench::ask(host, id), history_bench::deposit(host, id)}) {
    REQUIRE_FALSE(answer.has_value());
    CAPTURE(answer.error().message());
    CHECK(answer.error().code() == errc::quarantined);
    CHECK(answer.error().text().find("stream_regressed") != std::string::npos);
  }
  CHECK(history_bench::deposit(host, elsewhere(with)).has_value());
  CHECK(with.messages(victim).size() == before);
}

}  // namespace

TEST_CASE("regressed stream: who was told more than a restored log has stores nothing more") {
  history_bench with;
  const auto kept = with.deposits(victim, 2);
  back_up(with);
  const auto end = with.deposits(victim, 3, kept);
  restore(with);
  CHECK(with.messages(victim).size() == 2);
  check_regressed(with, end);
  check_shards_refused(with);
  SUBCASE("and also where others took the sequences that it was told") {
    others_grow(with, 6);
    check_regressed(with, end);
  }
  SUBCASE("and also where its next one would have the sequence that the old one had") {
    others_grow(with, 3);
    check_regressed(with, end);
  }
  SUBCASE("and who knows what is there goes on") {
    with.forget();
    with.deposits(victim, 1, kept);
    CHECK(read_shards(*with.events, shard_of(victim, with.layout.shards)).has_value());
  }
}

TEST_CASE("regressed stream: where another history took the place, nothing is stored over it") {
  history_bench with;
  const auto kept = with.deposits(victim, 2);
  back_up(with);
  const auto end = with.deposits(victim, 3, kept);
  restore(with);
  others_grow(with, 5);
  check_regressed(with, end);
  // A store that was told nothing, as after a restart of the node.
  with.forget();
  const auto other = with.deposits(victim, 4, kept);
  REQUIRE(other.sequence > end.sequence);
  const auto late = append(*with.events, victim, end, deposit_after(end));
  REQUIRE_FALSE(late.has_value());
  CHECK(late.error().code() == errc::version_conflict);
  CHECK(with.messages(victim).size() == 6);
}

TEST_CASE("regressed stream: a stream that is deleted and made anew has lost what was told") {
  history_bench with;
  const auto end = with.deposits(victim, 3);
  const auto stream = with.stream_of(victim);
  REQUIRE(testing_support::stream_request(*with.connection, "DELETE." + stream, nullptr));
  SUBCASE("while it is empty") { with.create(); }
  SUBCASE("while others write to it") {
    with.create();
    others_grow(with, 2);
  }
  SUBCASE("while others wrote to it beyond what was told") {
    with.create();
    others_grow(with, 5);
  }
  check_regressed(with, end);
  others_grow(with, 4);
  check_regressed(with, end);
  with.forget();  // who knows of nothing
  CHECK(with.deposits(victim, 1).version == event_version{1});
}

TEST_CASE("regressed stream: a lost tail is not written over by who wrote it") {
  history_bench with;
  const auto stream = with.stream_of(victim);
  const auto info = testing_support::stream_request(*with.connection, "INFO." + stream, nullptr);
  REQUIRE(info.has_value());
  auto config = (*info)["config"];
  config["deny_delete"] = false;  // only so that this test can cut the tail off
  REQUIRE(testing_support::stream_request(*with.connection, "DELETE." + stream, nullptr));
  REQUIRE(testing_support::stream_request(*with.connection, "CREATE." + stream, config));
  const auto end = with.deposits(victim, 3);
  testing_support::delete_by_hand(*with.connection, stream, end.sequence.value());
  check_regressed(with, end);
}

TEST_CASE("regressed stream: an actor whose snapshot is ahead of the log is quarantined") {
  history_bench with;
  const auto kept = with.deposits(victim, 2);
  back_up(with);
  with.deposits(victim, 3, kept);
  {
    const auto host = with.host();
    CHECK(history_bench::ask(*host, id)->cents == 5);
    REQUIRE(history_bench::deposit(*host, id)->cents == 6);
    REQUIRE(host->stop(10s));  // and leaves a snapshot
  }
  REQUIRE(testing::load(*with.snapshots, victim).value().has_value());
  restore(with, with.stream_of(victim));
  with.forget();
  const auto host = with.host();
  check_quarantined(with, *host);
  others_grow(with, 6);
  check_quarantined(with, *host);
  check_quarantined(with, *with.host());
}

TEST_CASE("regressed stream: an actor in memory that is ahead of the log is quarantined") {
  history_bench with;
  const auto kept = with.deposits(victim, 2);
  back_up(with);
  with.deposits(victim, 3, kept);
  const auto host = with.host();
  REQUIRE(history_bench::ask(*host, id)->cents == 5);
  restore(with, with.stream_of(victim));
  const auto answer = history_bench::deposit(*host, id);
  REQUIRE_FALSE(answer.has_value());
  CHECK(answer.error().code() == errc::stream_regressed);
  CHECK(with.messages(victim).size() == 2);
  check_quarantined(with, *host);
}
