// How a node leaves: in phases, each with a limit, and each logged with how long it took.

#include <aether/runtime/log.hpp>
#include "node_parts.hpp"

#include <algorithm>

namespace aether::cluster {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::chrono::seconds flush_timeout{2};
/// Between two looks at what is still there, where no table says that something changed.
constexpr std::chrono::milliseconds look_again{20};

/// Runs one phase and logs it.
template <class Phase>
bool timed(const std::string& node, const char* name, Phase phase) {
  const auto begin = clock::now();
  const bool done = phase();
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - begin);
  log::info("node", "leave_phase",
            {{"node", node}, {"phase", name}, {"done", done}, {"ms", took.count()}});
  return done;
}

}  // namespace

/// The types of which this process owns a slot by the table, or another still wants one of it.
std::vector<actor_type> node_parts::types_left(const shard_table& table) const {
  const auto is_me = [&](std::int32_t index) {
    return index != shard_table::none &&
           table.nodes()[static_cast<std::size_t>(index)].incarnation ==
               coordinator_->incarnation();
  };
  std::vector<actor_type> left;
  for (const auto& one : table.assignments())
    if (std::ranges::any_of(one.owners, is_me) || std::ranges::any_of(one.givers, is_me))
      left.insert(left.end(), one.types.begin(), one.types.end());
  return left;
}

/// Whether another node hosts one of them.
bool node_parts::someone_can_take_over(const std::vector<actor_type>& types) const {
  return std::ranges::any_of(coordinator_->members(), [&](const member& other) {
    return other.node.str() != settings_.node && other.weight > 0 &&
           other.state == member_state::up &&
           std::ranges::any_of(types, [&](const actor_type& type) {
             return std::ranges::binary_search(other.types, type);
           });
  });
}

/// Has the leader move all slots away and hands them over.
/// @returns false when that was not to be had, or not in time.
bool node_parts::hand_over_all() {
  coordinator_->announce_leaving();
  const auto deadline = clock::now() + settings_.drain_timeout;
  std::unique_lock lock{owned_mutex_};
  while (true) {
    const auto table = followed_;
    lock.unlock();
    const auto left = table ? types_left(*table) : std::vector<actor_type>{};
    if (left.empty() && keeper_->still_has() == 0) return true;
    if (clock::now() >= deadline || (!left.empty() && !someone_can_take_over(left))) return false;
    lock.lock();
    if (followed_ == table) owned_changed_.wait_for(lock, look_again);
  }
}

bool node_parts::leave() {
  if (left_.exchange(true)) return true;
  elections_.leave();
  const auto& me = settings_.node;
  if (coordinator_ && coordinator_->joined())
    timed(me, "hand_over", [this] { return hand_over_all(); });
  if (keeper_)
    timed(me, "stop_intake", [this] {
      keeper_->stop();
      // What the server had sent until now is with the actors then.
      return connection_->flush(flush_timeout).has_value();
    });
  if (durables_) durables_->stop();
  // After the hand-over there are some left where no node could take them.
  const bool projected = timed(me, "stop_projections", [this] {
    return projections_ == nullptr || projections_->stop(settings_.drain_timeout);
  });
  const bool clean = timed(me, "stop_actors", [this] {
    return host_ == nullptr || host_->stop(settings_.drain_timeout);
  });
  if (coordinator_)
    timed(me, "leave_cluster", [this] {
      coordinator_->leave();
      return true;
    });
  if (router_) router_->stop();
  if (connection_)
    timed(me, "disconnect", [this] {
      const bool flushed = connection_->flush(flush_timeout).has_value();
      connection_->close();
      return flushed;
    });
  clock_.stop();
  log::info("node", "left", {{"node", me}, {"clean", clean && projected}});
  return clean && projected;
}

}  // namespace aether::cluster
