#include "cluster/src/core/ask_machine.hpp"

#include "support/cluster_samples.hpp"

#include <doctest/doctest.h>

namespace aether::cluster {

namespace {

using namespace std::chrono_literals;
using samples::at;
using enum attempt_result;
using phase = ask_machine::phase;

ask_machine asking(std::chrono::milliseconds deadline) {
  return ask_machine{ask_machine::options{}, at(deadline)};
}

std::uint32_t sent(const ask_machine::effect& effect) {
  const auto* found = std::get_if<ask_machine::send>(&effect);
  return found == nullptr ? 0 : found->number;
}

/// How long the pause is, from `now`.
duration pause(const ask_machine::effect& effect, std::chrono::milliseconds now) {
  const auto* found = std::get_if<ask_machine::wait>(&effect);
  REQUIRE(found != nullptr);
  return found->until - at(now);
}

errc error_of(const ask_machine::effect& effect) {
  const auto* found = std::get_if<ask_machine::finish>(&effect);
  REQUIRE(found != nullptr);
  REQUIRE(found->why.has_value());
  return found->why->code();
}

bool quiet(const ask_machine::effect& effect) {
  return std::holds_alternative<ask_machine::nothing>(effect);
}

/// Fails each attempt with `result` until the machine gives up; says why it did.
errc until_given_up(ask_machine& ask, attempt_result result, std::chrono::milliseconds now = 0ms) {
  auto effect = ask.attempts() == 0 ? ask.start(at(now)) : ask.tick(at(now));
  for (int i = 0; i < 1'000; ++i) {
    if (const auto* send = std::get_if<ask_machine::send>(&effect)) {
      effect = ask.attempt_done(send->number, result, at(now));
    } else if (const auto* wait = std::get_if<ask_machine::wait>(&effect)) {
      now = std::chrono::duration_cast<std::chrono::milliseconds>(wait->until - at(0ms));
      effect = ask.tick(at(now));
    } else {
      break;
    }
  }
  return error_of(effect);
}

}  // namespace

TEST_CASE("ask: an attempt that is answered ends it") {
  auto ask = asking(2s);
  CHECK(sent(ask.start(at(0ms))) == 1);
  const auto end = ask.attempt_done(1, answered, at(5ms));
  REQUIRE(std::get_if<ask_machine::finish>(&end) != nullptr);
  CHECK(!std::get<ask_machine::finish>(end).why);
  CHECK(ask.current() == phase::finished);
}

TEST_CASE("ask: an attempt waits no longer than the deadline allows") {
  auto ask = asking(1500ms);
  const auto one = ask.start(at(0ms));
  CHECK(std::get<ask_machine::send>(one).timeout == 1s);
  const auto two = ask.attempt_done(1, timed_out, at(1s));
  CHECK(std::get<ask_machine::send>(two).timeout == 500ms);
  CHECK(error_of(ask.attempt_done(2, timed_out, at(1500ms))) == errc::outcome_unknown);
}

TEST_CASE("ask: pauses double from 10 to 200 ms") {
  auto ask = asking(60s);
  (void)ask.start(at(0ms));
  const duration expected[] = {10ms, 20ms, 40ms, 80ms, 160ms, 200ms, 200ms};
  std::uint32_t attempt = 1;
  for (const auto length : expected) {
    CHECK(pause(ask.attempt_done(attempt, no_responders, at(0ms)), 0ms) == length);
    CHECK(quiet(ask.tick(at(9ms))));
    CHECK(sent(ask.tick(at(1s))) == ++attempt);
  }
}

TEST_CASE("ask: a new owner ends a pause at once and starts the pauses anew") {
  auto ask = asking(60s);
  (void)ask.start(at(0ms));
  (void)ask.attempt_done(1, no_responders, at(0ms));
  (void)ask.tick(at(10ms));
  CHECK(pause(ask.attempt_done(2, no_responders, at(10ms)), 10ms) == 20ms);
  CHECK(sent(ask.owner_changed(at(11ms))) == 3);
  CHECK(pause(ask.attempt_done(3, no_responders, at(12ms)), 12ms) == 10ms);
}

TEST_CASE("ask: an attempt under way when the owner changes is not waited for, but uncertain") {
  auto ask = asking(500ms);
  (void)ask.start(at(0ms));
  CHECK(sent(ask.owner_changed(at(1ms))) == 2);
  CHECK(quiet(ask.attempt_done(1, timed_out, at(2ms))));
  (void)ask.attempt_done(2, no_responders, at(3ms));
  CHECK(until_given_up(ask, no_responders, 13ms) == errc::outcome_unknown);
}

TEST_CASE("ask: an actor that does not know the outcome is asked again after a pause") {
  auto ask = asking(500ms);
  (void)ask.start(at(0ms));
  CHECK(pause(ask.attempt_done(1, attempt_result::outcome_unknown, at(2ms)), 2ms) == 10ms);
  CHECK(until_given_up(ask, no_responders, 12ms) == errc::outcome_unknown);
}

TEST_CASE("ask: at the deadline it says what is known") {
  auto nobody = asking(500ms);
  CHECK(until_given_up(nobody, no_responders) == errc::unavailable);
  auto stranger = asking(500ms);
  CHECK(until_given_up(stranger, not_owner) == errc::unavailable);
  auto busy = asking(500ms);
  CHECK(until_given_up(busy, attempt_result::overloaded) == errc::overloaded);
  auto silent = asking(500ms);
  (void)silent.start(at(0ms));
  CHECK(error_of(silent.attempt_done(1, timed_out, at(500ms))) == errc::outcome_unknown);
}

TEST_CASE("ask: refused as overloaded again and again it ends so, long before its deadline") {
  auto ask = asking(60s);
  std::chrono::milliseconds now{};
  auto effect = ask.start(at(now));
  while (const auto* send = std::get_if<ask_machine::send>(&effect)) {
    effect = ask.attempt_done(send->number, attempt_result::overloaded, at(now));
    if (!std::holds_alternative<ask_machine::wait>(effect)) break;
    now += std::chrono::duration_cast<std::chrono::milliseconds>(pause(effect, now));
    effect = ask.tick(at(now));
  }
  CHECK(error_of(effect) == errc::overloaded);
  CHECK(ask.attempts() == ask_machine::options{}.refusals_max);
  CHECK(now > 500ms);
  CHECK(now < 1s);
}

TEST_CASE("ask: refusals of another kind, and a new owner, begin the row of refusals anew") {
  const auto refused_often = [](ask_machine& ask, std::uint32_t times) {
    for (std::uint32_t i = 0; i < times; ++i) {
      const auto effect = ask.attempt_done(ask.attempts(), attempt_result::overloaded, at(0ms));
      REQUIRE(std::holds_alternative<ask_machine::wait>(effect));
      REQUIRE(sent(ask.tick(at(1s))) > 0);
    }
  };
  const auto one_short = ask_machine::options{}.refusals_max - 1;
  auto ask = asking(60s);
  (void)ask.start(at(0ms));
  refused_often(ask, one_short);
  (void)ask.attempt_done(ask.attempts(), not_owner, at(0ms));
  (void)ask.tick(at(1s));
  refused_often(ask, one_short);
  (void)ask.attempt_done(ask.attempts(), no_responders, at(0ms));
  (void)ask.owner_changed(at(0ms));
  refused_often(ask, one_short);
}

TEST_CASE("ask: once an attempt is uncertain nothing later makes it certain but an answer") {
  for (const auto later :
       {no_responders, not_owner, attempt_result::overloaded, attempt_result::unavailable}) {
    auto ask = asking(2s);
    (void)ask.start(at(0ms));
    CHECK(sent(ask.attempt_done(1, timed_out, at(1s))) == 2);
    (void)ask.attempt_done(2, later, at(1s));
    CHECK(until_given_up(ask, later, 1010ms) == errc::outcome_unknown);
  }
}

TEST_CASE("ask: an attempt still out at the deadline is uncertain") {
  auto ask = asking(500ms);
  (void)ask.start(at(0ms));
  CHECK(quiet(ask.tick(at(499ms))));
  CHECK(error_of(ask.tick(at(500ms))) == errc::outcome_unknown);
  CHECK(quiet(ask.attempt_done(1, answered, at(501ms))));  // too late: it was told
}

TEST_CASE("ask: a late answer to an earlier attempt is an answer, its late refusal is not") {
  auto ask = asking(5s);
  (void)ask.start(at(0ms));
  CHECK(sent(ask.attempt_done(1, timed_out, at(1s))) == 2);
  CHECK(quiet(ask.attempt_done(1, no_responders, at(1100ms))));
  CHECK(ask.current() == phase::sent);
  const auto end = ask.attempt_done(1, answered, at(1200ms));
  CHECK(std::holds_alternative<ask_machine::finish>(end));
}

TEST_CASE("ask: a rejection by the newest attempt's owner ends it, by an earlier one's not") {
  auto ask = asking(5s);
  (void)ask.start(at(0ms));
  CHECK(sent(ask.owner_changed(at(10ms))) == 2);
  CHECK(quiet(ask.attempt_done(1, rejected, at(20ms))));
  CHECK(ask.current() == phase::sent);
  const auto end = ask.attempt_done(2, rejected, at(30ms));
  CHECK(std::holds_alternative<ask_machine::finish>(end));
}

TEST_CASE("ask: a failure ends it as it is where no other attempt can have reached an actor") {
  auto ask = asking(5s);
  (void)ask.start(at(0ms));
  (void)ask.attempt_done(1, no_responders, at(1ms));
  (void)ask.tick(at(11ms));
  const auto end = ask.attempt_done(2, failed, at(12ms));
  REQUIRE(std::holds_alternative<ask_machine::finish>(end));
  CHECK(!std::get<ask_machine::finish>(end).why);
}

TEST_CASE("ask: a failure says nothing of an earlier attempt that may have reached an actor") {
  auto ask = asking(5s);
  (void)ask.start(at(0ms));
  CHECK(sent(ask.owner_changed(at(10ms))) == 2);
  SUBCASE("the newest attempt's") {
    CHECK(error_of(ask.attempt_done(2, failed, at(20ms))) == errc::outcome_unknown);
  }
  SUBCASE("an earlier one's") {
    CHECK(quiet(ask.attempt_done(1, failed, at(20ms))));
    CHECK(ask.current() == phase::sent);
  }
}

TEST_CASE("ask: a deadline that has passed sends nothing") {
  auto ask = asking(0ms);
  CHECK(error_of(ask.start(at(0ms))) == errc::unavailable);
  CHECK(ask.attempts() == 0);
}

}  // namespace aether::cluster
