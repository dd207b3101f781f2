#include "support/await.hpp"
#include "support/history_bench.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace aether;
using namespace std::chrono_literals;
using testing::append;
using testing::commit_after;
using testing::deposit_after;
using testing::headers_of;
using testing::history_bench;
using testing::read;

/// Where a history is broken, and what an error about it says.
struct breach {
  std::uint64_t sequence = 0;
  /// The version that is missing; none where what is there says none.
  std::optional<std::uint64_t> version = {};
};

/// Breaks the history of `victim`, which ends at `end`, in one way.
using tampering =
    std::function<breach(history_bench&, const actor_address& victim, const log_position& end)>;

struct case_of_tampering {
  const char* name;
  tampering tamper;
};

breach foreign_message(history_bench& with, const actor_address& victim, const log_position&) {
  const auto at = testing_support::store_by_hand(*with.connection, with.subject_of(victim),
                                                 as_bytes_view("what somebody else sent"));
  return {at};
}

breach foreign_message_inside(history_bench& with, const actor_address& victim,
                              const log_position& end) {
  const auto broken = foreign_message(with, victim, end);
  with.put(victim, deposit_after(end));
  return broken;
}

breach cut_short(history_bench& with, const actor_address& victim, const log_position& end) {
  const auto whole = deposit_after(end);
  auto payload = encode_commit(whole);
  payload.resize(payload.size() / 2);
  return {testing_support::store_by_hand(*with.connection, with.subject_of(victim), payload,
                                         headers_of(whole))};
}

breach gap(history_bench& with, const actor_address& victim, const log_position& end) {
  const log_position beyond{event_version{end.version.value() + 2}, end.sequence};
  return {with.put(victim, deposit_after(beyond)), end.version.value() + 1};
}

breach repeat(history_bench& with, const actor_address& victim, const log_position& end) {
  const log_position before{event_version{end.version.value() - 1}, end.sequence};
  return {with.put(victim, deposit_after(before)), end.version.value() + 1};
}

breach repeat_inside(history_bench& with, const actor_address& victim, const log_position& end) {
  const auto broken = repeat(with, victim, end);
  with.put(victim, deposit_after(end));
  return broken;
}

breach same_commit_twice(history_bench& with, const actor_address& victim,
                         const log_position& end) {
  const auto history = read(*with.events, victim);
  REQUIRE(history.has_value());
  return {with.put(victim, history->back().commit), end.version.value() + 1};
}

breach first_again(history_bench& with, const actor_address& victim, const log_position& end) {
  return {with.put(victim, deposit_after({})), end.version.value() + 1};
}

/// A stored message, as it is, once more: everything in it is true, but for its place.
breach copied_message(history_bench& with, const actor_address& victim, const log_position& end) {
  const auto copied = with.messages(victim).at(1);
  const auto at = testing_support::store_by_hand(*with.connection, with.subject_of(victim),
                                                 copied.payload, headers_of(deposit_after(end)));
  return {at, end.version.value() + 1};
}

const std::vector<case_of_tampering> tamperings = {
    {"a foreign message as the tail", foreign_message},
    {"a foreign message in the middle", foreign_message_inside},
    {"a commit cut short", cut_short},
    {"a forged version that leaves a gap", gap},
    {"a forged version that repeats one", repeat},
    {"a repeated version in the middle", repeat_inside},
    {"the same commit twice", same_commit_twice},
    {"the first version again, as the tail", first_again},
    {"a copy of an earlier message, as the tail", copied_message},
};

/// The error names stream, subject, sequence and version.
void check_names(const error& why, history_bench& with, const actor_address& victim,
                 const breach& broken) {
  CAPTURE(why.message());
  const auto says = [&why](const std::string& what) {
    return why.text().find(what) != why.text().npos;
  };
  CHECK(says(with.stream_of(victim)));
  CHECK(says(with.subject_of(victim)));
  CHECK(says("stream sequence " + std::to_string(broken.sequence)));
  if (broken.version) CHECK(says("version " + std::to_string(*broken.version)));
}

void check_reads_refused(history_bench& with, const actor_address& victim, const breach& broken) {
  for (const std::uint64_t from : {1, 2, 4}) {
    const auto history = read(*with.events, victim, from);
    REQUIRE_FALSE(history.has_value());
    CHECK(history.error().code() == errc::corrupt_history);
    check_names(history.error(), with, victim, broken);
  }
}

/// A writer who knows the history as it was before writes nothing over what came instead.
void check_append_refused(history_bench& with, const actor_address& victim,
                          const log_position& end) {
  const auto before = with.messages(victim).size();
  const auto late = append(*with.events, victim, end, commit_after(end));
  REQUIRE_FALSE(late.has_value());
  CHECK(late.error().code() == errc::version_conflict);
  CHECK(with.messages(victim).size() == before);
}

/// The actor answers nothing but the place of the damage; its neighbours, one of them in the same
/// stream, notice nothing.
void check_quarantined(history_bench& with, const std::string& victim, const breach& broken) {
  const auto before = with.messages(history_bench::account(victim)).size();
  const auto host = with.host();
  for (const auto& answer :
       {history_bench::ask(*host, victim), history_bench::deposit(*host, victim)}) {
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().code() == errc::quarantined);
    check_names(answer.error(), with, history_bench::account(victim), broken);
  }
  for (int i = 0; i < 20; ++i) {
    const auto neighbour = "neighbour-" + std::to_string(i);
    CHECK(history_bench::deposit(*host, neighbour)->cents == 1);
    CHECK(history_bench::ask(*host, neighbour)->cents == 1);
  }
  CHECK(host->stats().quarantines == 1);
  CHECK(with.messages(history_bench::account(victim)).size() == before);
}

/// Reading backwards trusts the tail no more than reading forwards.
void check_newest_refused(history_bench& with, const actor_address& victim, const breach& broken) {
  const auto newest = testing::history(*with.events, victim, {.limit = 1, .newest_first = true});
  REQUIRE_FALSE(newest.has_value());
  CHECK(newest.error().code() == errc::corrupt_history);
  check_names(newest.error(), with, victim, broken);
}

void check_detected(history_bench& with, const std::string& id, const tampering& tamper) {
  const auto victim = history_bench::account(id);
  const auto end = with.chained_deposits(victim, 3);
  const auto broken = tamper(with, victim, end);
  check_reads_refused(with, victim, broken);
  check_newest_refused(with, victim, broken);
  check_append_refused(with, victim, end);
  check_quarantined(with, id, broken);
}

}  // namespace

TEST_CASE("tampered stream: a history that was tampered with is refused with its place") {
  for (const auto& [name, tamper] : tamperings) {
    CAPTURE(name);
    history_bench with;
    check_detected(with, "victim", tamper);
  }
}

TEST_CASE("tampered stream: a tail that lies about its version rolls no actor back to a snapshot") {
  history_bench with;
  const auto victim = history_bench::account("victim");
  std::uint64_t claimed = 0;
  SUBCASE("the version of the snapshot") { claimed = 3; }
  SUBCASE("the one after the snapshot") { claimed = 4; }
  SUBCASE("one before the snapshot") { claimed = 1; }
  const auto covered = with.chained_deposits(victim, 3);
  const snapshot taken{
      covered, std::string{bank::balance::aether_wire_name}, 1, encode(bank::balance{3}), {}};
  REQUIRE(testing::save(*with.snapshots, victim, taken).has_value());
  with.chained_deposits(victim, 2, covered);
  const auto at = with.put(victim, deposit_after({event_version{claimed - 1}, stream_sequence{1}}));
  check_quarantined(with, "victim", {at, 6});
}

TEST_CASE("tampered stream: warming up hides nothing of what was tampered with") {
  for (const auto& [name, tamper] : tamperings) {
    CAPTURE(name);
    history_bench with;
    const auto victim = history_bench::account("victim");
    const auto broken = tamper(with, victim, with.chained_deposits(victim, 3));
    const auto host = with.host();
    std::promise<result<std::size_t>> woken;
    host->warm_up({{shard_id{0}, with.layout.shards}},
                  [&](result<std::size_t> some) { woken.set_value(std::move(some)); });
    CHECK(woken.get_future().get() == result<std::size_t>{1});
    const auto answer = history_bench::ask(*host, "victim");
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().code() == errc::quarantined);
    check_names(answer.error(), with, victim, broken);
  }
}

TEST_CASE("tampered stream: back-pointers that lead astray cost time, and nothing else") {
  history_bench with;
  const auto victim = history_bench::account("victim");
  const auto end = with.chained_deposits(victim, 3);
  auto astray = deposit_after(end);
  SUBCASE("later than the commit") { astray.back_pointers = {stream_sequence{1'000'000}}; }
  SUBCASE("the commit itself") {
    astray.back_pointers = {stream_sequence{end.sequence.value() + 1}};
  }
  with.put(victim, astray);
  const auto host = with.host();
  CHECK(history_bench::ask(*host, "victim")->cents == 4);
  CHECK(history_bench::deposit(*host, "victim")->cents == 5);
  CHECK(read(*with.events, victim)->size() == 5);
}

TEST_CASE("tampered stream: a commit deleted in the middle is missed by version and place") {
  history_bench with;
  const auto victim = history_bench::account("victim");
  const auto stream = with.stream_of(victim);
  // Ours cannot be deleted from, and no server lets an operator change that: a stream made so.
  auto info = testing_support::stream_request(*with.connection, "INFO." + stream, nullptr);
  REQUIRE(info.has_value());
  auto config = (*info)["config"];
  const auto first = with.deposits(victim, 1);
  CHECK_THROWS(testing_support::delete_by_hand(*with.connection, stream, first.sequence.value()));
  REQUIRE(testing_support::stream_request(*with.connection, "DELETE." + stream, nullptr));
  config["deny_delete"] = false;
  const auto made = testing_support::stream_request(*with.connection, "CREATE." + stream, config);
  REQUIRE(made.has_value());
  REQUIRE_MESSAGE(!made->contains("error"), made->dump());
  const auto refused = create_streams(*with.connection, with.names, with.layout);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code() == errc::incompatible_cluster);

  with.forget();
  const auto second = with.deposits(victim, 2);
  const auto end = with.deposits(victim, 2, second);
  testing_support::delete_by_hand(*with.connection, stream, second.sequence.value());
  const breach broken{second.sequence.value() + 1, second.version.value()};
  const auto history = read(*with.events, victim);
  REQUIRE_FALSE(history.has_value());
  CHECK(history.error().code() == errc::corrupt_history);
  check_names(history.error(), with, victim, broken);
  check_quarantined(with, "victim", broken);
  // Who holds the whole history may go on; the hole stays where it is.
  with.deposits(victim, 1, end);
  CHECK_FALSE(read(*with.events, victim).has_value());
}
