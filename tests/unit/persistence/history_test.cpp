#include <aether/persistence/history.hpp>
#include <aether/persistence/memory_store.hpp>
#include "support/commits.hpp"
#include "support/counting_store.hpp"
#include "support/store_calls.hpp"

#include <doctest/doctest.h>

using namespace aether;
using namespace std::chrono_literals;

namespace {

using at_time = std::chrono::sys_time<std::chrono::milliseconds>;

/// 40 commits of 1-3 events, a second apart; commit i (from 0) is written at i seconds.
struct filled {
  /// @param pointers as an actor would write them, or none, as the first builds did.
  explicit filled(bool pointers) {
    log_position end;
    std::vector<stream_sequence> before;
    for (std::size_t i = 0; i < 40; ++i) {
      commit next = testing::commit_after(end, 1 + i % 3);
      next.at = at_time{std::chrono::seconds{i}};
      if (pointers && !before.empty())
        next.back_pointers.assign(before.size() > 8 ? before.end() - 8 : before.begin(),
                                  before.end());
      const auto stored = testing::append(store, alice, end, next);
      REQUIRE(stored.has_value());
      end = *stored;
      before.push_back(end.sequence);
      (void)testing::append(store, testing::address("account", "other" + std::to_string(i)), {},
                            testing::commit_after({}));
    }
    last = end.version.value();
  }

  std::vector<std::uint64_t> versions(const history_query& query) {
    const auto part = testing::history(store, alice, query);
    REQUIRE_MESSAGE(part.has_value(), part.error().message());
    more = part->more;
    std::vector<std::uint64_t> found;
    for (const auto& event : part->events) found.push_back(event.version.value());
    return found;
  }

  /// The same, in parts of at most `limit`, each with the hint where the one before ended.
  std::vector<std::uint64_t> versions_by_parts(history_query query, std::size_t limit) {
    query.limit = limit;
    std::vector<std::uint64_t> all;
    do {
      const auto part = testing::history(counted, alice, query);
      REQUIRE_MESSAGE(part.has_value(), part.error().message());
      if (!query.newest_first) CHECK(counted.read_after == query.resume.value());
      more = part->more;
      for (const auto& event : part->events) all.push_back(event.version.value());
      if (!more) break;
      REQUIRE(part->events.size() == limit);
      query.resume = part->events.back().sequence;
      (query.newest_first ? query.to : query.from) =
          event_version{query.newest_first ? all.back() - 1 : all.back() + 1};
    } while (all.size() <= last);
    return all;
  }

  memory_event_store store;
  testing::counting_event_store counted{{std::shared_ptr<void>{}, &store}};
  const actor_address alice = testing::address("account", "alice");
  std::uint64_t last = 0;
  bool more = false;
};

std::vector<std::uint64_t> range(std::uint64_t from, std::uint64_t to) {
  std::vector<std::uint64_t> made;
  for (; from <= to; ++from) made.push_back(from);
  return made;
}

std::vector<std::uint64_t> backwards(std::uint64_t from, std::uint64_t to) {
  auto made = range(from, to);
  std::ranges::reverse(made);
  return made;
}

}  // namespace

TEST_CASE("history: forwards and backwards, whole, in parts, and up to a limit") {
  for (const bool pointers : {true, false}) {
    CAPTURE(pointers);
    filled it{pointers};
    CHECK(it.versions({}) == range(1, it.last));
    CHECK_FALSE(it.more);
    CHECK(it.versions({.newest_first = true}) == backwards(1, it.last));
    CHECK_FALSE(it.more);
    CHECK(it.versions({.from = event_version{5}, .to = event_version{30}}) == range(5, 30));
    CHECK(it.versions({.from = event_version{5}, .to = event_version{30}, .newest_first = true}) ==
          backwards(5, 30));
    CHECK(it.versions({.limit = 7}) == range(1, 7));
    CHECK(it.more);
    CHECK(it.versions({.limit = 7, .newest_first = true}) == backwards(it.last - 6, it.last));
    CHECK(it.more);
    CHECK(it.versions({.limit = it.last}) == range(1, it.last));
    CHECK_FALSE(it.more);
    CHECK(it.versions({.limit = 0}).empty());
    CHECK(it.more);
    CHECK(it.versions({.from = event_version{it.last + 1}}).empty());
    CHECK(it.versions({.from = event_version{9}, .to = event_version{8}}).empty());
  }
}

TEST_CASE("history: read in parts that go on where the one before ended, it is the same") {
  for (const bool pointers : {true, false})
    for (const bool newest_first : {false, true})
      for (const std::size_t limit : {1, 2, 5, 7, 79}) {
        CAPTURE(pointers);
        CAPTURE(newest_first);
        CAPTURE(limit);
        filled it{pointers};
        history_query query{.newest_first = newest_first};
        CHECK(it.versions_by_parts(query, limit) == it.versions(query));
        CHECK_FALSE(it.more);
        CHECK(it.counted.tails == (newest_first ? 1 : 0));  // the hint saves the others
        query.from = event_version{6};
        query.to = event_version{72};
        query.since = at_time{5s};
        query.until = at_time{30s};
        CHECK(it.versions_by_parts(query, limit) == it.versions(query));
      }
}

TEST_CASE("history: a hint that names no commit of the actor does no harm") {
  filled it{true};
  const history_query query{
      .from = event_version{5}, .to = event_version{30}, .newest_first = true};
  for (const std::uint64_t wrong : {2, 1'000}) {
    history_query hinted = query;
    hinted.resume = stream_sequence{wrong};
    CHECK(it.versions(hinted) == backwards(5, 30));
  }
}

TEST_CASE("history: from a time, up to a time") {
  filled it{true};
  // Commits 3, 4 and 5 have 1, 2 and 3 events, after 6 in commits 0 to 2.
  const history_query three{.since = at_time{3s}, .until = at_time{6s}};
  CHECK(it.versions(three) == range(7, 12));
  CHECK(it.versions({.since = at_time{3s}, .until = at_time{6s}, .newest_first = true}) ==
        backwards(7, 12));
  CHECK(it.versions({.since = at_time{2500ms}, .until = at_time{3001ms}}) == range(7, 7));
  CHECK(it.versions({.until = at_time{0s}}).empty());
  CHECK(it.versions({.since = at_time{100s}}).empty());
}

TEST_CASE("history: an event comes with what its commit says of it") {
  memory_event_store store;
  const auto alice = testing::address("account", "alice");
  commit next = testing::commit_after({}, 3);
  next.commands.clear();
  next.commands.push_back({command_id::make(), 1, "", {}});
  next.commands.push_back({command_id::make(), 1, "", {}});
  next.correlation = command_id::make();
  next.writer = "n1";
  const auto stored = testing::append(store, alice, {}, next);
  REQUIRE(stored.has_value());
  const auto part = testing::history(store, alice);
  REQUIRE((part.has_value() && part->events.size() == 3));
  const auto& events = part->events;
  for (std::uint32_t i = 0; i < 3; ++i) {
    CHECK(events[i].id == event_id{next.id, i});
    CHECK(events[i].sequence == stored->sequence);
    CHECK(events[i].event == next.events[i]);
    CHECK(events[i].at == next.at);
    CHECK(events[i].correlation == next.correlation);
    CHECK(events[i].writer == "n1");
  }
  CHECK(events[0].cause == next.commands[0].id);
  CHECK(events[1].cause == next.commands[1].id);
  CHECK(events[2].cause.is_nil());
  CHECK(events[0].id < events[1].id);
  CHECK(events[1].id.str() == next.id.hex() + "-1");
}

TEST_CASE("history: of nobody is empty") {
  memory_event_store store;
  for (const bool newest_first : {false, true}) {
    const auto part = testing::history(store, testing::address("account", "nobody"),
                                       {.newest_first = newest_first});
    REQUIRE(part.has_value());
    CHECK(part->events.empty());
    CHECK_FALSE(part->more);
  }
}

TEST_CASE("history: read with care, skipped events show as such, in every direction") {
  filled it{true};
  REQUIRE(testing::skip(it.store, it.alice, {event_version{4}, event_version{4}, {}, "an incident"})
              .has_value());
  for (const bool newest_first : {false, true}) {
    const auto type_at = [&](event_version version, bool careful) {
      const auto part = testing::history(
          it.store, it.alice,
          {.from = version, .to = version, .newest_first = newest_first, .careful = careful});
      REQUIRE((part.has_value() && part->events.size() == 1));
      return part->events[0].event.type;
    };
    CHECK(type_at(event_version{4}, true) == skipped_event);
    CHECK(type_at(event_version{4}, false) == "test.counted");
    CHECK(type_at(event_version{5}, true) == "test.counted");
    CHECK(type_at(event_version{it.last + 1}, true) == skip_marker);
  }
}
