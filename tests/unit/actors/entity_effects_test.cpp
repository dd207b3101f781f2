#include "support/entity_script.hpp"
#include "support/juggler.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace aether;
using namespace std::chrono_literals;
using juggle::balls;
using juggle::bow;
using juggle::juggler;
using juggle::look;
using juggle::show;
using juggle::throw_up;
using juggle::wait_for;
using juggle::who_asks;
using testing::error_to;
using testing::reply_to;
using script = testing::entity_script<juggler>;
using phase = entity::phase;

namespace {

struct ready_script : script {
  ready_script() { recover(); }
};

}  // namespace

TEST_CASE("entity: who only reads is answered during an append, from what is stored") {
  ready_script it;
  (void)it.send(throw_up{2});
  it.append_succeeds();
  auto& writing = it.send(throw_up{3});
  REQUIRE(it.append.has_value());
  auto& reading = it.send(look{});
  CHECK(reply_to<balls>(reading).up == 2);
  CHECK(writing.answers.empty());
  SUBCASE("stored") {
    it.append_succeeds();
    CHECK(reply_to<balls>(it.send(look{})).up == 5);
  }
  SUBCASE("not stored") {
    it.append_fails(errc::unavailable);
    it.recover();
    CHECK(reply_to<balls>(it.send(look{})).up == 2);
  }
}

TEST_CASE("entity: who only reads does not see what is decided before it in the same batch") {
  ready_script it;
  (void)it.send(throw_up{1});
  auto& writing = it.send(throw_up{1});
  it.append_fails(errc::version_conflict);  // both wait now, and then one that reads
  auto& reading = it.send(look{});
  it.recover();
  CHECK(reply_to<balls>(reading).up == 0);
  CHECK(writing.answers.empty());
  it.append_succeeds();
  CHECK(reply_to<balls>(writing).up == 2);
}

TEST_CASE("entity: a deferred command is decided behind the next stored event, ahead of others") {
  ready_script it;
  auto& patient = it.send(wait_for{3});
  CHECK(it.under_test.now() == phase::ready);
  CHECK(it.under_test.held() == 1);
  (void)it.send(throw_up{1});
  it.append_succeeds();
  CHECK(patient.answers.empty());
  (void)it.send(throw_up{2});
  auto& later = it.send(throw_up{10});
  it.append_succeeds();
  CHECK(reply_to<balls>(patient).up == 3);
  it.append_succeeds();
  CHECK(reply_to<balls>(later).up == 13);
  CHECK(it.under_test.held() == 0);
}

TEST_CASE("entity: commands are deferred up to a bound, and not beyond their deadlines") {
  ready_script it;
  auto& first = it.send(wait_for{3}, {.deadline = it.now + 10ms});
  CHECK(it.expire_wanted == it.now + 10ms);
  auto& second = it.send(wait_for{3});
  CHECK(error_to(it.send(wait_for{3})) == errc::overloaded);
  it.now += 9ms;
  it.expire();
  CHECK(first.answers.empty());
  it.now += 1ms;
  it.expire();
  CHECK(error_to(first) == errc::unavailable);
  CHECK(it.expired == 1);
  CHECK(second.answers.empty());
  auto& third = it.send(wait_for{3});  // there is room again
  CHECK(third.answers.empty());
  (void)it.send(throw_up{3});
  it.append_succeeds();
  CHECK(reply_to<balls>(second).up == 3);
  CHECK(reply_to<balls>(third).up == 3);
}

TEST_CASE("entity: however often commands are deferred, one look at their deadlines is asked for") {
  ready_script it;
  auto& late = it.send(wait_for{900}, {.deadline = it.now + 20ms});
  auto& early = it.send(wait_for{900}, {.deadline = it.now + 10ms});
  CHECK(it.expiries_wanted == 2);
  for (int i = 0; i < 50; ++i) {
    (void)it.send(throw_up{1});
    it.append_succeeds();
  }
  CHECK(it.expiries_wanted == 2);
  it.now += 10ms;
  it.expire();
  CHECK(error_to(early) == errc::unavailable);
  CHECK(it.expire_wanted == it.now + 10ms);
  it.now += 10ms;
  it.expire();
  CHECK(error_to(late) == errc::unavailable);
  CHECK(!it.expire_wanted.has_value());
}

TEST_CASE("entity: nothing comes after a command whose reply cannot be made") {
  ready_script it;
  CHECK(error_to(it.send(juggle::fumble{})) == errc::handler_failed);
  CHECK(it.acts.empty());
  CHECK(it.retired == 0);
}

TEST_CASE("entity: what was deferred by a lost decision is decided again") {
  ready_script it;
  (void)it.send(throw_up{1});
  it.append_fails(errc::version_conflict);
  auto& patient = it.send(wait_for{5});
  it.recover();  // the first again, then the patient one defers in its batch
  commit foreign;
  foreign.id = commit_id::make();
  foreign.first = event_version{1};
  foreign.events = {{"juggle.thrown_up", encode(juggle::thrown_up{5})}};
  it.put(std::move(foreign));
  it.append_fails(errc::version_conflict);
  it.recover();
  CHECK(patient.answers.empty());  // behind the first, as it was sent
  it.append_succeeds();
  CHECK(reply_to<balls>(patient).up == 6);
}

TEST_CASE("entity: a deferred command keeps an idle actor, and is refused by one that must go") {
  ready_script it;
  auto& patient = it.send(wait_for{5});
  it.retire(departure::if_idle);
  CHECK(it.retired == 0);
  it.retire(departure::at_once);
  CHECK(error_to(patient) == errc::not_owner);
  CHECK(it.retired == 1);
}

TEST_CASE("entity: a side effect runs once, after the answer, when the events are stored") {
  ready_script it;
  auto& sent = it.send(show{2});
  CHECK(it.acts.empty());
  SUBCASE("stored") {
    it.append_succeeds();
    REQUIRE(it.acts.size() == 1);
    CHECK(sent.answers.size() == 1);
    CHECK(it.acts[0].known.command == sent.id);
    CHECK(it.acts[0].known.version == event_version{2 - 1});
    (void)it.send(show{2}, {.id = sent.id, .repeated = true});
    CHECK(it.acts.size() == 1);
  }
  SUBCASE("a lost race: once, when it is stored at last") {
    it.append_fails(errc::version_conflict);
    it.recover();
    CHECK(it.acts.empty());
    it.append_succeeds();
    CHECK(it.acts.size() == 1);
  }
  SUBCASE("not stored") {
    it.append_fails(errc::unavailable);
    it.recover();
    CHECK(it.acts.empty());
  }
  SUBCASE("nobody knows") {
    it.put(it.append->next);
    it.append_fails(errc::outcome_unknown);
    it.recover();  // which replays it
    CHECK(it.acts.empty());
  }
}

TEST_CASE("entity: a side effect without events runs at once") {
  ready_script it;
  (void)it.send(show{0});
  CHECK(it.acts.size() == 1);
}

TEST_CASE("entity: one that stops saves its state and gives what waits to its next incarnation") {
  ready_script it;
  auto& stopping = it.send(bow{1});
  auto& second = it.send(throw_up{1});
  auto& patient = it.send(wait_for{9});
  it.append_succeeds();
  CHECK(reply_to<balls>(stopping).up == 1);
  CHECK(it.under_test.now() == phase::leaving);
  auto& third = it.send(throw_up{1});
  CHECK(it.retired == 0);
  it.save_succeeds();
  CHECK(it.retired == 1);
  CHECK(it.ended);
  REQUIRE(it.left.size() == 3);
  CHECK(it.left[0].id == second.id);
  CHECK(it.left[1].id == patient.id);
  CHECK(it.left[2].id == third.id);
  for (const auto* one : {&second, &patient, &third}) CHECK(one->answers.empty());
}

TEST_CASE("entity: one that stops takes its deferred commands along, and none of its batch") {
  ready_script it;
  auto& patient = it.send(wait_for{9});
  (void)it.send(bow{0});
  REQUIRE(it.retired == 1);  // nothing to save
  REQUIRE(it.left.size() == 1);
  CHECK(it.left[0].id == patient.id);
}

TEST_CASE("entity: whose stop was not stored does not stop") {
  ready_script it;
  auto& stopping = it.send(bow{1});
  it.append_fails(errc::unavailable);
  it.recover();
  CHECK(error_to(stopping) == errc::unavailable);
  CHECK(it.retired == 0);
  CHECK(reply_to<balls>(it.send(look{})).up == 0);
}

TEST_CASE("entity: one that stops and is told to go by force refuses what waits") {
  ready_script it;
  (void)it.send(bow{1});
  auto& second = it.send(throw_up{1});
  it.append_succeeds();
  it.retire(departure::at_once);
  it.save_succeeds();
  CHECK(error_to(second) == errc::not_owner);
  CHECK(it.left.empty());
}

TEST_CASE("entity: a rejection carries its typed reason") {
  ready_script it;
  auto& sent = it.send(throw_up{2'000});
  REQUIRE(error_to(sent) == errc::rejected);
  const auto reason = reason_of<juggle::too_many>(sent.answers[0].error());
  REQUIRE(reason.has_value());
  CHECK(reason->allowed == 1'000);
  CHECK(!reason_of<juggle::balls>(sent.answers[0].error()).has_value());
}

TEST_CASE("entity: a handler is told who asks, on whose behalf, when, and what it sees") {
  juggle::stage stage;
  std::vector<event_version> versions;
  std::vector<command_id> stories, commands;
  std::vector<std::string> senders;
  std::chrono::system_clock::time_point when{};
  stage.on_context = [&](const command_context& context) {
    versions.push_back(context.version());
    commands.push_back(context.command());
    stories.push_back(context.correlation());
    senders.push_back(context.sender() == nullptr ? "" : to_string(*context.sender()));
    when = context.now();
    CHECK(to_string(context.self()) == "juggler/it");
  };
  ready_script it;
  it.wall += 5s;
  auto& alone = it.send(who_asks{});
  (void)it.send(throw_up{1});
  auto& sent = it.send(who_asks{});  // waits for the event on its way
  it.append_succeeds();
  const command_id story = command_id::make();
  it.send_envelope({command_id::make(), story, false, false, script::time_point::max(),
                    any_message::of(who_asks{}), [](auto) {},
                    std::make_shared<const actor_address>(it.address)});
  CHECK(versions == std::vector{event_version{0}, event_version{1}, event_version{1}});
  CHECK(commands[0] == alone.id);
  CHECK(stories[0] == alone.id);  // it began its story
  CHECK(commands[1] == sent.id);
  CHECK(stories[2] == story);
  CHECK(senders == std::vector<std::string>{"", "", "juggler/it"});
  CHECK(when == it.wall);
}
