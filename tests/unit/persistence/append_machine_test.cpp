#include "persistence/src/core/append_machine.hpp"

#include "support/commits.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace {

using namespace aether;
using namespace std::chrono_literals;
using m = append_machine;

const auto ours = testing::id_of<commit_id>(0xaa);
const auto others = testing::id_of<commit_id>(0xbb);

std::string text_of(const m::publish& what) {
  return "publish " + std::to_string(what.timeout.count());
}
std::string text_of(const m::read_next& what) {
  return "read " + std::to_string(what.timeout.count());
}
std::string text_of(const m::wait& what) { return "wait " + std::to_string(what.duration.count()); }
std::string text_of(const m::finish& what) {
  if (!what.outcome) return std::string{to_string(what.outcome.error().code())};
  return "stored v" + std::to_string(what.outcome->version.value()) + " @" +
         std::to_string(what.outcome->sequence.value());
}

/// What is heard, how long after the effect before, and the effect that must follow.
struct line {
  m::input heard;
  const char* then;
  std::chrono::milliseconds after = 1ms;
};

struct script {
  const char* name;
  std::vector<line> lines;
};

m::found commit_at(commit_id id, std::uint64_t sequence) { return {id, stream_sequence{sequence}}; }
const m::stored acked{stream_sequence{42}};
const m::not_taken nobody{"no responders"};
const m::silence lost{"timed out"};
const m::refused full{"maximum bytes exceeded"};
const m::refused forbidden{"no permission", errc::not_permitted};
const m::read_failed unread{"timed out"};
const m::regressed behind{"the stream ends at 30, it acknowledged 40"};

// A deadline of 5 s, 2 s a request, backoff 100 ms to 400 ms; expected: version 10 at sequence 40.
const std::vector<script> scripts{
    {"an acknowledgement is believed", {{acked, "stored v12 @42"}}},
    {"a duplicate is not believed: ours",
     {{m::duplicate{}, "read 2000"}, {commit_at(ours, 41), "stored v12 @41"}}},
    {"a duplicate is not believed: another's",
     {{m::duplicate{}, "read 2000"}, {commit_at(others, 41), "version_conflict"}}},
    {"a duplicate of nothing stays in doubt",
     {{m::duplicate{}, "read 2000"},
      {m::nothing_found{}, "wait 100"},
      {m::elapsed{}, "publish 1000", 3998ms},
      {nobody, "outcome_unknown", 1000ms}}},
    {"a conflict is another's commit",
     {{m::conflict{}, "read 2000"}, {commit_at(others, 41), "version_conflict"}}},
    {"a conflict with what an earlier call stored",
     {{m::conflict{}, "read 2000"}, {commit_at(ours, 41), "stored v12 @41"}}},
    {"a lost acknowledgement, then the retry finds ours",
     {{lost, "wait 100"},
      {m::elapsed{}, "publish 2000"},
      {m::conflict{}, "read 2000"},
      {commit_at(ours, 41), "stored v12 @41"}}},
    {"a lost request, then the retry is stored",
     {{lost, "wait 100"}, {m::elapsed{}, "publish 2000"}, {acked, "stored v12 @42"}}},
    {"a lost request, then another came first",
     {{lost, "wait 100"},
      {m::elapsed{}, "publish 2000"},
      {m::conflict{}, "read 2000"},
      {commit_at(others, 41), "version_conflict"}}},
    {"an unchanged log proves nothing while an attempt is in doubt",
     {{lost, "wait 100"},
      {m::elapsed{}, "publish 2000"},
      {m::conflict{}, "read 2000"},
      {m::nothing_found{}, "wait 200"},
      {m::elapsed{}, "publish 2000"},
      {m::conflict{}, "read 2000"},
      {m::nothing_found{}, "wait 400"},
      {m::elapsed{}, "publish 2000"},
      {m::conflict{}, "read 2000"},
      {m::nothing_found{}, "wait 400"},
      {m::elapsed{}, "publish 2000"},
      {m::conflict{}, "read 2000"},
      {commit_at(ours, 41), "stored v12 @41"}}},
    {"nobody there, then somebody",
     {{nobody, "wait 100"}, {m::elapsed{}, "publish 2000"}, {acked, "stored v12 @42"}}},
    {"nobody there until the deadline",
     {{nobody, "wait 100"},
      {m::elapsed{}, "publish 1000", 3999ms},
      {nobody, "unavailable", 1000ms}}},
    {"one silence among refusals to answer leaves it unknown",
     {{nobody, "wait 100"},
      {m::elapsed{}, "publish 2000"},
      {lost, "wait 200", 2000ms},
      {m::elapsed{}, "publish 1000", 1998ms},
      {nobody, "outcome_unknown", 1000ms}}},
    {"an overdue timer ends it", {{nobody, "wait 100"}, {m::elapsed{}, "unavailable", 9000ms}}},
    {"a refusal is final when nothing is in doubt", {{full, "store_failed"}}},
    {"a subject that the user may not publish on is final too", {{forbidden, "not_permitted"}}},
    {"a missing permission does not settle an attempt in doubt",
     {{lost, "wait 100"},
      {m::elapsed{}, "publish 2000"},
      {forbidden, "read 2000"},
      {commit_at(ours, 41), "stored v12 @41"}}},
    {"a refusal after nobody was there is final too",
     {{nobody, "wait 100"}, {m::elapsed{}, "publish 2000"}, {full, "store_failed"}}},
    {"a refusal does not settle an attempt in doubt: ours",
     {{lost, "wait 100"},
      {m::elapsed{}, "publish 2000"},
      {full, "read 2000"},
      {commit_at(ours, 41), "stored v12 @41"}}},
    {"a refusal does not settle an attempt in doubt: nothing yet",
     {{lost, "wait 100"},
      {m::elapsed{}, "publish 2000"},
      {full, "read 2000"},
      {m::nothing_found{}, "wait 200"},
      {m::elapsed{}, "publish 2000", 200ms},
      {full, "read 2000"},
      {m::nothing_found{}, "outcome_unknown", 4700ms}}},
    {"an unreadable log leaves a conflict open",
     {{m::conflict{}, "read 2000"},
      {unread, "wait 100", 2000ms},
      {m::elapsed{}, "publish 2000"},
      {m::conflict{}, "read 2000"},
      {unread, "wait 200"},
      {m::elapsed{}, "outcome_unknown", 9000ms}}},
    {"a conflict that nothing explains three times: the log went back",
     {{m::conflict{}, "read 2000"},
      {m::nothing_found{}, "wait 100"},
      {m::elapsed{}, "publish 2000"},
      {m::conflict{}, "read 2000"},
      {m::nothing_found{}, "wait 200"},
      {m::elapsed{}, "publish 2000"},
      {m::conflict{}, "read 2000"},
      {m::nothing_found{}, "stream_regressed"}}},
    {"a stream that is behind takes nothing, and that is certain", {{behind, "stream_regressed"}}},
    {"a stream that is behind, after nobody was there",
     {{nobody, "wait 100"}, {m::elapsed{}, "publish 2000"}, {behind, "stream_regressed"}}},
    {"a stream that is behind does not settle an attempt in doubt",
     {{lost, "wait 100"}, {m::elapsed{}, "publish 2000"}, {behind, "outcome_unknown"}}},
    {"a stream that is behind does not settle a duplicate",
     {{m::duplicate{}, "read 2000"},
      {m::nothing_found{}, "wait 100"},
      {m::elapsed{}, "publish 2000"},
      {behind, "outcome_unknown"}}},
    {"a stream that is behind leaves a conflict open",
     {{m::conflict{}, "read 2000"},
      {m::nothing_found{}, "wait 100"},
      {m::elapsed{}, "publish 2000"},
      {behind, "outcome_unknown"}}},
    {"closed while an attempt is under way", {{m::closed{"closing"}, "outcome_unknown"}}},
    {"closed while waiting, nothing in doubt",
     {{nobody, "wait 100"}, {m::closed{"closing"}, "unavailable"}}},
    {"closed while waiting, one in doubt",
     {{lost, "wait 100"}, {m::closed{"closing"}, "outcome_unknown"}}},
    {"closed while checking",
     {{m::conflict{}, "read 2000"}, {m::closed{"closing"}, "outcome_unknown"}}},
    {"the acknowledgement comes at the deadline", {{acked, "stored v12 @42", 5000ms}}},
    {"a conflict comes at the deadline", {{m::conflict{}, "outcome_unknown", 5000ms}}},
};

m machine() {
  return m{ours,
           {event_version{10}, stream_sequence{40}},
           event_version{12},
           {2'000ms, 5'000ms, 100ms, 400ms}};
}

std::string to_text(const m::effect& effect) {
  return std::visit([](const auto& one) { return text_of(one); }, effect);
}

}  // namespace

TEST_CASE("append machine: every script ends in the outcome that is true") {
  for (const auto& script : scripts) {
    CAPTURE(script.name);
    m::time_point now{1h};
    m tested = machine();
    CHECK(to_text(tested.start(now)) == "publish 2000");
    for (const auto& line : script.lines) {
      now += line.after;
      CHECK(to_text(tested.step(line.heard, now)) == line.then);
    }
    CHECK(tested.current() == m::phase::done);
  }
}

TEST_CASE("append machine: an unknown outcome names the commit and the last trouble") {
  m tested = machine();
  static_cast<void>(tested.start(m::time_point{}));
  static_cast<void>(tested.step(lost, m::time_point{1s}));
  const auto end = std::get<m::finish>(tested.step(m::elapsed{}, m::time_point{9s}));
  const std::string text = end.outcome.error().text();
  CHECK(text.find(ours.hex()) != text.npos);
  CHECK(text.find("timed out") != text.npos);
}

namespace {

/// Conflicts that nothing explains, `apart` from each other, until the machine ends.
struct unexplained_run {
  unsigned conflicts = 0;
  std::chrono::milliseconds lasted{0};
  result<log_position> outcome{};
};

unexplained_run conflicts_for(std::chrono::milliseconds patience, std::chrono::milliseconds apart,
                              m::input first = m::conflict{}) {
  m tested{ours,
           {event_version{10}, stream_sequence{40}},
           event_version{12},
           {2'000ms, 5'000ms, 100ms, 400ms, patience}};
  unexplained_run run;
  std::optional<m::time_point> since;
  m::time_point now{1h};
  m::effect next = tested.start(now);
  for (;;) {
    if (auto* end = std::get_if<m::finish>(&next)) {
      run.outcome = std::move(end->outcome);
      run.lasted = std::chrono::duration_cast<std::chrono::milliseconds>(now - since.value_or(now));
      return run;
    }
    m::input heard = m::elapsed{};
    if (std::holds_alternative<m::publish>(next)) {
      heard = run.conflicts++ == 0 ? first : m::input{m::conflict{}};
    } else if (std::holds_alternative<m::read_next>(next)) {
      heard = m::nothing_found{};
      if (!since) since = now;
    } else {
      now += apart;
    }
    next = tested.step(std::move(heard), now);
  }
}

}  // namespace

TEST_CASE("append machine: conflicts that nothing explains count only after the patience") {
  const auto at_once = conflicts_for(0ms, 400ms);
  CHECK(at_once.outcome.error().code() == errc::stream_regressed);
  CHECK(at_once.conflicts == 3);

  const auto patient = conflicts_for(2'000ms, 400ms);
  CHECK(patient.outcome.error().code() == errc::stream_regressed);
  CHECK(patient.lasted == 2'000ms);
  CHECK(patient.conflicts == 6);

  // Long enough, but too few of them.
  const auto few = conflicts_for(1'000ms, 1'500ms);
  CHECK(few.outcome.error().code() == errc::stream_regressed);
  CHECK(few.conflicts == 3);
}

TEST_CASE("append machine: patience beyond the deadline leaves it unknown") {
  CHECK(conflicts_for(6'000ms, 400ms).outcome.error().code() == errc::outcome_unknown);
}

TEST_CASE("append machine: no patience settles an attempt that is in doubt") {
  CHECK(conflicts_for(0ms, 400ms, lost).outcome.error().code() == errc::outcome_unknown);
  CHECK(conflicts_for(0ms, 400ms, m::duplicate{}).outcome.error().code() == errc::outcome_unknown);
}
