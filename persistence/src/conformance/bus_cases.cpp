#include "kit.hpp"

#include <algorithm>
#include <iterator>

namespace aether {

namespace {

std::vector<conformance_case<bus_bench>> gathered() {
  using namespace conformance;
  std::vector<conformance_case<bus_bench>> all;
  for (const auto part : {bus_view_cases(), bus_gap_cases()})
    std::ranges::copy(part, std::back_inserter(all));
  return all;
}

}  // namespace

std::span<const conformance_case<bus_bench>> event_bus_cases() {
  static const auto all = gathered();
  return all;
}

}  // namespace aether
