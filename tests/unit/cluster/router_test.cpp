// The asks of a node: how many may be open, and what becomes of those that are refused.

#include "cluster/src/router.hpp"

#include "support/bank_node.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <optional>
#include <vector>

namespace aether::cluster {

namespace {

using namespace std::chrono_literals;
using bank::balance;
using bank::deposit;
using testing::long_enough;
using testing_support::await;

/// A router without a network, in front of one host whose store a test holds up.
struct routed {
  testing::bank_node node;
  std::unique_ptr<actor_host> host;
  std::shared_ptr<router> under_test;

  explicit routed(const router::options& how, host_options options = {})
      : host{node.start(std::move(options))},
        under_test{std::make_shared<router>(
            *host, nullptr, nullptr,
            subjects{*namespace_name::parse("aether"), *namespace_name::parse("t")}, 256, how,
            node.clock)} {
    under_test->start();
  }
  ~routed() {
    node.events->release();
    (void)host->stop(long_enough);
    under_test->stop();
    node.clock.stop();
  }
  [[nodiscard]] actor_ref<bank::account> account(std::string_view id) {
    return {*under_test, model<bank::account>::traits().type, id};
  }
};

}  // namespace

TEST_CASE("router: asks beyond `asks_max` are overloaded within the call, and reach no actor") {
  constexpr std::size_t max = 10;
  routed it{{.asks_max = max}};
  it.node.events->hold_appends();
  std::atomic<std::size_t> answered{0};
  for (std::size_t i = 0; i < max; ++i)
    it.account("a").ask(deposit{1}, long_enough, [&](const result<balance>& got) {
      CHECK(got.has_value());
      ++answered;
    });
  std::optional<errc> why;
  it.account("b").ask(deposit{1}, long_enough,
                      [&](const result<balance>& got) { why = got.error().code(); });
  CHECK(why == errc::overloaded);
  CHECK(it.under_test->stats().asks_open == max);
  CHECK(it.host->stats().commands == max);
  it.node.events->release();
  REQUIRE(await([&] { return answered == max; }));
  CHECK(it.account("b").ask(deposit{1}, long_enough).get().has_value());
  CHECK(it.under_test->stats().asks_open == 0);
}

TEST_CASE("router: the bytes of asks that are open are bounded, and free again when they end") {
  constexpr std::size_t max = 20'000;
  routed it{{.asks_bytes_max = max}};
  it.node.events->hold_appends();
  std::atomic<std::size_t> answered{0};
  std::size_t asked = 0;
  std::atomic<bool> refused{false};
  while (!refused && asked < 1'000) {
    ++asked;
    it.account("a").ask(deposit{1}, long_enough, [&](const result<balance>& got) {
      if (!got && got.error().code() == errc::overloaded) refused = true;
      ++answered;
    });
  }
  CHECK(refused);
  CHECK(asked > 10);
  CHECK(asked < max / sizeof(envelope));
  it.node.events->release();
  REQUIRE(await([&] { return answered == asked; }));
  for (std::size_t i = 0; i < asked; ++i)
    REQUIRE(it.account("a").ask(deposit{1}, long_enough).get().has_value());
}

TEST_CASE("router: an ask that finds its actor's mailbox full hears of it in about a second") {
  routed it{{}, {.mailbox_max = 1}};
  it.node.events->hold_appends();
  const auto first = it.account("a").ask(deposit{1}, 1h);
  auto second = it.account("a").ask(deposit{1}, 1h);
  REQUIRE(second.wait_for(long_enough));
  const auto got = second.get();
  REQUIRE(!got.has_value());
  CHECK(got.error().code() == errc::overloaded);
  CHECK(it.under_test->stats().asks_open == 1);
}

TEST_CASE("router: an ask whose actor has room again in time is answered all the same") {
  routed it{{}, {.mailbox_max = 1}};
  it.node.events->hold_appends();
  auto first = it.account("a").ask(deposit{1}, long_enough);
  auto second = it.account("a").ask(deposit{1}, long_enough);
  REQUIRE(await([&] { return it.host->stats().overloaded > 0; }));
  it.node.events->release();
  CHECK(first.get().has_value());
  CHECK(second.get()->cents == 2);
}

TEST_CASE("router: after `stop` an ask is answered at once, and counted") {
  routed it{{}};
  it.under_test->stop();
  const auto got = it.account("a").ask(deposit{1}, long_enough).get();
  REQUIRE(!got.has_value());
  CHECK(got.error().code() == errc::not_running);
  CHECK(it.under_test->stats().asks == 1);
  CHECK(it.under_test->stats().failed == 1);
}

}  // namespace aether::cluster
