#include "node_elections.hpp"

#include "enter_election.hpp"

#include <utility>

namespace aether::cluster {

result<leader_election> node_elections::enter(const std::shared_ptr<nats_connection>& connection,
                                              const options& node, std::string_view name,
                                              election_handlers handlers) {
  const std::lock_guard lock{mutex_};
  if (left_) return fail(errc::not_running, "the node has left");
  auto made = enter_election(connection, in_memory_,
                             {.name = std::string{name},
                              .candidate = node.node,
                              .ns = node.ns,
                              .prefix = node.prefix,
                              .replicas = node.replicas},
                             std::move(handlers));
  if (!made) return std::unexpected(std::move(made).error());
  std::erase_if(entered_, [](const auto& one) { return one.expired(); });
  entered_.push_back(*made);
  return leader_election{std::move(*made)};
}

void node_elections::leave() {
  std::vector<std::weak_ptr<election_candidate>> all;
  {
    const std::lock_guard lock{mutex_};
    left_ = true;
    all.swap(entered_);
  }
  for (const auto& one : all)
    if (const auto candidate = one.lock()) candidate->leave();
}

}  // namespace aether::cluster
