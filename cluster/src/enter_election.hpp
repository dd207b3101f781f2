#pragma once

#include <aether/cluster/leader_election.hpp>
#include "election_candidate.hpp"
#include "memory_lease_register.hpp"

#include <memory>

namespace aether::cluster {

/// Checks `options` and starts a candidate, over `connection`, or, where that is null, among those
/// of `in_memory`.
/// @errors as for `leader_election::enter`.
[[nodiscard]] result<std::shared_ptr<election_candidate>> enter_election(
    std::shared_ptr<nats_connection> connection, std::shared_ptr<memory_leases> in_memory,
    const election_options& options, election_handlers handlers);

}  // namespace aether::cluster
