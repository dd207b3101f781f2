#include <aether/actors/testing.hpp>
#include "support/bank.hpp"
#include "support/complaint.hpp"
#include "support/old_ledger.hpp"
#include "support/trickster.hpp"

#include <doctest/doctest.h>

#include <string>

using aether::testing::given;
using aether::testing_support::complaint;
using bank::account;
using bank::balance;
using bank::deposit;
using bank::deposited;
using bank::get_balance;
using bank::withdraw;
using bank::withdrawn;

TEST_CASE("fixture: a history, a command, and what came of it") {
  given<account>(deposited{50}, withdrawn{10})
      .when(withdraw{30})
      .then_persisted(withdrawn{30})
      .then_replied(balance{10})
      .then_state(balance{10});
  given<account>().when(get_balance{}).then_persisted_nothing().then_replied(balance{0});
  given<account>(deposited{50})
      .when(withdraw{80})
      .then_rejected("insufficient funds")
      .then_persisted_nothing()
      .then_state(balance{50});
}

TEST_CASE("fixture: a history alone has a state, retired events as what they mean today") {
  given<account>(deposited{50}, withdrawn{10}).then_state(balance{40});
  given<account>().then_state(balance{}).when(deposit{5}).then_state(balance{5});
  given<old_ledger::ledger>(old_ledger::salary_paid{3})
      .then_state(old_ledger::totals{300, 0, {"salary"}})
      .when(old_ledger::move_money{1})
      .then_persisted(old_ledger::moved{1, "today"});
  CHECK(complaint([] { given<account>(deposited{50}).then_state(balance{7}); }) ==
        "state: expected bank.balance{cents: 7}; found bank.balance{cents: 50}");
}

TEST_CASE("fixture: commands can follow one another") {
  auto alice = given<account>();
  alice.when(deposit{5}).then_replied(balance{5});
  alice.when(deposit{6}).then_replied(balance{11});
  alice.and_event(withdrawn{1}).when(get_balance{}).then_replied(balance{10});
}

TEST_CASE("fixture: an expectation that does not hold says what was expected and what was found") {
  CHECK(complaint([] {
          given<account>(deposited{50}).when(withdraw{30}).then_persisted(withdrawn{31});
        }) == "events: expected bank.withdrawn{cents: 31}; found bank.withdrawn{cents: 30}");
  CHECK(complaint([] { given<account>().when(deposit{1}).then_persisted_nothing(); }) ==
        "events: expected none; found bank.deposited{cents: 1}");
  CHECK(complaint([] { given<account>().when(get_balance{}).then_replied(balance{7}); }) ==
        "reply: expected bank.balance{cents: 7}; found bank.balance{cents: 0}");
  CHECK(complaint([] { given<account>().when(get_balance{}).then_state(balance{7}); }) ==
        "state: expected bank.balance{cents: 7}; found bank.balance{cents: 0}");
}

TEST_CASE("fixture: an outcome of the wrong kind is told apart") {
  CHECK(complaint([] { given<account>().when(withdraw{1}).then_replied(balance{}); }) ==
        "reply: expected bank.balance{cents: 0}; found rejected: insufficient funds");
  CHECK(complaint([] { given<account>().when(withdraw{1}).then_persisted(withdrawn{1}); }) ==
        "events: expected bank.withdrawn{cents: 1}; found rejected: insufficient funds");
  CHECK(complaint([] { given<account>().when(withdraw{1}).then_rejected("other words"); }) ==
        "outcome: expected rejected: other words; found rejected: insufficient funds");
  CHECK(complaint([] { given<account>().when(deposit{1}).then_rejected("no"); }) ==
        "outcome: expected rejected: no; found accepted, with events bank.deposited{cents: 1}");
  CHECK(complaint([] {
          given<trick::trickster>().when(trick::ignore{}).then_replied(trick::tally{});
        }) == "reply: expected trick.tally{events: 0}; found none");
}

TEST_CASE("fixture: a handler that throws is an outcome, not a crash") {
  CHECK(complaint([] {
          given<trick::trickster>()
              .when(trick::blow_up{trick::place::on})
              .then_replied(trick::tally{});
        }).find("found handler_failed: the command handler threw: boom in on") !=
        std::string::npos);
}

TEST_CASE("fixture: a history that cannot be replayed says so") {
  CHECK(complaint([] { (void)given<trick::trickster>(trick::blown_up{}); }).find("boom in apply") !=
        std::string::npos);
}
