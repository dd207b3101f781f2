#include <aether/persistence/memory_store.hpp>
#include "conformance/event_store_conformance.hpp"
#include "support/commits.hpp"
#include "support/store_calls.hpp"

#include <doctest/doctest.h>

namespace {

using namespace aether;

}  // namespace

TEST_CASE("memory event store: passes the conformance kit") {
  memory_event_store store;
  for (const auto& check : testing::event_store_checks()) {
    CAPTURE(check.name);
    check.run(store);
  }
}

TEST_CASE("memory snapshot store: passes the conformance kit") {
  memory_snapshot_store store;
  for (const auto& check : testing::snapshot_store_checks()) {
    CAPTURE(check.name);
    check.run(store);
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
