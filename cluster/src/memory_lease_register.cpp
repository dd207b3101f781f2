#include "memory_lease_register.hpp"

namespace aether::cluster {

lease_state memory_leases::read(const std::string& name) {
  const std::lock_guard lock{mutex_};
  return leases_[name];
}

write_result memory_leases::write(const std::string& name, std::uint64_t expected,
                                  const lease_record& record) {
  const std::lock_guard lock{mutex_};
  auto& lease = leases_[name];
  if (lease.revision != expected) return {.outcome = write_outcome::conflict};
  lease = {++revision_, record};
  return {.outcome = write_outcome::stored, .revision = revision_};
}

void memory_leases::listen(const std::string& name, const std::shared_ptr<listener>& what) {
  const std::lock_guard lock{mutex_};
  std::erase_if(listeners_, [](const auto& one) { return one.second.expired(); });
  listeners_.emplace(name, what);
}

void memory_leases::announce(const std::string& name) {
  std::vector<std::shared_ptr<listener>> living;
  {
    const std::lock_guard lock{mutex_};
    const auto [begin, end] = listeners_.equal_range(name);
    for (auto one = begin; one != end; ++one)
      if (auto alive = one->second.lock()) living.push_back(std::move(alive));
  }
  for (const auto& one : living) (*one)();
}

void memory_lease_register::prepare(std::function<void()> announced, ready_handler ready) {
  announced_ = std::make_shared<memory_leases::listener>(std::move(announced));
  leases_->listen(name_, announced_);
  ready({});
}

}  // namespace aether::cluster
