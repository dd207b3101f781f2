#pragma once

#include <aether/runtime/options.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace aether::detail {

/// One option, by which it is read, checked and explained.
struct option_row {
  std::string name;     // `failure-timeout`
  std::string about;    // what it means, for --help
  std::string domain;   // what is allowed, for --help and errors
  bool secret = false;  // never repeat the value
  /// False when the text is outside the domain.
  std::function<bool(options&, std::string_view)> set;
  /// A text that `set` reads.
  std::function<std::string(const options&)> show;

  /// `AETHER_FAILURE_TIMEOUT`
  [[nodiscard]] std::string variable() const;
};

/// All options, in the order of --help.
[[nodiscard]] const std::vector<option_row>& option_table();

}  // namespace aether::detail
