#pragma once

#include <aether/cluster/durable_sends.hpp>
#include "stored_command.hpp"

#include <cstddef>
#include <string_view>
#include <vector>

namespace aether::cluster {

/// Where commands are stored, for those who send them and for operators; see `node` for what each
/// call promises. Threads: any; all but `send` block.
class durable_store {
 public:
  virtual ~durable_store() = default;
  virtual void send(stored_command command, receipt_sink done) = 0;
  [[nodiscard]] virtual result<outcome_subscription> outcomes(std::string_view name,
                                                              outcome_handler handler) = 0;
  [[nodiscard]] virtual result<std::vector<parked_send>> parked(std::size_t limit) = 0;
  [[nodiscard]] virtual result<void> resend(const parked_send& which) = 0;
  [[nodiscard]] virtual result<void> discard(const parked_send& which) = 0;
  [[nodiscard]] virtual result<bool> cancel(const actor_address& to, const command_id& id) = 0;
};

}  // namespace aether::cluster
