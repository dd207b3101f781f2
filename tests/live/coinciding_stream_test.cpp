#include "support/await.hpp"
#include "support/history_bench.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <string>

namespace {

using namespace aether;
using namespace std::chrono_literals;
using testing::append;
using testing::deposit_after;
using testing::history_bench;
using testing::read;

const std::string id = "victim";
const actor_address victim = history_bench::account(id);
/// Where the shared part of both histories ends, and how many commits the lost one had beyond.
constexpr std::size_t shared = 2, lost = 3;

void stop_and(history_bench& with, const std::function<void()>& exchange) {
  with.server.stop();
  exchange();
  with.server.restart();
  REQUIRE(testing_support::await([&] { return with.connection->connected(); }));
}

/// Stores `count` commits of `events` deposits of 100 each: a history that differs from the lost
/// one in every balance. By somebody else, who was told nothing of the lost one.
log_position grows(history_bench& with, log_position end, std::size_t count,
                   std::size_t events = 1) {
  jetstream_event_store elsewhere{with.connection, with.names, with.layout, with.timing};
  for (std::size_t i = 0; i < count; ++i) {
    auto next = deposit_after(end, 100);
    next.events.resize(events, next.events.front());
    const auto stored = append(elsewhere, victim, end, std::move(next));
    REQUIRE_MESSAGE(stored.has_value(), stored.error().message());
    end = *stored;
  }
  return end;
}

/// The stream was restored to what it was after `kept`; somebody had been told `end`.
struct restored {
  restored() {
    kept = with.deposits(victim, shared);
    stop_and(with, [this] { with.server.back_up(); });
    end = with.deposits(victim, lost, kept);
  }
  void restore() {
    stop_and(with, [this] { with.server.restore(with.stream_of(victim)); });
    REQUIRE(with.messages(victim).size() == shared);
  }
  /// Leaves a snapshot of the history that will be lost.
  void snapshot() {
    const auto host = with.host();
    REQUIRE(history_bench::ask(*host, id)->cents == shared + lost);
    REQUIRE(history_bench::deposit(*host, id).has_value());
    REQUIRE(host->stop(10s));
    REQUIRE(testing::load(*with.snapshots, victim).value().has_value());
  }
  history_bench with;
  log_position kept, end;
};

/// Nothing is stored by who knows another history than the one that is there.
void check_refused(history_bench& with, const log_position& end) {
  const auto before = with.messages(victim).size();
  const auto late = append(*with.events, victim, end, deposit_after(end));
  CHECK_FALSE(late.has_value());
  if (!late) {
    const auto code = late.error().code();
    CHECK((code == errc::stream_regressed || code == errc::version_conflict));
  }
  CHECK(with.messages(victim).size() == before);
  CHECK(read(*with.events, victim).has_value());
}

/// The actor is quarantined, or it answers from the log; never from a history that is lost.
void check_answer(const result<bank::balance>& answer, std::int64_t in_log) {
  if (answer) {
    CHECK(answer->cents == in_log);
  } else {
    CAPTURE(answer.error().message());
    const auto code = answer.error().code();
    CHECK((code == errc::quarantined || code == errc::stream_regressed));
  }
}

}  // namespace

TEST_CASE("regressed stream: a sequence and version that came again are no licence to append") {
  restored log;
  log.restore();
  const auto again = grows(log.with, log.kept, lost);
  REQUIRE(again == log.end);
  check_refused(log.with, log.end);
}

TEST_CASE("regressed stream: a sequence that came again with another version is none either") {
  restored log;
  log.restore();
  const auto again = grows(log.with, log.kept, lost, 2);
  REQUIRE(again.sequence == log.end.sequence);
  check_refused(log.with, log.end);
}

TEST_CASE("regressed stream: nor is one that came again in a stream that was made anew") {
  history_bench with;
  with.timing.stream_check = 0ms;  // else it may be trusted for a second more
  with.forget();
  const auto end = with.deposits(victim, shared + lost);
  REQUIRE(testing_support::stream_request(*with.connection, "DELETE." + with.stream_of(victim),
                                          nullptr));
  with.create();
  REQUIRE(grows(with, {}, shared + lost) == end);
  check_refused(with, end);
}

TEST_CASE("regressed stream: an actor in memory does not go on where another history coincides") {
  restored log;
  const auto host = log.with.host();
  REQUIRE(history_bench::ask(*host, id)->cents == shared + lost);
  log.restore();
  REQUIRE(grows(log.with, log.kept, lost) == log.end);
  check_answer(history_bench::deposit(*host, id), shared + 100 * lost + 1);
}

TEST_CASE("regressed stream: a snapshot of a lost history is not taken where versions coincide") {
  restored log;
  log.snapshot();
  log.restore();
  SUBCASE("and sequences too") { grows(log.with, log.kept, lost + 1); }
  SUBCASE("at other sequences") {
    const std::string neighbour = "neighbour-in-the-same-stream";
    jetstream_event_store elsewhere{log.with.connection, log.with.names, log.with.layout};
    for (int i = 0; i < 40; ++i)
      REQUIRE(append(elsewhere, history_bench::account(neighbour + std::to_string(i)), {},
                     deposit_after({}))
                  .has_value());
    grows(log.with, log.kept, lost + 1);
  }
  SUBCASE("and the history goes on beyond") { grows(log.with, log.kept, lost + 3); }
  const auto history = read(*log.with.events, victim);
  REQUIRE(history.has_value());
  const auto in_log = static_cast<std::int64_t>(shared + 100 * (history->size() - shared));
  const auto host = log.with.host();
  check_answer(history_bench::ask(*host, id), in_log);
}
