#pragma once

#include <aether/persistence/event_bus.hpp>
#include <aether/persistence/event_store.hpp>
#include <aether/persistence/snapshot_store.hpp>

#include <span>
#include <stdexcept>
#include <string_view>

/// What every event store, snapshot store and event bus must do, as cases to run on one: the
/// contracts in `event_store.hpp`, `snapshot_store.hpp` and `event_bus.hpp`, put to the test. Needs
/// no test framework; link `aether::conformance`.
///
///     for (const auto& one : aether::event_store_cases()) {
///       one.run(store);   // throws conformance_failed
///     }
namespace aether {

/// A store does not do what its contract says: `what()` has the call, what was expected of it, and
/// what came instead.
class conformance_failed : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

template <class Store>
struct conformance_case {
  /// A sentence that states what holds; unique, ends with a zero byte, lives for ever.
  std::string_view name;
  /// Runs the case. May be run again, on a store that holds other data and is in use: a case
  /// touches only actors that it has made up, of types that begin with `kit-`. What it stored
  /// stays, a few megabytes at most.
  ///
  /// Blocks, from milliseconds to seconds. No answer within 30 s is a failure, not a hang. Handlers
  /// that the store calls later still are harmless.
  /// @throws conformance_failed
  void (*run)(Store& store);
};

[[nodiscard]] std::span<const conformance_case<event_store>> event_store_cases();
[[nodiscard]] std::span<const conformance_case<snapshot_store>> snapshot_store_cases();

/// A bus with the stores of its own namespace and of another one that it can see, and catch up in.
struct bus_bench {
  event_bus& bus;
  namespace_name own;
  event_store& log;
  namespace_name other;
  event_store& other_log;
};
[[nodiscard]] std::span<const conformance_case<bus_bench>> event_bus_cases();

}  // namespace aether
