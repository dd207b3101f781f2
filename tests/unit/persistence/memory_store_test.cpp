#include <aether/persistence/conformance.hpp>
#include <aether/persistence/memory_store.hpp>
#include "support/commits.hpp"
#include "support/run_cases.hpp"
#include "support/store_calls.hpp"

#include <doctest/doctest.h>

namespace {

using namespace aether;

}  // namespace

TEST_CASE("memory event store: passes the conformance kit") {
  memory_event_store store;
  for (const auto& one : event_store_cases()) {
    SUBCASE(one.name.data()) { one.run(store); }
  }
}

TEST_CASE("memory event store: passes the conformance kit while it holds other data") {
  for (const std::uint32_t shards : {1U, 3U}) {
    memory_event_store store{shards};
    for (int round = 0; round < 2; ++round)
      testing::run_cases<event_store>(event_store_cases(), store);
  }
}

TEST_CASE("memory snapshot store: passes the conformance kit") {
  memory_snapshot_store one_kept, more_kept{5, 1};
  for (const auto& one : snapshot_store_cases()) {
    SUBCASE(one.name.data()) {
      one.run(one_kept);
      one.run(more_kept);
      one.run(more_kept);
    }
  }
}

TEST_CASE("memory event store: calls the handler from within the call, outside its locks") {
  memory_event_store store;
  const auto actor = testing::address("counter", "a");
  int calls = 0;
  store.append(actor, {}, testing::commit_after({}), [&](result<log_position> stored) {
    REQUIRE(stored.has_value());
    store.append(actor, *stored, testing::commit_after(*stored), [&](result<log_position> next) {
      CHECK(next.has_value());
      ++calls;
    });
    ++calls;
  });
  CHECK(calls == 2);
}
