#include "durable_ledger.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

namespace aether::chaos {

std::size_t durable_ledger::stored() const noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(entries_, &entry::stored));
}

std::vector<std::string> durable_ledger::keys() const {
  std::set<std::string> all;
  for (const entry& one : entries_) all.insert(one.key);
  return {all.begin(), all.end()};
}

durable_ledger::shortfall durable_ledger::compare(
    const std::map<std::string, numbers>& lists) const {
  std::map<std::string, std::unordered_map<std::int64_t, std::size_t>> places;
  for (const auto& [key, list] : lists)
    for (std::size_t i = 0; i < list.size(); ++i) places[key].emplace(list[i], i);
  shortfall found;
  /// Of each client and list, where the last one stands that was sent.
  std::map<std::pair<std::string, std::string>, std::size_t> behind;
  for (const entry& one : entries_) {
    const auto& in = places[one.key];
    const auto at = in.find(one.value);
    const std::string what =
        std::to_string(one.value) + " of client " + one.client + " in " + one.key;
    if (at == in.end()) {
      if (one.stored) found.missing.push_back(what);
      continue;
    }
    if (one.mixed) continue;
    const auto [last, first] = behind.try_emplace({one.client, one.key}, at->second);
    if (!first && at->second < last->second) found.astray.push_back(what);
    last->second = std::max(last->second, at->second);
  }
  return found;
}

}  // namespace aether::chaos
