#pragma once

#include <aether/persistence/conformance.hpp>

#include <doctest/doctest.h>

#include <span>
#include <string>

namespace aether::testing {

/// Runs every case on one store, one after the other; each that fails is reported by its name.
/// Where a fresh store costs nothing, make a SUBCASE of each case instead.
template <class Store>
void run_cases(std::span<const conformance_case<Store>> cases, Store& store) {
  for (const auto& one : cases) {
    const std::string name{one.name};
    try {
      one.run(store);
    } catch (const conformance_failed& failed) {
      FAIL_CHECK(name, ": ", failed.what());
    }
  }
}

}  // namespace aether::testing
