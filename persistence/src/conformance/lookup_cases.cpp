#include "kit.hpp"

namespace aether::conformance {

namespace {

void newest(event_store& store) {
  writer actor{store};
  for (const std::size_t events : {2, 1, 256, 3}) {
    actor.write(events);
    writer{store, fresh_actor_beside(store, actor.actor())}.write();
    const auto found = must(latest(store, actor.actor()), "latest");
    must_equal(found ? history{*found} : history{}, {actor.written().back()}, "latest");
  }
}

void fetched(event_store& store) {
  writer actor{store};
  actor.write_many(commit_back_pointers_max, 2);
  const auto& all = actor.written();
  std::vector<stream_sequence> places;
  for (const auto& one : all) places.push_back(one.sequence);
  must_equal(must(fetch(store, actor.actor(), places), "fetch"), all, "fetch of 128 commits");
  must_equal(must(fetch(store, actor.actor(), {places[2], places[7], places[100]}), "fetch"),
             {all[2], all[7], all[100]}, "fetch of some commits");
  require(must(fetch(store, actor.actor(), {}), "fetch").empty(),
          "fetch of nothing: expected nothing");
}

void fetched_where_nothing_is(event_store& store) {
  writer actor{store};
  writer other{store, fresh_actor_beside(store, actor.actor())};
  actor.write();
  other.write();
  actor.write();
  const auto &mine = actor.written(), &theirs = other.written();
  const stream_sequence beyond{mine[1].sequence.value() + 1'000'000'000};
  must_equal(must(fetch(store, actor.actor(),
                        {mine[0].sequence, theirs[0].sequence, mine[1].sequence, beyond}),
                  "fetch"),
             mine, "fetch of a history, another's commit in it, and a sequence after the end");
  require(must(fetch(store, actor.actor(), {theirs[0].sequence}), "fetch").empty(),
          "fetch of another actor's commit: expected nothing");
  require(must(fetch(store, actor.actor(), {beyond}), "fetch").empty(),
          "fetch of a sequence after the end: expected nothing");
  require(must(fetch(store, fresh_actor(), {mine[0].sequence}), "fetch").empty(),
          "fetch for an actor without a history: expected nothing");
}

/// The way a reader takes: from the newest commit backwards, by what the commits say.
void chained(event_store& store) {
  writer actor{store};
  actor.write_many(2 * commit_back_pointers_max + 10);
  const auto tail = must(latest(store, actor.actor()), "latest");
  require(tail.has_value(), "latest: expected a commit, found none");
  history found{*tail};
  while (!found.front().commit.back_pointers.empty()) {
    auto earlier = must(fetch(store, actor.actor(), found.front().commit.back_pointers), "fetch");
    require(!earlier.empty(), "fetch by back-pointers: expected commits, found none");
    found.insert(found.begin(), earlier.begin(), earlier.end());
  }
  must_equal(found, actor.written(), "a history fetched from its end, by its back-pointers");
}

void all_records(event_store& store) {
  writer actor{store};
  for (const std::size_t events : {3, 1, 256, 2}) {
    actor.write(events);
    writer{store, fresh_actor_beside(store, actor.actor())}.write();
  }
  history found;
  for (auto& one : must(records(store, actor.actor()), "records"))
    found.push_back(must(one.found, "a record of an undamaged history"));
  must_equal(found, actor.written(), "records of an undamaged history");
}

constexpr event_case cases[]{
    {"latest is the newest commit", &newest},
    {"commits are fetched by their sequences", &fetched},
    {"fetching leaves out what is another's, or not there", &fetched_where_nothing_is},
    {"a history can be fetched from its end, by its back-pointers", &chained},
    {"the records of an undamaged history are its commits", &all_records},
};

}  // namespace

std::span<const event_case> lookup_cases() { return cases; }

}  // namespace aether::conformance
