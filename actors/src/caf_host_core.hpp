#pragma once

#include <aether/actors/actor_host.hpp>
#include "caf_activation.hpp"
#include "caf_companions.hpp"
#include "core/instant.hpp"
#include "recovery_permits.hpp"
#include "slot_drains.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace aether {

/// What the host and its actors share. Outlives both: store and timer callbacks hold it.
class host_core : public std::enable_shared_from_this<host_core> {
 public:
  struct hosted_type {
    const actor_traits* traits;
    behavior_factory factory;
    /// One for each shard.
    std::vector<slot_service> slots;
  };

  struct counters {
    std::atomic<std::uint64_t> resident{0}, resident_bytes{0}, activations{0}, passivations{0},
        evictions{0}, commits{0}, conflicts{0}, restarts{0}, quarantines{0};
  };

  host_core(host_options options, std::shared_ptr<event_store> events,
            std::shared_ptr<snapshot_store> snapshots, timers& clock);

  /// Puts a command into its actor's inbox, bringing the actor to life where it is not. Takes
  /// `command` only on success. The runner takes it out of `held` when it is answered.
  /// @param bounded false: never `overloaded`.
  result<void> deliver(const actor_address& to, envelope& command, bool bounded = true);
  /// For what an actor sends itself later: to wherever it lives by then.
  void deliver_home(const actor_address& to, envelope command);
  /// Puts another input into an inbox, or into the round under way where its runner itself posts;
  /// false when the actor is gone.
  bool post(const activation_ptr& to, any_entity_input input);
  /// Empties an inbox for its runner; false, and asleep from now on, when there is nothing.
  /// @param freed bytes of commands that were answered since the last time.
  /// @pre `into` is empty.
  bool take_inbox(activation& self, std::vector<any_entity_input>& into, std::size_t freed);
  /// Bytes of commands that were answered, where no further look into the inbox comes.
  void earn(activation& self, std::size_t freed);
  /// The runner is about to quit: true when it may, and then nobody finds it any more.
  /// @param forced what is still in the inbox is given back in `left`.
  bool let_go(const activation_ptr& self, bool forced, std::vector<any_entity_input>& left);
  /// As `let_go` by force, but commands go to the actor's next incarnation here: `first`, then
  /// those in the inbox. What is no command, or is not served here any more, is given back in
  /// `left`.
  /// @param ended the actor stopped itself: its slot's other actors may still finish.
  void succeed(const activation_ptr& self, bool ended, std::vector<envelope> first,
               std::vector<any_entity_input>& left);
  /// After `let_go` or `succeed`, when what was left is taken care of: the actor counts no more.
  void left_memory(slot_service& home);
  /// Enters into the books how a command ended.
  void ended(activation& of, const envelope& command, const result<any_reply>& how, bool expired);
  /// Enters into the books that a command left it for wherever the actor lives now.
  void handed_on(activation& from);
  void weigh(activation& one, std::size_t size);

  /// Activates an actor that nobody has sent anything to; it waits for an `entity_input::ahead`.
  /// Nothing when it is in memory already, or not served here.
  activation_ptr bring_to_life(const actor_address& address);
  /// Has the singleton of a slot that keeps one in memory, where it is not; for one that crashed,
  /// after a pause.
  void keep_alive(const activation& gone);

  void accept(const actor_type& type, shard_id shard);
  void release(const actor_type& type, shard_id shard);
  [[nodiscard]] bool accepts(const actor_type& type, shard_id shard) const noexcept;
  using drain_handler = slot_drains::handler;
  void drain(const std::vector<slot>& which, std::chrono::steady_clock::time_point deadline,
             drain_handler done);
  [[nodiscard]] bool stopping() const noexcept { return stopping_; }
  bool stop(std::chrono::milliseconds timeout);
  void sweep_idle();
  /// Asks it to leave, unless it was used after `last_used`, or is not idle any more.
  bool send_away(const activation_ptr& idle, std::uint32_t last_used);
  [[nodiscard]] host_stats stats();

  [[nodiscard]] const hosted_type* find_type(const actor_type& type) const;
  void add_type(const actor_traits& traits, behavior_factory factory);
  /// @pre within a run of an actor.
  [[nodiscard]] caf::actor_system& system() noexcept { return *system_alive_; }
  [[nodiscard]] instant now() const;
  /// As `host_options` says; when that throws, the system's.
  [[nodiscard]] std::chrono::system_clock::time_point wall_clock() const;
  void set_contact_until(std::chrono::steady_clock::time_point until,
                         std::chrono::steady_clock::time_point serves_until);
  [[nodiscard]] activation_registry& registry() noexcept { return registry_; }
  /// Coarse: by up to 4 ms.
  [[nodiscard]] std::uint32_t now_ms() const noexcept;
  /// How far beyond its bounds, with `slack` (of 16 parts) taken off: actors, and bytes.
  [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> surplus(unsigned slack) const noexcept;
  void evict_if_crowded();
  /// @param rest how long to let be before the next one; 0: whoever comes may begin it.
  void eviction_ended(std::chrono::milliseconds rest);

  const host_options options;
  const std::shared_ptr<event_store> events;
  const std::shared_ptr<snapshot_store> snapshots;
  const std::shared_ptr<dead_letters> dead;
  timers& clock;
  counters count;
  std::atomic<std::uint64_t> epoch{0};
  /// Where actors send what they send to others.
  std::atomic<command_router*> router{nullptr};
  recovery_permits permits;
  companions with_caf;

 private:
  [[nodiscard]] hosted_type* find(const actor_type& type);
  /// Null where the type is not hosted.
  [[nodiscard]] slot_service* find_slot(const actor_type& type, shard_id shard);
  [[nodiscard]] slot_service& slot_of(hosted_type& type, std::uint64_t hash) const {
    return type.slots[hash % options.shards];
  }
  activation_ptr activate(const actor_address& address, std::uint64_t hash, hosted_type& type,
                          activation_registry::stripe& stripe);
  /// Why no more actors fit into memory; nothing where one does.
  [[nodiscard]] std::optional<error> crowded() const;
  void keep_alive(const actor_type& type);
  /// @pre the stripe's mutex is held, and the actor has left.
  void follow(const activation& gone, activation_registry::stripe& stripe);
  [[nodiscard]] std::size_t waiting_bytes();
  void put(const activation_ptr& to, activation_registry::stripe& stripe, envelope& command);
  void leave(activation& gone, activation_registry::stripe& stripe);
  /// Asks the actors of these slots, sorted, to go.
  void send_away(const std::vector<slot_service*>& from, departure how);
  void drain_overdue(slot_drains::key which);
  void tell_of(std::vector<slot_drains::ended> drains);
  void stop_drains();
  void wake(activation& sleeper);
  void drop_all();
  void schedule_sweep();

  caf::actor_system_config config_;
  std::map<actor_type, hosted_type> types_;
  activation_registry registry_;
  byte_budget waiting_;
  slot_drains drains_;
  std::mutex contact_mutex_;
  std::atomic<std::chrono::steady_clock::time_point> contact_since_{contact{}.since};
  std::atomic<std::chrono::steady_clock::time_point> contact_until_{contact{}.until};
  std::atomic<std::chrono::steady_clock::time_point> serves_until_{contact{}.serves_until};
  std::atomic<bool> evicting_{false};
  std::atomic<bool> stopping_{false};
  std::mutex stop_mutex_;
  std::optional<bool> stopped_;

  std::mutex gone_mutex_;
  std::condition_variable gone_;

  std::unique_ptr<caf::actor_system> system_;
  /// The same, also while it is being destroyed and its last actors run.
  caf::actor_system* system_alive_ = nullptr;
};

}  // namespace aether
