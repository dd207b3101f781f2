#pragma once

#include <aether/cluster/leader_election.hpp>
#include <aether/runtime/options.hpp>
#include "election_candidate.hpp"
#include "memory_lease_register.hpp"

#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

namespace aether::cluster {

/// The elections in which a node is a candidate. Threads: any.
class node_elections {
 public:
  /// @param connection null: those of a node in memory.
  /// @errors as for `node::election`.
  [[nodiscard]] result<leader_election> enter(const std::shared_ptr<nats_connection>& connection,
                                              const options& node, std::string_view name,
                                              election_handlers handlers);
  /// Leaves all of them, and enters no more.
  void leave();

 private:
  std::mutex mutex_;
  bool left_ = false;
  const std::shared_ptr<memory_leases> in_memory_ = std::make_shared<memory_leases>();
  std::vector<std::weak_ptr<election_candidate>> entered_;
};

}  // namespace aether::cluster
