#include "slot_drains.hpp"

#include <utility>

namespace aether {

slot_drains::key slot_drains::begin(std::vector<slot_service*> slots, handler done) {
  const std::lock_guard lock{mutex_};
  all_.emplace(++last_, drain{std::move(slots), std::move(done)});
  return last_;
}

std::vector<slot_drains::ended> slot_drains::left(const slot_service& which, bool clean) {
  const std::lock_guard lock{mutex_};
  std::vector<ended> over;
  for (auto it = all_.begin(); it != all_.end();) {
    auto& one = it->second;
    if (std::erase(one.slots, &which) > 0) one.clean = one.clean && clean;
    if (!one.slots.empty()) {
      ++it;
      continue;
    }
    over.push_back({std::move(one.done), one.clean});
    it = all_.erase(it);
  }
  return over;
}

std::optional<slot_drains::overdue> slot_drains::give_up(key which) {
  const std::lock_guard lock{mutex_};
  auto found = all_.extract(which);
  if (!found) return std::nullopt;
  return overdue{std::move(found.mapped().slots), std::move(found.mapped().done)};
}

std::vector<slot_drains::ended> slot_drains::give_up_all() {
  const std::lock_guard lock{mutex_};
  std::vector<ended> over;
  for (auto& [which, one] : all_) over.push_back({std::move(one.done), false});
  all_.clear();
  return over;
}

}  // namespace aether
