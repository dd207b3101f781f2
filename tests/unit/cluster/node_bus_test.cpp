#include <aether/aether.hpp>
#include "support/await.hpp"
#include "support/bank.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdint>

namespace {

using namespace aether;
using namespace std::chrono_literals;
using testing_support::await;

}  // namespace

TEST_CASE("node: what its actors store is seen on its bus, and what they reject is not") {
  node alone{options{}};
  alone.host<bank::account>();
  CHECK(alone.bus() == nullptr);
  REQUIRE(alone.join().has_value());
  std::atomic<std::int64_t> in{0}, out{0};
  auto sees = subscribe_to<bank::account>(
      *alone.bus(), {}, {}, {}, [&](const bank::deposited& one) { in += one.cents; },
      [&](const bank::withdrawn& one) { out += one.cents; });
  REQUIRE(sees.has_value());
  auto alice = alone.actor<bank::account>("alice");
  CHECK(alice.ask(bank::deposit{10}, 5s).get().has_value());
  CHECK_FALSE(alice.ask(bank::withdraw{11}, 5s).get().has_value());
  CHECK(alice.ask(bank::withdraw{4}, 5s).get().has_value());
  CHECK(await([&] { return out == 4; }));
  CHECK(in == 10);
}

TEST_CASE("node: a subscription may outlive its node") {
  event_subscription kept;
  std::atomic<int> seen{0};
  {
    node alone{options{}};
    alone.host<bank::account>();
    REQUIRE(alone.join().has_value());
    auto sees = alone.bus()->subscribe({}, {}, {.event = [&](const bus_event&) { ++seen; }});
    REQUIRE(sees.has_value());
    kept = *std::move(sees);
    CHECK(alone.actor<bank::account>("bob").ask(bank::deposit{1}, 5s).get().has_value());
    CHECK(await([&] { return seen == 1; }));
  }
  CHECK(kept.stats().delivered == 1);
}
