#include "support/entity_script.hpp"
#include "support/juggler.hpp"

#include <doctest/doctest.h>

using namespace aether;
using namespace std::chrono_literals;
using juggle::balls;
using juggle::careful_juggler;
using juggle::look;
using juggle::stumble;
using juggle::throw_up;
using testing::error_to;
using testing::reply_to;
using phase = entity::phase;

namespace {

template <class Actor>
struct ready_script : testing::entity_script<Actor> {
  ready_script() { this->recover(); }
};
using script = ready_script<careful_juggler>;

/// Stumbles so often in a row, as fast as it may.
void stumble_often(script& it, unsigned times) {
  for (unsigned i = 0; i < times; ++i) {
    if (it.retry_wanted) it.retry();
    it.recover();
    (void)it.send(stumble{});
  }
}

}  // namespace

TEST_CASE("entity: a handler that throws costs its command, and under `keep` nothing else") {
  ready_script<juggle::juggler> it;
  CHECK(error_to(it.send(stumble{})) == errc::handler_failed);
  CHECK(it.under_test.now() == phase::ready);
  CHECK(it.times_made == 1);
  (void)it.send(stumble{.in_side_effect = true});
  it.append_succeeds();
  it.side_effect_threw();
  CHECK(it.under_test.now() == phase::ready);
  CHECK(!it.reported("restarted"));
}

TEST_CASE("entity: a handler that throws has the actor made anew, with its state from history") {
  script it;
  (void)it.send(throw_up{3});
  it.append_succeeds();
  CHECK(error_to(it.send(stumble{})) == errc::handler_failed);
  CHECK(it.times_made == 2);
  CHECK(it.reported("restarted"));
  auto& waiting = it.send(throw_up{1});
  CHECK(waiting.answers.empty());
  it.recover();
  it.append_succeeds();
  CHECK(reply_to<balls>(waiting).up == 4);
}

TEST_CASE("entity: what was decided before the one that throws is stored before the restart") {
  script it;
  (void)it.send(throw_up{1});
  auto& before = it.send(throw_up{1});
  auto& thrower = it.send(stumble{});
  auto& after = it.send(throw_up{1});
  it.append_succeeds();
  it.append_succeeds();
  CHECK(reply_to<balls>(before).up == 2);
  CHECK(error_to(thrower) == errc::handler_failed);
  CHECK(it.under_test.now() == phase::recovering);
  it.recover();
  it.append_succeeds();
  CHECK(reply_to<balls>(after).up == 3);
}

TEST_CASE("entity: what throws during an append restarts the actor after it") {
  script it;
  (void)it.send(throw_up{1});
  it.append_succeeds();
  auto& writing = it.send(throw_up{1});
  SUBCASE("a side effect") { it.side_effect_threw(); }
  SUBCASE("a reader") { CHECK(error_to(it.send(look{.stumble = true})) == errc::handler_failed); }
  CHECK(it.under_test.now() == phase::appending);
  it.append_succeeds();
  CHECK(reply_to<balls>(writing).up == 2);
  CHECK(it.under_test.now() == phase::recovering);
  CHECK(it.times_made == 2);
}

TEST_CASE("entity: restarts in a row come slower and slower, and end in quarantine") {
  script it;
  (void)it.send(stumble{});
  CHECK(it.under_test.now() == phase::recovering);  // the first at once
  it.recover();
  auto expected = entity::retry_min;
  for (unsigned crash = 2; crash < crashes_max; ++crash) {
    (void)it.send(stumble{});
    CHECK(it.under_test.now() == phase::backing_off);
    CHECK(it.retry_wanted == expected);
    expected *= 2;
    it.retry();  // although nobody waits: it is not to forget how often it failed
    it.recover();
  }
  (void)it.send(stumble{});
  CHECK(it.under_test.now() == phase::quarantined);
  CHECK(it.retry_wanted == entity::quarantine_min);
  auto& refused = it.send(throw_up{1});
  CHECK(error_to(refused) == errc::quarantined);
  CHECK(refused.answers[0].error().text().starts_with("it keeps failing: handler_failed:"));
  SUBCASE("one more after that, and it is away for longer") {
    stumble_often(it, 1);
    CHECK(it.under_test.now() == phase::quarantined);
    CHECK(it.retry_wanted == 2 * entity::quarantine_min);
  }
  SUBCASE("after a quiet time a new row begins") {
    it.retry();
    it.recover();
    it.now += crash_quiet + 1ms;
    (void)it.send(stumble{});
    CHECK(it.under_test.now() == phase::recovering);
  }
}

TEST_CASE(
    "entity: who threw in a batch that is lost is counted once, when it is decided for good") {
  script it;
  (void)it.send(throw_up{1});
  (void)it.send(throw_up{1});
  auto& thrower = it.send(stumble{});
  it.append_succeeds();  // now both others are in one batch
  it.append_fails(errc::version_conflict);
  CHECK(thrower.answers.empty());
  CHECK(!it.reported("restarted"));
  it.recover();
  it.append_succeeds();
  CHECK(error_to(thrower) == errc::handler_failed);
  CHECK(it.reported("restarted"));
  CHECK(it.under_test.now() == phase::recovering);  // the first of its row
}

TEST_CASE("entity: time in quarantine is no quiet time") {
  script it;
  stumble_often(it, crashes_max);
  REQUIRE(it.under_test.now() == phase::quarantined);
  for (auto expected = 2 * entity::quarantine_min; expected < entity::quarantine_max;
       expected *= 2) {
    it.now += *it.retry_wanted;
    stumble_often(it, 1);
    CHECK(it.retry_wanted == expected);
  }
}

TEST_CASE("entity: one that failed a while ago leaves memory like any other") {
  script it;
  stumble_often(it, 1);
  it.recover();
  it.now += crash_quiet + 1ms;
  it.retire(departure::if_idle);
  CHECK(it.retired == 1);
}

TEST_CASE("entity: a command whose deadline passes while the actor pauses is answered so") {
  script it;
  stumble_often(it, 2);
  REQUIRE(it.under_test.now() == phase::backing_off);
  auto& sent = it.send(throw_up{1}, {.deadline = it.now + 10ms});
  it.now += 50ms;
  it.retry();
  CHECK(error_to(sent) == errc::unavailable);
  CHECK(it.expired == 1);
}
