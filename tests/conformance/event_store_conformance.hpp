#pragma once

#include <aether/persistence/event_store.hpp>
#include <aether/persistence/snapshot_store.hpp>

#include <span>

namespace aether::testing {

/// What every implementation of the two stores must do, as checks on a store that is shared by all
/// of them: each uses actors of its own. Include in a doctest test case:
///
///     for (const auto& check : event_store_checks()) { CAPTURE(check.name); check.run(store); }
struct event_store_check {
  const char* name;
  void (*run)(event_store& store);
};
[[nodiscard]] std::span<const event_store_check> event_store_checks();

struct snapshot_store_check {
  const char* name;
  void (*run)(snapshot_store& store);
};
[[nodiscard]] std::span<const snapshot_store_check> snapshot_store_checks();

}  // namespace aether::testing
