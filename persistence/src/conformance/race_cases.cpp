#include "kit.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <future>
#include <thread>

namespace aether::conformance {

namespace {

/// Runs `body(0)` to `body(threads - 1)` at once; what one of them throws comes out of here.
template <class Body>
void at_once(std::size_t threads, Body body) {
  std::vector<std::future<void>> running;
  for (std::size_t i = 0; i < threads; ++i)
    running.push_back(std::async(std::launch::async, body, i));
  for (auto& one : running) one.wait();
  for (auto& one : running) one.get();
}

void two_writers(event_store& store) {
  constexpr int rounds = 100;
  const auto actor = fresh_actor();
  history won;
  for (int round = 0; round < rounds; ++round) {
    const log_position end = won.empty() ? log_position{} : won.back().position();
    commit mine = commit_after(end), theirs = commit_after(end, 2);
    auto other = std::async(std::launch::async, [&] { return append(store, actor, end, theirs); });
    const auto my_end = append(store, actor, end, mine), their_end = other.get();
    require(!my_end || !their_end,
            "two appends after the same end: expected one to be stored, found both");
    require(my_end || their_end, "two appends after the same end: expected one to be stored");
    must_fail(my_end ? their_end : my_end, errc::version_conflict, "the other of two appends");
    won.push_back(my_end ? recorded_commit{std::move(mine), my_end->sequence}
                         : recorded_commit{std::move(theirs), their_end->sequence});
  }
  must_equal(must(read(store, actor), "read"), won, "a history over which two writers raced");
}

void same_commit_at_once(event_store& store) {
  writer actor{store};
  for (int round = 0; round < 50; ++round) {
    const log_position end = actor.end();
    const commit next = actor.next();
    auto other =
        std::async(std::launch::async, [&] { return append(store, actor.actor(), end, next); });
    const auto one = append(store, actor.actor(), end, next), two = other.get();
    const auto first = must(one, "one of two appends of the same commit");
    const auto second = must(two, "the other of two appends of the same commit");
    require(first == second, "two appends of the same commit: expected one position for both");
    actor.write(next);  // a retry, too
    require(actor.end() == first, "a third append of the same commit: expected the same position");
  }
  actor.check("commits that were each appended twice at once");
}

/// Reads the end, appends after it, and does so again after a conflict, until `count` are stored.
history compete(event_store& store, const actor_address& actor, int count) {
  history stored;
  while (count > 0) {
    const auto newest = must(latest(store, actor), "latest");
    const log_position end = newest ? newest->position() : log_position{};
    commit next = commit_after(end, 1 + static_cast<std::size_t>(count) % 2);
    const auto outcome = append(store, actor, end, next);
    if (outcome) {
      stored.push_back({std::move(next), outcome->sequence});
      --count;
    } else {
      must_fail(outcome, errc::version_conflict, "an append in a race");
    }
  }
  return stored;
}

void many_writers(event_store& store) {
  constexpr std::size_t writers = 8, actors = 4;
  constexpr int each = 10;
  std::vector<actor_address> contested;
  for (std::size_t i = 0; i < actors; ++i) contested.push_back(fresh_actor());
  std::vector<std::vector<history>> stored(writers, std::vector<history>(actors));
  at_once(writers, [&](std::size_t me) {
    for (std::size_t i = 0; i < actors; ++i) {
      const std::size_t which = (me + i) % actors;
      stored[me][which] = compete(store, contested[which], each);
    }
  });
  for (std::size_t which = 0; which < actors; ++which) {
    history all;
    for (auto& of : stored) std::ranges::move(of[which], std::back_inserter(all));
    std::ranges::sort(all, {}, [](const auto& one) { return one.commit.first; });
    must_equal(must(read(store, contested[which]), "read"), all,
               "a history over which eight writers raced");
  }
}

void many_actors(event_store& store) {
  constexpr std::size_t count = 2'000;
  std::vector<actor_address> whose;
  std::vector<commit> commits;
  std::vector<answer<log_position>> answers;
  for (std::size_t i = 0; i < count; ++i) {
    whose.push_back(fresh_actor());
    commits.push_back(commit_after({}));
    answers.push_back(append_soon(store, whose[i], {}, commits[i]));
  }
  for (std::size_t i = 0; i < count; ++i) {
    const auto stored = must(answers[i].get(), "one of 2,000 appends at once");
    if (i % 97 == 0)
      must_equal(must(read(store, whose[i]), "read"), {{commits[i], stored.sequence}},
                 "one of 2,000 histories written at once");
  }
}

void reading_meanwhile(event_store& store) {
  const auto actor = fresh_actor();
  constexpr std::uint64_t commits = 100, events = 3;
  std::atomic<std::uint64_t> acknowledged{0};
  std::atomic<bool> over{false};
  const auto keep_writing = [&] {
    log_position end;
    for (std::uint64_t i = 0; i < commits; ++i) {
      end = must(append(store, actor, end, commit_after(end, events)), "append");
      acknowledged = end.version.value();
    }
  };
  const auto keep_reading = [&] {
    while (!over) {
      const std::uint64_t least = acknowledged;
      const auto found = must(read(store, actor), "read while another writes");
      std::uint64_t version = 0;
      for (const auto& one : found) {
        require(one.commit.first.value() == version + 1 && one.commit.events.size() == events,
                "read while another writes: expected whole commits without a gap");
        version = one.commit.last().value();
      }
      require(version >= least, "read while another writes: expected at least version " +
                                    std::to_string(least) + ", which was acknowledged, found " +
                                    std::to_string(version));
    }
  };
  at_once(3, [&](std::size_t me) {
    if (me > 0) return keep_reading();
    struct at_end {
      std::atomic<bool>& flag;
      ~at_end() { flag = true; }
    } const ends{over};
    keep_writing();
  });
}

/// Actors that are stored together, a few for each of some writers.
struct crowd {
  static constexpr std::size_t writers = 4, actors_each = 8;
  static constexpr int commits_each = 600;
  shard_range which;
  std::array<std::vector<writer>, writers> actors;

  explicit crowd(event_store& store) : which{store.stored_together(shard_id{0})} {
    for (std::size_t i = 0; i < writers * actors_each; ++i) {
      const shard_id shard{which.first.value() + i % which.count};
      actors[i % writers].emplace_back(store, fresh_actor_in(store, shard));
    }
  }
  void write(std::size_t me) {
    for (std::size_t i = 0; i < commits_each; ++i) actors[me][i % actors_each].write();
  }
  [[nodiscard]] std::vector<stream_sequence> written() const {
    std::vector<stream_sequence> all;
    for (const auto& of : actors)
      for (const auto& actor : of)
        for (const auto& one : actor.written()) all.push_back(one.sequence);
    std::ranges::sort(all);
    return all;
  }
};

void resuming_meanwhile(event_store& store) {
  crowd with{store};
  stream_sequence after;
  const auto read_on = [&] {
    auto found = must(read_shards(store, with.which, after), "read_shards while others append");
    if (!found.empty()) after = found.back().record.sequence;
    return found;
  };
  (void)read_on();
  std::vector<stream_sequence> seen;
  std::atomic<std::size_t> at_work{crowd::writers};
  const auto keep_reading = [&] {
    for (bool over = false; !over;) {
      over = at_work == 0;
      for (const auto& one : read_on()) seen.push_back(one.record.sequence);
    }
  };
  at_once(crowd::writers + 1, [&](std::size_t me) {
    if (me == crowd::writers) return keep_reading();
    struct at_end {
      std::atomic<std::size_t>& count;
      ~at_end() { --count; }
    } const ends{at_work};
    with.write(me);
  });
  const auto expected = with.written();
  const auto [missed, odd] = std::ranges::mismatch(expected, seen);
  require(missed == expected.end() && odd == seen.end(),
          "read_shards, resumed after what was read while others append: expected each of " +
              std::to_string(expected.size()) + " commits once and in order, found " +
              std::to_string(seen.size()) +
              (missed == expected.end()
                   ? std::string{}
                   : ", and not that at sequence " + std::to_string(missed->value())));
}

constexpr event_case cases[]{
    {"of two writers that race exactly one wins", &two_writers},
    {"a commit that is appended twice at once is stored once, and both are told where",
     &same_commit_at_once},
    {"many writers that race over several actors lose nothing and double nothing", &many_writers},
    {"thousands of actors may be appended to at once", &many_actors},
    {"who reads while another writes sees whole commits, and all that were acknowledged",
     &reading_meanwhile},
    {"who reads shards on and on while others append sees each commit once, in order",
     &resuming_meanwhile},
};

}  // namespace

std::span<const event_case> race_cases() { return cases; }

}  // namespace aether::conformance
