#pragma once

#include <aether/actors/actor_host.hpp>
#include "caf_activation.hpp"
#include "recovery_permits.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/message.hpp>

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace aether {

/// What the host and its CAF actors share. Outlives both: store and timer callbacks hold it.
class host_core : public std::enable_shared_from_this<host_core> {
 public:
  struct hosted_type {
    const actor_traits* traits;
    behavior_factory factory;
  };

  struct counters {
    std::atomic<std::uint64_t> resident{0}, activations{0}, passivations{0}, commands{0},
        commits{0}, conflicts{0}, quarantines{0}, dead_letters{0};
  };

  host_core(host_options options, std::shared_ptr<event_store> events,
            std::shared_ptr<snapshot_store> snapshots, timers& clock);

  /// Puts a command into its actor's inbox, bringing the actor to life where it is not. Takes
  /// `command` only on success. The runner takes it out of `held` when it is answered.
  result<void> deliver(const actor_address& to, envelope& command);
  /// Puts another input into an inbox, or into the round under way where its runner itself posts;
  /// false when the actor is gone.
  bool post(const activation_ptr& to, any_entity_input input);
  /// Empties an inbox for its runner; false, and asleep from now on, when there is nothing.
  /// @pre `into` is empty.
  bool take_inbox(activation& self, std::vector<any_entity_input>& into);
  /// The runner is about to quit: true when it may, and then nobody finds it any more.
  /// @param forced what is still in the inbox is given back in `left`.
  bool let_go(const activation_ptr& self, bool forced, std::vector<any_entity_input>& left);

  /// Activates an actor that nobody has sent anything to; it waits for an `entity_input::ahead`.
  /// Nothing when it is in memory already, or not served here.
  activation_ptr bring_to_life(const actor_address& address);

  void accept(shard_id shard) { accepted(shard) = true; }
  void release(shard_id shard);
  [[nodiscard]] bool accepts(shard_id shard) const noexcept {
    return shard.value() < accepted_.size() && accepted_[shard.value()];
  }
  bool stop(std::chrono::milliseconds timeout);
  void sweep_idle();

  [[nodiscard]] const hosted_type* find_type(const actor_type& type) const;
  void add_type(const actor_traits& traits, behavior_factory factory);

  const host_options options;
  const std::shared_ptr<event_store> events;
  const std::shared_ptr<snapshot_store> snapshots;
  timers& clock;
  counters count;
  std::atomic<std::uint64_t> epoch{0};
  std::atomic<bool> in_contact{true};
  recovery_permits permits;

 private:
  activation_ptr activate(const actor_address& address, std::uint64_t hash, shard_id shard,
                          activation_registry::stripe& stripe);
  [[nodiscard]] std::atomic<bool>& accepted(shard_id shard) {
    AETHER_ASSERT(shard.value() < accepted_.size());
    return accepted_[shard.value()];
  }
  void wake(activation& sleeper);
  void drop_all();
  void schedule_sweep();

  caf::actor_system_config config_;
  std::map<actor_type, hosted_type> types_;
  std::vector<std::atomic<bool>> accepted_;
  activation_registry registry_;
  std::atomic<std::uint32_t> tick_{0};
  std::atomic<bool> stopping_{false};
  std::mutex stop_mutex_;
  std::optional<bool> stopped_;

  std::mutex gone_mutex_;
  std::condition_variable gone_;

  std::unique_ptr<caf::actor_system> system_;
};

}  // namespace aether
