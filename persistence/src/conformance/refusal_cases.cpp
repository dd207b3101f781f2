#include "kit.hpp"

namespace aether::conformance {

namespace {

/// Refused as `wrong`, both as a first commit and as a later one, and nothing of it is stored.
template <class Spoil>
void refused(event_store& store, std::initializer_list<errc> codes, const std::string& what,
             Spoil spoil) {
  for (const bool first : {true, false}) {
    writer actor{store};
    if (!first) actor.write(2);
    commit wrong = actor.next(2);
    spoil(wrong);
    must_fail(append(store, actor.actor(), actor.end(), wrong), codes, "append of " + what);
    actor.check("after a refusal of " + what);
    require(must(records(store, actor.actor()), "records").size() == actor.written().size(),
            "after a refusal of " + what + ": expected no record of it");
    actor.write();
    actor.check("after an append that follows a refusal of " + what);
  }
}

void too_large(event_store& store) {
  refused(store, {errc::commit_too_large}, "257 events",
          [](commit& wrong) { wrong.events.resize(commit_events_max + 1, wrong.events[0]); });
  refused(store, {errc::commit_too_large}, "257 commands", [](commit& wrong) {
    wrong.commands.resize(commit_commands_max + 1, {command_id::make(), 0, "", {}});
  });
  refused(store, {errc::commit_too_large}, "one event of 1,000,001 bytes",
          [](commit& wrong) { wrong.events[0].data = bytes(commit_bytes_max + 1); });
  refused(store, {errc::commit_too_large}, "many events of 1,280,000 bytes", [](commit& wrong) {
    wrong.events.resize(commit_events_max, {"conformance.counted", bytes(5'000)});
  });
}

void malformed(event_store& store) {
  constexpr auto wrong_argument = errc::invalid_argument;
  refused(store, {wrong_argument}, "no events", [](commit& wrong) {
    wrong.events.clear();
    wrong.commands.clear();
  });
  refused(store, {wrong_argument}, "a commit without an id",
          [](commit& wrong) { wrong.id = commit_id{}; });
  refused(store, {wrong_argument}, "an event without a type",
          [](commit& wrong) { wrong.events[1].type.clear(); });
  refused(store, {wrong_argument}, "an event whose type would break out of a header",
          [](commit& wrong) { wrong.events[1].type = "a\r\nb"; });
  refused(store, {wrong_argument}, "commands that own more events than there are",
          [](commit& wrong) { wrong.commands[0].events = 3; });
  refused(store, {wrong_argument}, "a writer that is no node id",
          [](commit& wrong) { wrong.writer = "a b"; });
}

void misplaced(event_store& store) {
  refused(store, {errc::invalid_argument}, "a first version that leaves a gap",
          [](commit& wrong) { wrong.first = event_version{wrong.first.value() + 1}; });
  refused(store, {errc::invalid_argument}, "version 0",
          [](commit& wrong) { wrong.first = event_version{}; });
}

void wrong_pointers(event_store& store) {
  writer actor{store};
  actor.write_many(4);
  const auto at = [&](std::size_t nth) { return actor.written()[nth].sequence; };
  const stream_sequence beyond{actor.end().sequence.value() + 1};
  const std::pair<const char*, std::vector<stream_sequence>> wrong[] = {
      {"descend", {at(1), at(0), at(3)}},
      {"repeat", {at(2), at(3), at(3)}},
      {"begin with 0", {stream_sequence{}, at(3)}},
      {"end before the commit that is followed", {at(0), at(1), at(2)}},
      {"end after the commit that is followed", {at(3), beyond}},
  };
  for (const auto& [what, pointers] : wrong) {
    commit next = actor.next();
    next.back_pointers = pointers;
    must_fail(append(store, actor.actor(), actor.end(), next), errc::invalid_argument,
              std::string{"append with back-pointers that "} + what);
  }
  commit first = commit_after({});
  first.back_pointers = {stream_sequence{1}};
  must_fail(append(store, fresh_actor(), {}, first), errc::invalid_argument,
            "append of a first commit that points back");
  actor.check("after refusals of back-pointers");
}

void too_many_pointers(event_store& store) {
  writer actor{store};
  actor.write_many(commit_back_pointers_max + 2);
  commit next = actor.next();
  require(next.back_pointers.size() == commit_back_pointers_max, "the kit counts to 128");
  next.back_pointers.insert(next.back_pointers.begin(), actor.written()[1].sequence);
  must_fail(append(store, actor.actor(), actor.end(), next),
            {errc::commit_too_large, errc::invalid_argument}, "append with 129 back-pointers");
  actor.write();
  actor.check("commits with up to 128 back-pointers");
}

constexpr event_case cases[]{
    {"a commit over a limit is refused whole", &too_large},
    {"a malformed commit is refused whole", &malformed},
    {"a commit whose versions do not follow the expected end is refused", &misplaced},
    {"back-pointers that do not ascend to the expected end are refused", &wrong_pointers},
    {"128 back-pointers are stored, 129 refused", &too_many_pointers},
};

}  // namespace

std::span<const event_case> refusal_cases() { return cases; }

}  // namespace aether::conformance
