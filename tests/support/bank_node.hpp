#pragma once

#include <aether/actors/actor_host.hpp>
#include <aether/persistence/memory_store.hpp>
#include <aether/persistence/scripted_store.hpp>
#include "support/await.hpp"
#include "support/bank.hpp"
#include "support/trickster.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace aether::testing {

inline constexpr std::chrono::seconds long_enough{30};

/// The stores and the clock of a node in one process; hosts come and go on them.
struct bank_node {
  timers clock;
  std::shared_ptr<scripted_event_store> events =
      std::make_shared<scripted_event_store>(std::make_shared<memory_event_store>());
  std::shared_ptr<memory_snapshot_store> snapshots = std::make_shared<memory_snapshot_store>();

  [[nodiscard]] std::unique_ptr<actor_host> start(host_options options = {}) {
    if (options.workers == 0) options.workers = 2;
    auto made = std::make_unique<actor_host>(std::move(options), events, snapshots, clock);
    made->host<bank::account>();
    made->host<trick::trickster>();
    return made;
  }
};

template <class Actor>
[[nodiscard]] actor_ref<Actor> actor_of(actor_host& host, std::string_view id) {
  return host.actor<Actor>(id);
}
[[nodiscard]] inline actor_ref<bank::account> account_of(actor_host& host, std::string_view id) {
  return actor_of<bank::account>(host, id);
}

[[nodiscard]] inline std::int64_t balance_of(actor_host& host, std::string_view id) {
  auto answer = account_of(host, id).ask(bank::get_balance{}, long_enough).get();
  REQUIRE_MESSAGE(answer.has_value(), answer.error().message());
  return answer->cents;
}

}  // namespace aether::testing
