#pragma once

#include "lease_register.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace aether::cluster {

/// The leases of a node without NATS, by name. Threads: any.
class memory_leases {
 public:
  using listener = std::function<void()>;

  [[nodiscard]] lease_state read(const std::string& name);
  [[nodiscard]] write_result write(const std::string& name, std::uint64_t expected,
                                   const lease_record& record);
  /// Calls `what` at each `announce(name)` for as long as it lives.
  void listen(const std::string& name, const std::shared_ptr<listener>& what);
  void announce(const std::string& name);

 private:
  std::mutex mutex_;
  std::uint64_t revision_ = 0;
  std::map<std::string, lease_state> leases_;
  std::multimap<std::string, std::weak_ptr<listener>> listeners_;
};

/// One candidate's view of one of them.
class memory_lease_register final : public lease_register {
 public:
  memory_lease_register(std::shared_ptr<memory_leases> leases, std::string name)
      : leases_{std::move(leases)}, name_{std::move(name)} {}

  void prepare(std::function<void()> announced, ready_handler ready) override;
  void read(read_handler handler) override { handler(leases_->read(name_)); }
  void write(std::uint64_t expected, const lease_record& record, write_handler handler) override {
    handler(leases_->write(name_, expected, record));
  }
  void announce() override { leases_->announce(name_); }

 private:
  const std::shared_ptr<memory_leases> leases_;
  const std::string name_;
  std::shared_ptr<memory_leases::listener> announced_;
};

}  // namespace aether::cluster
