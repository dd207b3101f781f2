#include "kit.hpp"

namespace aether::conformance {

namespace {

void round_trip(event_store& store) {
  writer actor{store};
  actor.write();
  commit rich = actor.next(3);
  rich.commands = {{command_id::make(), 2, "conformance.reply", encode(counted{7, {}})},
                   {command_id::make(), 1, "", {}},
                   {command_id::make(), 0, "conformance.reply", {}}};
  rich.correlation = command_id::make();
  rich.writer = "node-1";
  rich.epoch = writer_epoch{~std::uint64_t{0}};
  rich.at = {};
  rich.events[1].type = std::string(128, 'e');
  actor.write(rich);
  actor.check("a commit with every field set");
  commit bare = actor.next();
  bare.commands.clear();
  bare.back_pointers.clear();
  actor.write(bare);
  actor.check("a commit with no field set that need not be");
}

void any_bytes(event_store& store) {
  const auto raw = [](std::initializer_list<unsigned> from) {
    bytes made;
    for (const unsigned one : from) made.push_back(static_cast<std::byte>(one));
    return made;
  };
  const bytes payloads[] = {raw({}),
                            raw({0}),
                            raw({0xc0}),                      // msgpack: nil
                            raw({0xc1}),                      // never used in msgpack
                            raw({0x80}),                      // an empty map
                            raw({0x80, 0x80}),                // a map, and something after it
                            raw({0x81, 0xa1, 'x'}),           // a map cut short
                            raw({0x81, 1, 2}),                // a map whose key is no text
                            raw({0xde, 0, 1, 0xa1, 'x', 1}),  // not in its shortest form
                            raw({0xff, 0xfe, '\r', '\n', 0})};
  writer actor{store};
  for (const bytes& payload : payloads) {
    commit next = actor.next();
    next.events[0].data = payload;
    next.commands[0].reply_type = "conformance.reply";
    next.commands[0].reply = payload;
    actor.write(next);
  }
  actor.check("events and replies of any bytes");
}

void in_order(event_store& store) {
  writer actor{store};
  for (const std::size_t events : {1, 7, 1, 256, 2, 1}) actor.write(events);
  actor.check("commits of several sizes");
}

void stale_end(event_store& store) {
  writer actor{store};
  actor.write(2);
  const log_position stale[] = {{}, actor.end()};
  actor.write(2);
  const auto middle = actor.end();
  actor.write();
  for (const auto& expected : {stale[0], stale[1], middle})
    must_fail(append(store, actor.actor(), expected, commit_after(expected)),
              errc::version_conflict,
              "append after version " + std::to_string(expected.version.value()) +
                  " to a history that ends at version 5");
  actor.check("after conflicts");
  actor.write();
  actor.check("after an append that follows conflicts");
}

/// The expected end is the place of another actor's commit: real, later than ours, and not ours.
void future_end(event_store& store) {
  writer actor{store};
  writer other{store, fresh_actor_beside(store, actor.actor())};
  actor.write();
  other.write();
  const log_position beyond{event_version{2}, other.end().sequence};
  must_fail(append(store, actor.actor(), beyond, commit_after(beyond)), errc::stream_regressed,
            "append after version 2 to a history that ends at version 1");
  const auto nobody = fresh_actor_beside(store, actor.actor());
  must_fail(append(store, nobody, beyond, commit_after(beyond)), errc::stream_regressed,
            "append after version 2 to a history that is empty");
  require(must(read(store, nobody), "read").empty(), "a refused first commit is not stored");
  actor.write();
  actor.check("after an append that expected a later end");
}

/// The expected end is the place of the newest commit, and not its version.
void wrong_version(event_store& store) {
  writer actor{store};
  actor.write(3);
  const log_position later{event_version{5}, actor.end().sequence};
  must_fail(append(store, actor.actor(), later, commit_after(later)), errc::stream_regressed,
            "append after version 5 at the end of a history, which is version 3");
  const log_position earlier{event_version{2}, actor.end().sequence};
  must_fail(append(store, actor.actor(), earlier, commit_after(earlier)), errc::version_conflict,
            "append after version 2 at the end of a history, which is version 3");
  actor.check("after appends that expected another version");
  actor.write(actor.next(), {actor.end().version, actor.end().sequence});
  actor.check("after an append that expected the right version and names no commit");
}

void retry(event_store& store) {
  writer actor{store};
  const commit first = actor.next(3);
  actor.write(first);
  const log_position stored = actor.end();
  const auto again = [&](const char* when) {
    const auto answer = must(append(store, actor.actor(), {}, first), std::string{"retry "} + when);
    require(answer == stored, std::string{"retry "} + when + ": expected the same position, " +
                                  "version 3 at sequence " +
                                  std::to_string(stored.sequence.value()) + ", found version " +
                                  std::to_string(answer.version.value()) + " at sequence " +
                                  std::to_string(answer.sequence.value()));
  };
  again("of the newest commit");
  actor.write();
  again("after one more commit");
  actor.write_many(5);
  again("after six more commits");
  actor.check("after retries");
}

void retry_of_a_loser(event_store& store) {
  writer actor{store};
  const commit lost = actor.next();
  actor.write();
  for (int i = 0; i < 3; ++i)
    must_fail(append(store, actor.actor(), {}, lost), errc::version_conflict,
              "retry of a commit that met a conflict");
  commit again = lost;
  again.first = event_version{2};
  actor.write(again);
  actor.check("a commit that met a conflict and was appended again, after the new end");
}

void acknowledged_is_seen(event_store& store) {
  writer actor{store};
  for (int i = 0; i < 50; ++i) {
    actor.write();
    actor.check("right after an acknowledgement");
  }
}

/// Whether what was read says that `previous` was before it.
void must_follow(const recorded_commit& read, const commit_id& previous, const std::string& what) {
  require(read.previous == previous, what + " of version " +
                                         std::to_string(read.commit.first.value()) +
                                         ": expected it to name " + previous.hex() +
                                         " as the commit before it, found " + read.previous.hex());
}

void chain(event_store& store) {
  writer actor{store};
  actor.write_many(3);
  const log_position silent{actor.end().version, actor.end().sequence};
  actor.write(actor.next(), silent);
  const auto found = must(read(store, actor.actor()), "read");
  must_equal(found, actor.written(), "read of four commits");
  const auto id = [&](std::size_t nth) { return actor.written()[nth].commit.id; };
  const commit_id previous[] = {{}, id(0), id(1), {}};
  std::vector<stream_sequence> places;
  for (const auto& one : found) places.push_back(one.sequence);
  const auto fetched = must(fetch(store, actor.actor(), places), "fetch");
  must_equal(fetched, actor.written(), "fetch of four commits");
  for (std::size_t i = 0; i < found.size(); ++i) {
    must_follow(found[i], previous[i], "read");
    must_follow(fetched[i], previous[i], "fetch");
  }
  actor.write();
  const auto newest = must(latest(store, actor.actor()), "latest");
  require(newest.has_value(), "latest: expected a commit, found none");
  must_follow(*newest, id(3), "latest");
}

void most_events(event_store& store) {
  writer actor{store};
  commit next = actor.next(commit_events_max);
  next.commands.clear();
  for (std::size_t i = 0; i < commit_commands_max; ++i)
    next.commands.push_back({command_id::make(), 1, "conformance.reply", encode(counted{i, {}})});
  actor.write(next);
  actor.check("a commit of 256 events and 256 commands");
}

void most_bytes(event_store& store) {
  constexpr std::size_t around = 1'000;  // what a store may need for ids, names and the like
  writer actor{store};
  actor.write(1, commit_bytes_max - around);
  actor.write(4, (commit_bytes_max - around) / 4 - 100);
  actor.check("commits of nearly 1,000,000 bytes");
}

constexpr event_case cases[]{
    {"a commit is read back as it was appended, every field of it", &round_trip},
    {"events and replies may be any bytes, or none", &any_bytes},
    {"commits and their events are read in the order in which they were appended", &in_order},
    {"an append after anything but the end is a conflict and stores nothing", &stale_end},
    {"an append after an end that was never reached is refused and stores nothing", &future_end},
    {"an append at the right place that expects another version stores nothing", &wrong_version},
    {"a retried commit is stored once and gets the same answer, however late", &retry},
    {"a commit that met a conflict stays refused until it follows the new end", &retry_of_a_loser},
    {"a commit names the one that its writer knew to be before it", &chain},
    {"what was acknowledged is seen by every later call", &acknowledged_is_seen},
    {"a commit may hold 256 events and answer 256 commands", &most_events},
    {"a commit may hold nearly 1,000,000 bytes", &most_bytes},
};

}  // namespace

std::span<const event_case> append_cases() { return cases; }

}  // namespace aether::conformance
