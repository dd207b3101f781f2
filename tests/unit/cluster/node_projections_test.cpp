#include "cluster/src/node_projections.hpp"

#include <aether/persistence/memory_store.hpp>
#include <aether/persistence/record_store.hpp>
#include "support/await.hpp"
#include "support/commits.hpp"
#include "support/store_calls.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <memory>

namespace aether::cluster {

namespace {

using namespace std::chrono_literals;
using testing_support::await;
using steady = std::chrono::steady_clock;

/// A projection whose handler stays in its first batch until it is let go.
struct slow_view {
  std::atomic<int> begun{0}, ended{0};
  std::latch let_go{1};

  projection_definition definition() {
    return {.name = "slow", .handler = [this](const projection_batch&) -> result<void> {
              ++begun;
              let_go.wait();
              ++ended;
              return {};
            }};
  }
};

}  // namespace

TEST_CASE("node projections: a slot has moved out when the batch that runs has ended") {
  const auto events = std::make_shared<memory_event_store>(1U);
  slow_view view;
  timers clock;
  node_projections all{{view.definition()},
                       {.events = events,
                        .records = std::make_shared<memory_record_store>(),
                        .connection = nullptr,
                        .names = {*namespace_name::parse("aether"), *namespace_name::parse("slow")},
                        .wall_clock = &std::chrono::system_clock::now},
                       clock};
  REQUIRE(all.start().has_value());
  REQUIRE(testing::append(*events, testing::address("counter", "a"), {}, testing::commit_after({}))
              .has_value());
  REQUIRE(await([&] { return view.begun == 1; }));
  const slot where{projection_type("slow", 1), shard_id{0}};
  std::atomic<int> late{0}, clean{0};
  all.move_out(where, steady::now(), [&](bool in_time) { late += in_time ? 100 : 1; });
  CHECK(await([&] { return late == 1; }));  // its deadline has passed
  all.move_out(where, steady::now() + 1h, [&](bool in_time) { clean += in_time ? 1 : 100; });
  CHECK(clean == 0);
  view.let_go.count_down();
  CHECK(await([&] { return clean == 1; }));
  CHECK(view.ended == 1);
  CHECK(all.stats().front().owned == false);
  CHECK(all.stop(10s));
}

}  // namespace aether::cluster
