#include "kit.hpp"

#include <algorithm>
#include <iterator>

namespace aether {

namespace {

std::vector<conformance_case<event_store>> gathered() {
  using namespace conformance;
  std::vector<conformance_case<event_store>> all;
  for (const auto part : {append_cases(), refusal_cases(), race_cases(), id_cases(), read_cases(),
                          lookup_cases(), shard_cases(), call_cases(), history_cases()})
    std::ranges::copy(part, std::back_inserter(all));
  return all;
}

}  // namespace

std::span<const conformance_case<event_store>> event_store_cases() {
  static const auto all = gathered();
  return all;
}

}  // namespace aether
