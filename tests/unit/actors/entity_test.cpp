// How commands become commits, and what their senders hear.

#include "support/bank.hpp"
#include "support/entity_script.hpp"
#include "support/trickster.hpp"

#include <doctest/doctest.h>

using namespace aether;
using namespace std::chrono_literals;
using aether::testing::error_to;
using aether::testing::reply_to;
using bank::account;
using bank::balance;
using bank::deposit;
using bank::get_balance;
using bank::withdraw;
using trick::trickster;
using phase = aether::entity::phase;

namespace {

/// One that has recovered: nothing in its history.
template <class Actor>
struct ready_entity : aether::testing::entity_script<Actor> {
  ready_entity() { this->recover(); }
};

}  // namespace

TEST_CASE("entity: a command's answer leaves after its events are stored, never before") {
  ready_entity<account> it;
  auto& sent = it.send(deposit{5});
  CHECK(it.under_test.now() == phase::appending);
  CHECK(sent.answers.empty());
  it.append_succeeds();
  CHECK(reply_to<balance>(sent).cents == 5);
  CHECK(it.under_test.now() == phase::ready);
}

TEST_CASE("entity: what only reads or rejects is answered at once when nothing is being stored") {
  ready_entity<account> it;
  CHECK(reply_to<balance>(it.send(get_balance{})).cents == 0);
  auto& refused = it.send(withdraw{1});
  CHECK(error_to(refused) == errc::rejected);
  CHECK(refused.answers[0].error().text() == "insufficient funds");
  CHECK(!it.append);
}

TEST_CASE("entity: what waited for an append goes out as one commit, decided in its order") {
  ready_entity<account> it;
  it.send(deposit{100});
  auto& take = it.send(withdraw{60});
  auto& look = it.send(get_balance{});
  auto& too_much = it.send(withdraw{60});
  auto& give = it.send(deposit{5});
  it.append_succeeds();
  REQUIRE(it.append.has_value());
  CHECK(it.append->next.first == event_version{2});
  CHECK(it.append->next.events.size() == 2);
  REQUIRE(it.append->next.commands.size() == 2);
  CHECK(it.append->next.commands[0].id == take.id);
  CHECK(it.append->next.commands[0].events == 1);
  CHECK(it.append->next.commands[1].id == give.id);
  it.append_succeeds();
  CHECK(reply_to<balance>(take).cents == 40);
  CHECK(reply_to<balance>(look).cents == 40);
  CHECK(error_to(too_much) == errc::rejected);
  CHECK(reply_to<balance>(give).cents == 45);
}

TEST_CASE("entity: an answer decided on what is not yet stored waits for it, rejections too") {
  ready_entity<account> it;
  it.send(deposit{1});
  it.send(deposit{1});
  auto& look = it.send(get_balance{});
  auto& refused = it.send(withdraw{50});
  it.append_succeeds();
  CHECK(look.answers.empty());
  CHECK(refused.answers.empty());
  it.append_succeeds();
  CHECK(look.answers.size() == 1);
  CHECK(refused.answers.size() == 1);
}

TEST_CASE("entity: a commit holds at most 256 commands") {
  ready_entity<account> it;
  it.send(deposit{1});
  for (int i = 0; i < 300; ++i) it.send(deposit{1});
  it.append_succeeds();
  CHECK(it.append->next.commands.size() == commit_commands_max);
  it.append_succeeds();
  CHECK(it.append->next.commands.size() == 300 - commit_commands_max);
  it.append_succeeds();
  for (auto& sent : it.commands) CHECK(sent.answers.size() == 1);
  CHECK(reply_to<balance>(it.send(get_balance{})).cents == 301);
}

TEST_CASE("entity: a commit holds at most 256 events, and a command's events are never split") {
  ready_entity<trickster> it;
  it.send(trick::note{});
  it.send(trick::write{.count = 200});
  it.send(trick::write{.count = 57});
  it.append_succeeds();
  CHECK(it.append->next.events.size() == 200);
  it.append_succeeds();
  CHECK(it.append->next.events.size() == 57);
  CHECK(it.append->next.first == event_version{202});

  auto& most = it.send(trick::write{.count = commit_events_max});
  auto& more = it.send(trick::write{.count = commit_events_max + 1});
  it.append_succeeds();
  CHECK(it.append->next.events.size() == commit_events_max);
  it.append_succeeds();
  CHECK(most.answers[0].has_value());
  CHECK(error_to(more) == errc::commit_too_large);
}

TEST_CASE("entity: a commit never holds more bytes than its limit") {
  ready_entity<trickster> it;
  it.send(trick::note{});
  for (int i = 0; i < 5; ++i) it.send(trick::write{.size = 300'000});
  auto& huge = it.send(trick::write{.size = commit_bytes_max});
  it.append_succeeds();
  CHECK(it.append->next.events.size() == 3);
  it.append_succeeds();
  CHECK(it.append->next.events.size() == 2);
  CHECK(huge.answers.empty());
  it.append_succeeds();
  CHECK(error_to(huge) == errc::commit_too_large);
  CHECK(it.under_test.now() == phase::ready);
}

TEST_CASE("entity: what a store calls too large is tried again in smaller commits") {
  ready_entity<account> it;
  it.send(deposit{1});
  for (int i = 0; i < 8; ++i) it.send(deposit{1});
  it.append_succeeds();
  CHECK(it.append->next.commands.size() == 8);
  it.append_fails(errc::commit_too_large);
  it.recover();
  CHECK(it.append->next.commands.size() == 4);
  it.append_fails(errc::commit_too_large);
  it.recover();
  CHECK(it.append->next.commands.size() == 2);
  it.append_fails(errc::commit_too_large);
  it.recover();
  CHECK(it.append->next.commands.size() == 1);
  it.append_fails(errc::commit_too_large);  // alone it does not fit either
  CHECK(error_to(it.commands[1]) == errc::commit_too_large);
  it.recover();
  while (it.append) it.append_succeeds();
  for (auto& sent : it.commands) CHECK(sent.answers.size() == 1);
  CHECK(reply_to<balance>(it.send(get_balance{})).cents == 8);
}

TEST_CASE("entity: the same command twice in one batch has one effect and two equal answers") {
  ready_entity<account> it;
  it.send(deposit{1});
  auto& first = it.send(deposit{10});
  auto& second = it.send(deposit{10}, {.id = first.id, .repeated = true});
  it.append_succeeds();
  CHECK(it.append->next.commands.size() == 1);
  it.append_succeeds();
  CHECK(reply_to<balance>(first).cents == 11);
  CHECK(reply_to<balance>(second).cents == 11);
}

TEST_CASE("entity: a command sent again is answered from the window, even by a later owner") {
  ready_entity<account> it;
  auto& first = it.send(deposit{10});
  it.append_succeeds();
  it.send(deposit{1});
  it.append_succeeds();
  CHECK(reply_to<balance>(it.send(deposit{10}, {.id = first.id})).cents == 10);
  CHECK(!it.append);

  aether::testing::entity_script<account> next_owner;
  next_owner.log = it.log;
  next_owner.recover();
  CHECK(reply_to<balance>(next_owner.send(deposit{10}, {.id = first.id})).cents == 10);

  it.retire(departure::if_idle);
  it.save_succeeds();
  aether::testing::entity_script<account> from_snapshot;
  from_snapshot.log = it.log;
  from_snapshot.saved = it.saved;
  from_snapshot.recover();
  CHECK(reply_to<balance>(from_snapshot.send(deposit{10}, {.id = first.id})).cents == 10);
}

TEST_CASE("entity: a repeated command that may have been forgotten is not decided again") {
  ready_entity<trickster> it;  // its window has 8 places
  auto& first = it.send(trick::write{});
  it.append_succeeds();
  for (int i = 0; i < 8; ++i) {
    it.send(trick::note{});
    it.append_succeeds();
  }
  auto& again = it.send(trick::write{}, {.id = first.id, .repeated = true});
  CHECK(error_to(again) == errc::outcome_unknown);
  CHECK(!it.append);
  auto far_future = first.id.raw();
  far_future[0] = 0xff;
  it.send(trick::note{}, {.id = command_id{far_future}, .repeated = true});
  CHECK(it.append.has_value());
}

TEST_CASE("entity: a command whose deadline has passed is not decided") {
  ready_entity<account> it;
  it.send(deposit{1});
  auto& late = it.send(deposit{10}, {.deadline = it.now + 1s});
  it.now += 1s;
  it.append_succeeds();
  CHECK(error_to(late) == errc::unavailable);
  CHECK(reply_to<balance>(it.send(get_balance{})).cents == 1);
}

TEST_CASE("entity: after a lost race everything is read back and decided again, in its order") {
  ready_entity<account> it;
  it.send(deposit{0});
  auto& give = it.send(deposit{10});
  auto& look = it.send(get_balance{});
  auto& take = it.send(withdraw{15});
  it.append_succeeds();

  commit others;
  others.first = event_version{2};
  others.events = {{std::string{bank::deposited::aether_wire_name}, encode(bank::deposited{100})}};
  it.put(others);
  it.append_fails(errc::version_conflict);
  CHECK(it.under_test.now() == phase::recovering);
  CHECK(it.reported("append_conflict"));
  CHECK(give.answers.empty());
  auto& later = it.send(get_balance{});
  it.recover();
  REQUIRE(it.append.has_value());
  CHECK(it.append->next.first == event_version{3});
  CHECK(it.append->next.commands.size() == 2);
  it.append_succeeds();
  CHECK(reply_to<balance>(give).cents == 110);
  CHECK(reply_to<balance>(look).cents == 110);
  CHECK(reply_to<balance>(take).cents == 95);
  CHECK(reply_to<balance>(later).cents == 95);
}

TEST_CASE("entity: after a lost race, what the winner already did is answered, not done again") {
  ready_entity<account> it;
  auto& sent = it.send(deposit{10});
  commit same = it.append->next;  // the other owner got the same command
  it.put(same);
  it.append_fails(errc::version_conflict);
  it.recover();
  CHECK(!it.append);
  CHECK(reply_to<balance>(sent).cents == 10);
}

TEST_CASE("entity: after a lost race, what the winner did and has forgotten is not done again") {
  ready_entity<trickster> it;  // its window has 8 places
  auto& sent = it.send(trick::write{});
  commit next = it.append->next;  // the other owner got the same command, and then many more
  it.put(next);
  for (int i = 0; i < 8; ++i) {
    next.first = event_version{next.last().value() + 1};
    next.commands.front().id = command_id::make();
    it.put(next);
  }
  it.append_fails(errc::version_conflict);
  it.recover();
  CHECK(!it.append);
  CHECK(error_to(sent) == errc::outcome_unknown);
}

TEST_CASE("entity: of a tell, too, a copy that waited for a recovery is not done again") {
  ready_entity<trickster> it;  // its window has 8 places
  it.tell(trick::write{});     // and another owner got the same one, as in a hand-over by force
  commit next = it.append->next;
  it.put(next);
  for (int i = 0; i < 8; ++i) {
    next.first = event_version{next.last().value() + 1};
    next.commands.front().id = command_id::make();
    it.put(next);
  }
  it.append_fails(errc::version_conflict);
  it.recover();
  CHECK(!it.append);
}

TEST_CASE("entity: another copy of an ask that was rejected is told the same") {
  ready_entity<account> it;
  it.send(deposit{10});
  it.append_succeeds();
  SUBCASE("a late first one") {
    const auto id = it.send(withdraw{100}, {.repeated = true}).id;
    it.send(deposit{200});
    it.append_succeeds();
    CHECK(error_to(it.send(withdraw{100}, {.id = id})) == errc::rejected);
    CHECK(!it.append);
  }
  SUBCASE("one that is repeated") {
    const auto id = it.send(withdraw{100}).id;
    it.send(deposit{200});
    it.append_succeeds();
    CHECK(error_to(it.send(withdraw{100}, {.id = id, .repeated = true})) == errc::rejected);
    CHECK(!it.append);
  }
  SUBCASE("in the same batch, and after it was read back") {
    it.send(deposit{1});
    const auto id = it.send(withdraw{100}).id;
    it.send(deposit{200});
    auto& copy = it.send(withdraw{100}, {.id = id, .repeated = true});
    it.append_succeeds();
    it.append_succeeds();
    CHECK(error_to(copy) == errc::rejected);
    it.send(deposit{1});
    it.append_fails(errc::version_conflict);
    it.recover();
    it.append_succeeds();
    CHECK(error_to(it.send(withdraw{100}, {.id = id, .repeated = true})) == errc::rejected);
  }
  SUBCASE("but one whose rejection was not told is decided again") {
    it.send(deposit{1});
    it.send(deposit{1});
    auto& first = it.send(withdraw{100}, {.repeated = true});
    it.send(deposit{200});
    it.append_succeeds();
    CHECK(it.append->next.commands.size() == 2);
    commit next = it.append->next;  // another writer comes first
    for (auto& command : next.commands) command.id = command_id::make();
    it.put(next);
    it.append_fails(errc::version_conflict);
    it.recover();
    it.append_succeeds();
    CHECK(first.answers.at(0).has_value());
  }
}

TEST_CASE("entity: who loses every race is told so, and the next command starts anew") {
  ready_entity<account> it;
  auto& sent = it.send(deposit{10});
  for (unsigned i = 1; i <= entity::conflicts_max; ++i) {
    REQUIRE(it.append.has_value());
    CHECK(sent.answers.empty());
    it.append_fails(errc::version_conflict);
    it.recover();
  }
  CHECK(error_to(sent) == errc::unavailable);
  CHECK(!it.append);
  auto& next = it.send(deposit{1});
  it.append_fails(errc::version_conflict);
  CHECK(next.answers.empty());
}

TEST_CASE("entity: an unknown outcome is answered as unknown, and history says what became of it") {
  ready_entity<account> it;
  it.send(deposit{0});
  auto& give = it.send(deposit{10});
  auto& look = it.send(get_balance{});
  it.append_succeeds();
  std::int64_t expected = 0;
  SUBCASE("it was stored") {
    it.put(it.append->next);
    expected = 10;
  }
  SUBCASE("it was not stored") {}
  it.append_fails(errc::outcome_unknown);
  CHECK(error_to(give) == errc::outcome_unknown);
  CHECK(look.answers.empty());
  it.recover();
  CHECK(reply_to<balance>(look).cents == expected);

  auto& again = it.send(deposit{10}, {.id = give.id, .repeated = true});
  if (it.append) it.append_succeeds();
  CHECK(reply_to<balance>(again).cents == 10);
  CHECK(it.log.size() == 2);
}

TEST_CASE("entity: what the store refuses is answered with its reason, the rest is decided again") {
  ready_entity<account> it;
  it.send(deposit{0});
  auto& give = it.send(deposit{10});
  auto& look = it.send(get_balance{});
  it.append_succeeds();
  it.append_fails(errc::store_failed);
  CHECK(error_to(give) == errc::store_failed);
  it.recover();
  CHECK(reply_to<balance>(look).cents == 0);
}

TEST_CASE("entity: a handler that throws costs its own command only, and persists nothing") {
  ready_entity<trickster> it;
  it.send(trick::note{});
  auto& before = it.send(trick::write{});
  trick::place where{};
  std::string boom;
  SUBCASE("on") {
    where = trick::place::on;
    boom = "boom in on";
  }
  SUBCASE("apply") {
    where = trick::place::apply;
    boom = "apply threw";
  }
  SUBCASE("reply") {
    where = trick::place::reply;
    boom = "boom in reply";
  }
  auto& bad = it.send(trick::blow_up{where});
  auto& after = it.send(trick::count{});
  it.append_succeeds();
  it.recover();
  it.append_succeeds();
  CHECK(error_to(bad) == errc::handler_failed);
  CHECK(bad.answers[0].error().text().find(boom) != std::string::npos);
  CHECK(before.answers.size() == 1);
  CHECK(reply_to<trick::tally>(after).events == 2);
  CHECK(it.log.back().commit.last() == event_version{2});
}

TEST_CASE("entity: a command without a reply is answered with nothing, the first time and again") {
  ready_entity<trickster> it;
  auto& note = it.send(trick::note{});
  it.append_succeeds();
  REQUIRE(note.answers.size() == 1);
  CHECK(take_reply<void>(std::move(note.answers[0])).has_value());
  auto& again = it.send(trick::note{}, {.id = note.id, .repeated = true});
  REQUIRE(again.answers.size() == 1);
  CHECK(take_reply<void>(std::move(again.answers[0])).has_value());
  auto& ignored = it.send(trick::ignore{});
  REQUIRE(ignored.answers.size() == 1);
  CHECK(take_reply<void>(std::move(ignored.answers[0])).has_value());
}

TEST_CASE("entity: an effect with an empty list of events stores nothing and still replies") {
  ready_entity<trickster> it;
  auto& sent = it.send(trick::write{.count = 0, .reply_size = 3});
  CHECK(reply_to<trick::text>(sent).content == "rrr");
  CHECK(!it.append);
}

TEST_CASE("entity: a command of another actor's is answered with unknown_message") {
  ready_entity<account> it;
  CHECK(error_to(it.send(trick::note{})) == errc::unknown_message);
}
