// What a transfer asks of its accounts, step by step, and what it makes of their answers.

#include <aether/actors/testing.hpp>
#include "examples/bank/transfer.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>

using namespace std::chrono_literals;
using aether::testing::given;

TEST_CASE("bank transfer: a step is tried again until it is clear") {
  const auto step = aether::command_id::make();
  const auto unclear = [&](const char* why, std::uint32_t tries) {
    return step_answered{step, step_outcome::unclear, why, tries};
  };
  given<transfer>(transfer_started{"alice", "bob", 30, step})
      .when(resume_transfer{})
      .then_asked<account>("alice", withdraw{30})
      .answered(aether::error{aether::errc::outcome_unknown, "no answer"})
      .then_decided(unclear("outcome_unknown: no answer", 0))
      .then_persisted_nothing()
      .then_timer("retry", 100ms, resume_transfer{1})
      .advance(100ms)
      .then_decided(resume_transfer{1})
      .then_asked<account>("alice", withdraw{30})
      .answered(aether::error{aether::errc::unavailable, "nobody"})
      .then_decided(unclear("unavailable: nobody", 1))
      .then_timer("retry", 200ms, resume_transfer{2})
      .advance(200ms)
      .then_decided(resume_transfer{2})
      .then_asked<account>("alice", withdraw{30})
      .answered(balance{70})
      .then_decided(step_answered{step, step_outcome::done, "", 2})
      .then_asked<account>("bob", deposit{30})
      .then_no_side_effects();
}

TEST_CASE("bank transfer: after a crash nothing happens before it is resumed") {
  const auto step = aether::command_id::make();
  given<transfer>(transfer_started{"alice", "carol", 30, step}, money_taken{step},
                  delivery_refused{"closed", step})
      .restart()
      .advance(1h)
      .then_decided_nothing_more()
      .when(await_transfer{})
      .then_deferred()
      .when(resume_transfer{})
      .then_asked<account>("alice", refund{30})
      .answered(balance{100})
      .then_decided(step_answered{step, step_outcome::done, "", 0})
      .then_persisted(money_returned{})
      .then_decided(await_transfer{})
      .then_replied(transfer_state{transfer_phase::refunded, "alice", "carol", 30, {}, "closed"});
}
