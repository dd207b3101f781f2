// What a host answers that may have been given up by its cluster, without knowing it.

#include "support/bank_node.hpp"
#include "support/juggler.hpp"

#include <doctest/doctest.h>

#include <memory>

using namespace aether;
using namespace std::chrono_literals;
using aether::testing::account_of;
using aether::testing::actor_of;
using aether::testing::balance_of;
using aether::testing::bank_node;
using aether::testing::long_enough;
using bank::deposit;
using bank::get_balance;
using bank::withdraw;
using juggle::juggler;

namespace {

using clock_type = std::chrono::steady_clock;

/// Alice has 5, in memory.
struct lone_host : bank_node {
  std::unique_ptr<actor_host> host = start();
  actor_ref<bank::account> alice = account_of(*host, "alice");

  lone_host() {
    host->host<juggler>();
    REQUIRE(alice.ask(deposit{5}, long_enough).get().has_value());
  }
  void lose_contact() { host->set_contact_until(clock_type::now()); }
  [[nodiscard]] std::size_t looks() const { return events->calls().latest; }
};

}  // namespace

TEST_CASE("contact: without it a query costs a look at the log, and is answered") {
  lone_host it;
  const auto before = it.looks();
  CHECK(it.alice.ask(get_balance{}, long_enough).get()->cents == 5);
  CHECK(it.looks() == before);
  it.lose_contact();
  CHECK(it.alice.ask(get_balance{}, long_enough).get()->cents == 5);
  CHECK(it.alice.ask(withdraw{6}, long_enough).get().error().code() == errc::rejected);
  CHECK(it.looks() == before + 2);
  CHECK(it.alice.ask(deposit{1}, long_enough).get()->cents == 6);
  CHECK(it.looks() == before + 2);
}

TEST_CASE("contact: without it a query sees what another owner has stored") {
  lone_host it;
  const auto other = it.start();
  REQUIRE(account_of(*other, "alice").ask(deposit{1}, long_enough).get().has_value());
  it.lose_contact();
  CHECK(it.alice.ask(withdraw{6}, long_enough).get()->cents == 0);
  REQUIRE(account_of(*other, "alice").ask(deposit{3}, long_enough).get().has_value());
  CHECK(it.alice.ask(get_balance{}, long_enough).get()->cents == 3);
}

TEST_CASE("contact: without it and without the store nothing is answered from memory") {
  juggle::stage stage;
  lone_host it;
  const auto juggler_here = actor_of<juggler>(*it.host, "j");
  REQUIRE(juggler_here.ask(juggle::throw_up{1}, long_enough).get().has_value());
  it.lose_contact();
  it.events->fail_reads(errc::timed_out, 2);
  CHECK(it.alice.ask(get_balance{}, long_enough).get().error().code() == errc::unavailable);
  CHECK(juggler_here.ask(juggle::look{}, long_enough).get().error().code() == errc::unavailable);
  it.events->fail_reads(errc::timed_out);
  CHECK(juggler_here.stale_reads().ask(juggle::look{}, long_enough).get()->up == 1);
  CHECK(it.alice.stale_reads().ask(get_balance{}, long_enough).get().error().code() ==
        errc::unavailable);  // an `effect` is no such read
}

TEST_CASE("contact: after a gap each actor is looked after once") {
  lone_host it;
  it.lose_contact();
  it.host->set_contact_until(clock_type::time_point::max());
  const auto before = it.looks();
  for (int i = 0; i < 3; ++i) CHECK(it.alice.ask(get_balance{}, long_enough).get()->cents == 5);
  CHECK(it.looks() == before + 1);
  CHECK(balance_of(*it.host, "bob") == 0);  // read back since then: 1 look, as ever
  CHECK(balance_of(*it.host, "bob") == 0);
  CHECK(it.looks() == before + 2);
}

TEST_CASE("contact: prolonged in time, there is no gap") {
  lone_host it;
  it.host->set_contact_until(clock_type::now() + long_enough);
  it.host->set_contact_until(clock_type::now() + 2 * long_enough);
  const auto before = it.looks();
  CHECK(it.alice.ask(get_balance{}, long_enough).get()->cents == 5);
  CHECK(it.looks() == before);
}
