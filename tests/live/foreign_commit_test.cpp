#include "support/history_bench.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

using namespace aether;
using namespace std::chrono_literals;
using testing::deposit_after;
using testing::headers_of;
using testing::history_bench;
using testing::read;

const actor_address victim = history_bench::account("victim");
const actor_address other = history_bench::account("other");

bool names_place(const error& why, history_bench& with, std::uint64_t sequence,
                 event_version version) {
  const auto says = [&](const std::string& what) {
    return why.text().find(what) != std::string::npos;
  };
  return says(with.stream_of(victim)) && says(with.subject_of(victim)) &&
         says("stream sequence " + std::to_string(sequence)) &&
         says("version " + std::to_string(version.value()));
}

/// What is stored at `sequence`, where `version` should be, is no commit of this history: reads and
/// the actor say so.
void check_refused(history_bench& with, std::uint64_t sequence, event_version version) {
  const auto history = read(*with.events, victim);
  CHECK_FALSE(history.has_value());
  if (!history) {
    CAPTURE(history.error().message());
    CHECK(history.error().code() == errc::corrupt_history);
    CHECK(names_place(history.error(), with, sequence, version));
  }
  const auto host = with.host();
  const auto answer = history_bench::ask(*host, "victim");
  CHECK_FALSE(answer.has_value());
  if (!answer) CHECK(answer.error().code() == errc::quarantined);
}

commit tail_of(history_bench& with, const actor_address& of) {
  const auto newest = testing::latest(*with.events, of);
  REQUIRE(newest.has_value());
  REQUIRE(newest->has_value());
  return (*newest)->commit;
}

event_version after(const log_position& end) { return event_version{end.version.value() + 1}; }

}  // namespace

TEST_CASE("tampered stream: another actor's commit is not taken for one of this actor's") {
  history_bench with;
  const auto end = with.deposits(victim, 3);
  with.deposits(other, 4);
  const auto theirs = tail_of(with, other);
  const commit_frame as{.owner = owner_mark(with.names.name(), other), .previous = {}};
  SUBCASE("as the tail") { check_refused(with, with.put(victim, theirs, as), after(end)); }
  SUBCASE("in the middle") {
    const auto at = with.put(victim, theirs, as);
    with.put(victim, deposit_after({after(end), end.sequence}));
    check_refused(with, at, after(end));
  }
}

TEST_CASE("tampered stream: another namespace's commit is not taken for one of this namespace's") {
  history_bench with;
  const auto end = with.deposits(victim, 3);
  const subjects elsewhere{with.names.name(), namespace_name::parse("elsewhere").value()};
  REQUIRE(create_streams(*with.connection, elsewhere, with.layout).has_value());
  jetstream_event_store store{with.connection, elsewhere, with.layout, with.timing};
  log_position theirs;
  for (int i = 0; i < 4; ++i) {
    const auto stored = testing::append(store, victim, theirs, deposit_after(theirs));
    REQUIRE(stored.has_value());
    theirs = *stored;
  }
  const auto copied = testing::latest(store, victim).value().value().commit;
  const commit_frame as{.owner = owner_mark(elsewhere.name(), victim), .previous = {}};
  check_refused(with, with.put(victim, copied, as), after(end));
}

TEST_CASE("tampered stream: a commit that follows another than the one before it is refused") {
  history_bench with;
  const auto end = with.deposits(victim, 3);
  const commit_frame as{.owner = 0, .previous = commit_id::make()};
  const auto at = with.put(victim, deposit_after(end), as);
  with.put(victim, deposit_after({after(end), stream_sequence{at}}));
  check_refused(with, at, after(end));
}

TEST_CASE("tampered stream: a version repeated after a snapshot quarantines the actor") {
  history_bench with;
  {
    const auto host = with.host();
    for (int i = 0; i < 3; ++i) REQUIRE(history_bench::deposit(*host, "victim").has_value());
    REQUIRE(host->stop(10s));  // and leaves a snapshot
  }
  REQUIRE(testing::load(*with.snapshots, victim).value().has_value());
  commit repeated = tail_of(with, victim);
  repeated.id = commit_id::make();
  with.put(victim, repeated);
  const auto host = with.host();
  const auto answer = host->actor<bank::account>("victim").ask(bank::deposit{1}, 2s).get();
  REQUIRE_FALSE(answer.has_value());
  CAPTURE(answer.error().message());
  CHECK(answer.error().code() == errc::quarantined);
  CHECK(host->stats().conflicts < 10);
}
