#include "unavailability.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace aether::chaos {

namespace {

std::int64_t overlap(const injected_fault& fault, std::int64_t from, std::int64_t until) {
  return std::min(fault.until_us + unavailability::fault_echo_us, until) -
         std::max(fault.from_us, from);
}

/// The kind of the fault that explains [from, until].
std::string cause(const std::vector<injected_fault>& faults, std::int64_t from,
                  std::int64_t until) {
  const injected_fault* best = nullptr;
  std::int64_t most = -1;
  for (const injected_fault& fault : faults) {
    const std::int64_t shared = overlap(fault, from, until);
    if (shared < 0 || shared < most) continue;
    if (shared == most && best != nullptr && best->from_us > fault.from_us) continue;
    best = &fault;
    most = shared;
  }
  return best == nullptr ? "none" : std::string{to_string(best->kind)};
}

}  // namespace

void unavailability::add(const operation& what) {
  calls_[what.key].push_back(
      {what.invoke_us, what.complete_us.value_or(what.invoke_us), what.outcome == outcome::ok});
}

std::vector<outage> unavailability::outages(const std::string& key, std::vector<call> calls) {
  std::ranges::sort(calls, {}, &call::until_us);
  // The earliest invocation among this call and all that end later.
  std::vector<std::int64_t> asked(calls.size());
  std::int64_t earliest = std::numeric_limits<std::int64_t>::max();
  for (std::size_t i = calls.size(); i-- > 0;)
    asked[i] = earliest = std::min(earliest, calls[i].from_us);
  std::vector<outage> found;
  std::size_t first = 0;  // that ended after the latest answer
  std::int64_t answered = std::numeric_limits<std::int64_t>::min();
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const bool asked_again = i + 1 < calls.size() && asked[i + 1] <= calls[i].until_us + unasked_us;
    if (!calls[i].ok && asked_again) continue;
    found.push_back({key, std::max(answered, asked[first]), calls[i].until_us});
    answered = calls[i].until_us;
    first = i + 1;
  }
  return found;
}

std::map<std::string, unavailability::by_cause> unavailability::attribute(
    const std::vector<injected_fault>& faults) const {
  std::map<std::string, by_cause> made{{"none", {}}};
  for (const injected_fault& fault : faults) made[std::string{to_string(fault.kind)}];
  for (const auto& [key, calls] : calls_) {
    for (const outage& one : outages(key, calls)) {
      auto& longest = made[cause(faults, one.from_us, one.until_us)].longest;
      if (!longest || longest->length_us() < one.length_us()) longest = one;
    }
    for (const call& one : calls)
      if (!one.ok) ++made[cause(faults, one.from_us, one.until_us)].not_ok;
  }
  return made;
}

}  // namespace aether::chaos
