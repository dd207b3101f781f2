#pragma once

#include <aether/actors/testing.hpp>

#include <string>

namespace aether::testing_support {

/// What a failed expectation says.
[[nodiscard]] std::string complaint(auto&& story) {
  try {
    story();
  } catch (const aether::testing::expectation_failed& said) {
    return said.what();
  }
  return "nothing";
}

}  // namespace aether::testing_support
