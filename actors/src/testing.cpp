#include <aether/actors/testing.hpp>

namespace aether::testing {

namespace detail {

std::string describe_all(const std::vector<written>& events) {
  if (events.empty()) return "none";
  std::string out;
  for (const auto& next : events) out += (out.empty() ? "" : ", ") + describe(next.type, next.data);
  return out;
}

void failed(std::string_view what, const std::string& expected, const std::string& found) {
  throw expectation_failed{std::string{what} + ": expected " + expected + "; found " + found};
}

}  // namespace detail

}  // namespace aether::testing
