#include "conformance/event_store_conformance.hpp"

#include "support/commits.hpp"
#include "support/store_calls.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <future>
#include <string>
#include <thread>
#include <vector>

namespace aether::testing {

namespace {

/// Appends `count` commits of `events` events each; @returns them as they must be read back.
std::vector<recorded_commit> fill(event_store& store, const actor_address& actor, std::size_t count,
                                  std::size_t events = 1) {
  std::vector<recorded_commit> written;
  log_position end;
  for (std::size_t i = 0; i < count; ++i) {
    commit next = commit_after(end, events);
    const auto stored = append(store, actor, end, next);
    REQUIRE(stored.has_value());
    end = *stored;
    written.push_back({std::move(next), end.sequence});
  }
  return written;
}

bool same(const std::vector<recorded_commit>& read, std::span<const recorded_commit> written) {
  return std::ranges::equal(read, written, [](const auto& a, const auto& b) {
    return a.commit == b.commit && a.sequence == b.sequence;
  });
}

template <class T>
void check_error(const result<T>& outcome, errc code) {
  REQUIRE_FALSE(outcome.has_value());
  CHECK(to_string(outcome.error().code()) == to_string(code));
}

void an_empty_history_has_no_latest_and_reads_empty(event_store& store) {
  const auto actor = address("kit_empty", "nobody");
  const auto newest = latest(store, actor);
  REQUIRE(newest.has_value());
  CHECK_FALSE(newest->has_value());
  const auto all = read(store, actor);
  REQUIRE(all.has_value());
  CHECK(all->empty());
}

void a_commit_is_read_back_as_it_was_appended(event_store& store) {
  const auto actor = address("kit_round", "trip");
  commit rich = commit_after({}, 3);
  rich.events.push_back({"test.empty", {}});
  rich.events.push_back({"test.foreign", {std::byte{0xc1}, std::byte{0}}});
  rich.commands.push_back({command_id::make(), 2, "", {}});
  rich.correlation = command_id::make();
  rich.writer = "node-1";
  rich.epoch = writer_epoch{77};
  const auto stored = append(store, actor, {}, rich);
  REQUIRE(stored.has_value());
  CHECK(stored->version == event_version{5});
  const auto all = read(store, actor);
  REQUIRE(all.has_value());
  CHECK(same(*all, std::vector{recorded_commit{rich, stored->sequence}}));
}

void latest_is_the_newest_commit(event_store& store) {
  const auto actor = address("kit_latest", "a");
  const auto written = fill(store, actor, 5, 2);
  const auto newest = latest(store, actor);
  REQUIRE((newest.has_value() && newest->has_value()));
  CHECK((*newest)->commit == written.back().commit);
  CHECK((*newest)->position() == written.back().position());
}

void an_append_after_anything_but_the_end_is_a_conflict(event_store& store) {
  const auto actor = address("kit_conflict", "a");
  const auto written = fill(store, actor, 3);
  for (const log_position& stale : {log_position{}, written[0].position(), written[1].position()}) {
    check_error(append(store, actor, stale, commit_after(stale)), errc::version_conflict);
  }
  const auto all = read(store, actor);
  REQUIRE(all.has_value());
  CHECK(same(*all, written));
}

void a_retried_commit_is_stored_once(event_store& store) {
  const auto actor = address("kit_retry", "a");
  const commit first = commit_after({});
  const auto stored = append(store, actor, {}, first);
  REQUIRE(stored.has_value());
  CHECK(append(store, actor, {}, first) == stored);
  const commit second = commit_after(*stored);
  REQUIRE(append(store, actor, *stored, second).has_value());
  CHECK(append(store, actor, {}, first) == stored);
  const auto all = read(store, actor);
  REQUIRE(all.has_value());
  CHECK(all->size() == 2);
}

void an_end_that_the_log_never_reached_is_reported(event_store& store) {
  const auto actor = address("kit_regressed", "a");
  const auto written = fill(store, actor, 1);
  const log_position beyond{event_version{5}, stream_sequence{1'000'000'000}};
  check_error(append(store, actor, beyond, commit_after(beyond)), errc::stream_regressed);
  const auto all = read(store, actor);
  REQUIRE(all.has_value());
  CHECK(same(*all, written));
}

void of_two_writers_that_race_exactly_one_wins(event_store& store) {
  const auto actor = address("kit_race", "a");
  constexpr int rounds = 100;
  log_position end;
  for (int round = 0; round < rounds; ++round) {
    const auto attempt = [&] { return append(store, actor, end, commit_after(end)); };
    auto other = std::async(std::launch::async, attempt);
    const auto mine = attempt(), theirs = other.get();
    REQUIRE(mine.has_value() != theirs.has_value());
    check_error(mine ? theirs : mine, errc::version_conflict);
    end = mine ? *mine : *theirs;
  }
  const auto all = read(store, actor);
  REQUIRE(all.has_value());
  CHECK(all->size() == rounds);
}

void what_is_over_a_limit_is_refused_and_not_stored(event_store& store) {
  const auto actor = address("kit_limits", "a");
  commit none = commit_after({});
  none.events.clear();
  none.commands.clear();
  check_error(append(store, actor, {}, none), errc::invalid_argument);
  check_error(append(store, actor, {}, commit_after({}, 257)), errc::commit_too_large);
  check_error(append(store, actor, {}, commit_after({}, 2, 500'000)), errc::commit_too_large);
  check_error(append(store, actor, {}, commit_after({event_version{1}, stream_sequence{1}})),
              errc::invalid_argument);
  const auto all = read(store, actor);
  REQUIRE(all.has_value());
  CHECK(all->empty());
}

void what_is_just_below_a_limit_is_stored(event_store& store) {
  const auto actor = address("kit_limits", "b");
  const auto most = append(store, actor, {}, commit_after({}, 256));
  REQUIRE(most.has_value());
  REQUIRE(append(store, actor, *most, commit_after(*most, 2, 499'000)).has_value());
  const auto all = read(store, actor);
  REQUIRE(all.has_value());
  CHECK(all->size() == 2);
}

void ids_with_any_characters_have_histories_of_their_own(event_store& store) {
  const std::vector<std::string> ids{"a.b",
                                     "a",
                                     "*",
                                     ">",
                                     "a b",
                                     "a\r\nb",
                                     "=2E",
                                     "ünïcødé \U0001F600",
                                     "$JS.API",
                                     std::string(255, '.'),
                                     std::string{"\0x", 2}};
  for (const auto& id : ids) {
    const commit next = commit_after({});
    REQUIRE(append(store, address("kit_ids", id), {}, next).has_value());
    const auto newest = latest(store, address("kit_ids", id));
    REQUIRE((newest.has_value() && newest->has_value()));
    CHECK((*newest)->commit == next);
  }
}

void reading_may_begin_inside_a_commit(event_store& store) {
  const auto actor = address("kit_middle", "a");
  const auto written = fill(store, actor, 4, 3);  // versions 1-3, 4-6, 7-9, 10-12
  const std::span all{written};
  CHECK(same(read(store, actor, 5).value(), all.subspan(1)));
  CHECK(same(read(store, actor, 6).value(), all.subspan(1)));
  CHECK(same(read(store, actor, 7).value(), all.subspan(2)));
  CHECK(same(read(store, actor, 7, written[1].sequence).value(), all.subspan(2)));
  CHECK(same(read(store, actor, 8, written[2].sequence).value(), all.subspan(2)));
  CHECK(same(read(store, actor, 5, {}, 2).value(), all.subspan(1, 2)));
  CHECK(read(store, actor, 13).value().empty());
  CHECK(read(store, actor, 13, written[3].sequence).value().empty());
  CHECK(read(store, actor, 1, {}, 0).value().empty());
}

void a_long_history_is_read_whole_or_in_pages(event_store& store) {
  const auto actor = address("kit_long", "a");
  const auto written = fill(store, actor, 1'000);
  const std::span all{written};
  CHECK(same(read(store, actor, 1, {}, 5'000).value(), all));
  CHECK(same(read(store, actor, 1, {}, 1'000).value(), all));
  CHECK(same(read(store, actor, 1, {}, 300).value(), all.first(300)));
  const auto page = read(store, actor, 301, written[299].sequence, 300);
  CHECK(same(page.value(), all.subspan(300, 300)));
}

void many_actors_append_at_once(event_store& store) {
  constexpr int actors = 10'000;
  std::vector<std::future<result<log_position>>> answers;
  std::vector<commit> commits;
  for (int i = 0; i < actors; ++i) {
    commits.push_back(commit_after({}));
    answers.push_back(
        append_soon(store, address("kit_many", std::to_string(i)), {}, commits.back()));
  }
  int stored = 0;
  for (auto& answer : answers) stored += answer.get().has_value() ? 1 : 0;
  CHECK(stored == actors);
  for (std::size_t i = 0; i < actors; i += 997) {
    const auto newest = latest(store, address("kit_many", std::to_string(i)));
    REQUIRE((newest.has_value() && newest->has_value()));
    CHECK((*newest)->commit == commits[i]);
  }
}

snapshot snapshot_at(std::uint64_t version) {
  return {{event_version{version}, stream_sequence{version * 10}},
          "test.total",
          2,
          encode(total{static_cast<std::int64_t>(version)}),
          encode(counted{1, "window"})};
}

void a_snapshot_is_loaded_as_it_was_saved_and_replaced(snapshot_store& store) {
  const auto actor = address("kit_snapshot", "a.*");
  REQUIRE(save(store, actor, snapshot_at(10)).has_value());
  CHECK(load(store, actor).value() == snapshot_at(10));
  REQUIRE(save(store, actor, snapshot_at(20)).has_value());
  CHECK(load(store, actor).value() == snapshot_at(20));
}

void another_actors_snapshot_is_not_seen(snapshot_store& store) {
  REQUIRE(save(store, address("kit_apart", "a"), snapshot_at(10)).has_value());
  CHECK_FALSE(load(store, address("kit_apart", "b")).value().has_value());
  CHECK_FALSE(load(store, address("kit_other", "a")).value().has_value());
}

void a_snapshot_over_a_limit_is_refused(snapshot_store& store) {
  auto large = snapshot_at(10);
  large.state = encode(counted{1, std::string(1'100'000, 'x')});
  check_error(save(store, address("kit_large", "a"), large), errc::commit_too_large);
  CHECK_FALSE(load(store, address("kit_large", "a")).value().has_value());
  check_error(save(store, address("kit_large", "a"), snapshot{}), errc::invalid_argument);
}

#define AETHER_CHECK(function) \
  { #function, &function }

constexpr event_store_check event_checks[]{
    AETHER_CHECK(an_empty_history_has_no_latest_and_reads_empty),
    AETHER_CHECK(a_commit_is_read_back_as_it_was_appended),
    AETHER_CHECK(latest_is_the_newest_commit),
    AETHER_CHECK(an_append_after_anything_but_the_end_is_a_conflict),
    AETHER_CHECK(a_retried_commit_is_stored_once),
    AETHER_CHECK(an_end_that_the_log_never_reached_is_reported),
    AETHER_CHECK(of_two_writers_that_race_exactly_one_wins),
    AETHER_CHECK(what_is_over_a_limit_is_refused_and_not_stored),
    AETHER_CHECK(what_is_just_below_a_limit_is_stored),
    AETHER_CHECK(ids_with_any_characters_have_histories_of_their_own),
    AETHER_CHECK(reading_may_begin_inside_a_commit),
    AETHER_CHECK(a_long_history_is_read_whole_or_in_pages),
    AETHER_CHECK(many_actors_append_at_once),
};

constexpr snapshot_store_check snapshot_checks[]{
    AETHER_CHECK(a_snapshot_is_loaded_as_it_was_saved_and_replaced),
    AETHER_CHECK(another_actors_snapshot_is_not_seen),
    AETHER_CHECK(a_snapshot_over_a_limit_is_refused),
};

#undef AETHER_CHECK

}  // namespace

std::span<const event_store_check> event_store_checks() { return event_checks; }
std::span<const snapshot_store_check> snapshot_store_checks() { return snapshot_checks; }

}  // namespace aether::testing
