#include <aether/persistence/conformance.hpp>
#include <aether/persistence/memory_bus.hpp>
#include "support/commits.hpp"
#include "support/store_calls.hpp"

#include <doctest/doctest.h>

#include <future>
#include <memory>
#include <thread>
#include <vector>

namespace {

using namespace aether;

namespace_name ns(std::string_view name) { return namespace_name::parse(name).value(); }

struct bench {
  std::shared_ptr<memory_event_store> log = std::make_shared<memory_event_store>(16);
  std::shared_ptr<memory_event_store> other = std::make_shared<memory_event_store>(4);
  memory_event_bus bus{ns("own"), log};

  bench() { bus.attach(ns("other"), other); }
};

}  // namespace

TEST_CASE("memory bus: passes the conformance kit") {
  for (const auto& one : event_bus_cases()) {
    SUBCASE(one.name.data()) {
      bench with;
      bus_bench kit{with.bus, ns("own"), *with.log, ns("other"), *with.other};
      one.run(kit);
      one.run(kit);
    }
  }
}

TEST_CASE("memory bus: a subscription outlives the bus object") {
  auto with = std::make_unique<bench>();
  const auto log = with->log;
  std::promise<void> seen;
  auto sees = with->bus.subscribe({}, {}, {.event = [&](const bus_event&) { seen.set_value(); }});
  REQUIRE(sees.has_value());
  with.reset();
  REQUIRE(testing::append(*log, testing::address("t", "a"), {}, testing::commit_after({})));
  seen.get_future().wait();
}

TEST_CASE("memory store: an observer sees every commit, in order, however many write") {
  for (int round = 0; round < 20; ++round) {
    memory_event_store store;
    std::vector<std::uint64_t> seen;
    const auto write = [&store](int nth) {
      log_position end;
      for (int i = 0; i < 50; ++i)
        end = testing::append(store, testing::address("t", std::to_string(nth)), end,
                              testing::commit_after(end))
                  .value();
    };
    std::vector<std::thread> writers;
    for (int i = 0; i < 4; ++i) writers.emplace_back(write, i);
    const auto behind = store.observe([&seen](const memory_event_store::stored& one) {
      seen.push_back(one.sequence.value());
      return true;
    });
    for (auto& one : writers) one.join();
    // It may see some that were under way before.
    std::erase_if(seen, [&](std::uint64_t one) { return one <= behind.value(); });
    REQUIRE(seen.size() == 200 - behind.value());
    for (std::size_t i = 0; i < seen.size(); ++i) CHECK(seen[i] == behind.value() + 1 + i);
  }
}
