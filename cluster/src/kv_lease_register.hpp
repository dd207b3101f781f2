#pragma once

#include <aether/runtime/nats.hpp>
#include <aether/runtime/subjects.hpp>
#include "kv_bucket.hpp"
#include "lease_register.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace aether::cluster {

/// What a lease's key says. What nobody can read is held by nobody we know: it is waited out.
[[nodiscard]] lease_state lease_of(const kv_entry& entry);

/// The key `election.<name>` of a namespace's bucket, announced on `<prefix>.<ns>.election.<name>`.
class kv_lease_register final : public lease_register {
 public:
  /// @param request_timeout of reads and writes; creating the bucket may take longer.
  kv_lease_register(std::shared_ptr<nats_connection> connection, subjects names,
                    const std::string& name, std::uint32_t replicas,
                    std::chrono::milliseconds request_timeout);

  void prepare(std::function<void()> announced, ready_handler ready) override;
  void read(read_handler handler) override;
  void write(std::uint64_t expected, const lease_record& record, write_handler handler) override;
  void announce() override;

 private:
  const std::shared_ptr<nats_connection> connection_;
  const std::string key_;
  const std::string subject_;
  const std::uint32_t replicas_;
  kv_bucket bucket_;
  bool listening_ = false;
  nats_connection::subscription announcements_;
};

}  // namespace aether::cluster
