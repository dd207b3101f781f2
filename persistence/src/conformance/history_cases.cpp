#include <aether/persistence/history.hpp>
#include "kit.hpp"

#include <algorithm>

namespace aether::conformance {

namespace {

result<history_part> look(event_store& store, const actor_address& of, const history_query& query) {
  const answer<history_part> found{"read_history of " + to_string(of)};
  read_history(store, of, query, found.handler());
  return found.get();
}

void forwards_and_backwards(event_store& store) {
  writer actor{store};
  actor.write_many(300, 2);
  for (const bool newest_first : {false, true}) {
    const auto part =
        must(look(store, actor.actor(), {.limit = 10'000, .newest_first = newest_first}),
             "read_history");
    const std::string what = newest_first ? "read_history, newest first" : "read_history";
    require(part.events.size() == 600 && !part.more,
            what + ": expected 600 events, found " + std::to_string(part.events.size()));
    for (std::size_t i = 0; i < part.events.size(); ++i) {
      const std::size_t nth = newest_first ? 599 - i : i;
      const auto& from = actor.written()[nth / 2];
      require(
          part.events[i].version.value() == nth + 1 && part.events[i].sequence == from.sequence &&
              part.events[i].event == from.commit.events[nth % 2],
          what + ": expected event " + std::to_string(nth + 1) + " at place " + std::to_string(i) +
              ", found version " + std::to_string(part.events[i].version.value()));
    }
  }
}

void skipped(event_store& store) {
  writer actor{store};
  actor.write_many(3, 2);
  const answer<log_position> marked{"skip_events"};
  skip_events(
      store, actor.actor(),
      {.first = event_version{2}, .last = event_version{3}, .sequence = {}, .reason = "kit"},
      marked.handler());
  const auto end = must(marked.get(), "skip_events");
  require(end.version == event_version{7}, "skip_events: expected a marker as version 7, found " +
                                               std::to_string(end.version.value()));
  std::vector<std::string> expected(7, "conformance.counted"), found;
  expected[1] = expected[2] = skipped_event;
  expected[6] = skip_marker;
  for (const auto& one : must(repaired(must(records(store, actor.actor()), "records")), "repaired"))
    for (const auto& event : one.commit.events) found.push_back(event.type);
  require(found == expected,
          "the history of a skipped event: expected 1 event, 2 skipped, 3 "
          "events, the marker; found something else");
}

constexpr event_case cases[]{
    {"a history is looked into from either end", &forwards_and_backwards},
    {"events can be skipped by a marker", &skipped},
};

}  // namespace

std::span<const event_case> history_cases() { return cases; }

}  // namespace aether::conformance
