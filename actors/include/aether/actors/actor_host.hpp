#pragma once

#include <aether/actors/actor_ref.hpp>
#include <aether/actors/behavior.hpp>
#include <aether/actors/command.hpp>
#include <aether/actors/dead_letters.hpp>
#include <aether/persistence/event_store.hpp>
#include <aether/persistence/snapshot_store.hpp>
#include <aether/runtime/timers.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace aether {

struct host_options {
  /// Shards of the namespace, at least 1 and as many as the event store has; see `accept` and
  /// `release`.
  std::uint32_t shards = 256;
  /// Worker threads; 0: one per core.
  std::size_t workers = 0;
  /// Commands that may wait for one actor, at least 1; more are `overloaded`.
  std::size_t mailbox_max = 1'024;
  /// Bytes of commands that may wait in the host, in memory; more are `overloaded`. Handed out in
  /// portions, so that at least half of it can be used, and all but 8 MiB. One command that takes
  /// more is an `invalid_argument`.
  std::size_t waiting_bytes_max = 256U << 20U;
  /// Actors in memory: beyond it, those unused longest leave, as by passivation. Where they cannot
  /// leave as fast as others come, and an eighth too many are there, 64 at least, commands for
  /// actors that are not in memory are `overloaded`. 0: no bound.
  std::size_t resident_max = 0;
  /// The same, without that least number, for bytes of memory that actors and their states take,
  /// estimated. 0: no bound.
  std::size_t resident_bytes_max = 0;
  /// Actors that may read their history at the same time, at least 1; the others queue.
  std::size_t recovery_permits = 64;
  /// An actor without commands for so long is written to a snapshot and leaves memory; noticed up
  /// to half that time late. One that failed stays until it was unused for `crash_quiet`, also
  /// where room is made: it is not to forget how often it failed.
  std::chrono::milliseconds passivate_after{120'000};
  /// Whether every slot is served from the start; otherwise none is before `accept`.
  bool accepts_all = true;
  /// Stamped into commits.
  std::string node_name{};
  /// What handlers are told the time is, and what commits are stamped with.
  std::function<std::chrono::system_clock::time_point()> wall_clock =
      &std::chrono::system_clock::now;
  /// Where commands go that end unseen; null: to one of the host's own.
  std::shared_ptr<aether::dead_letters> dead_letters{};
};

/// Counts since the host was made, except `resident`, `resident_bytes`, `waiting` and
/// `waiting_bytes`. A command
/// that was accepted ends in one way: commands = handled + rejected + failed + dead_letters +
/// handed_on + waiting.
struct host_stats {
  /// Actors in memory now: recovering, quarantined and leaving ones too.
  std::uint64_t resident = 0;
  /// What they take, estimated.
  std::uint64_t resident_bytes = 0;
  /// Brought to life, by a command or by `warm_up`.
  std::uint64_t activations = 0;
  /// Left memory, for whatever reason; not those that `stop` dropped.
  std::uint64_t passivations = 0;
  /// Asked to leave by `resident_max` or `resident_bytes_max`.
  std::uint64_t evictions = 0;
  /// Accepted for an actor.
  std::uint64_t commands = 0;
  /// Refused at the door with `overloaded`, each attempt of an ask by itself; not in `commands`.
  /// Who was told: the caller of `tell`, an ask; of a tell from another node nobody, and it is a
  /// dead letter, but not one of those below.
  std::uint64_t overloaded = 0;
  /// Accepted and not ended yet.
  std::uint64_t waiting = 0;
  /// About how many bytes these take: at most `waiting_bytes_max`, but for what actors send
  /// themselves.
  std::uint64_t waiting_bytes = 0;
  /// Ended with a reply, or with nothing where nothing was wanted.
  std::uint64_t handled = 0;
  /// Ended with the actor's own `rejected`.
  std::uint64_t rejected = 0;
  /// Ended with another error, of which the sender was told.
  std::uint64_t failed = 0;
  /// Ended with another error, and nobody waited for an answer. `aether::dead_letters` counts
  /// these, and what was refused at the door when nobody looked.
  std::uint64_t dead_letters = 0;
  /// Sent on to where its actor lives now, because its slot was let go of; where that is here
  /// again, it is in `commands` once more.
  std::uint64_t handed_on = 0;
  /// Of `failed` and `dead_letters`: not decided, because the deadline had passed.
  std::uint64_t expired = 0;
  /// Stored.
  std::uint64_t commits = 0;
  /// Appends before which another writer came.
  std::uint64_t conflicts = 0;
  /// Actors made anew after an exception.
  std::uint64_t restarts = 0;
  /// Actors that could not be brought back, or kept failing; one that stays so counts once.
  std::uint64_t quarantines = 0;
};

/// Runs event-sourced actors of one process on CAF: activates them by id, feeds them commands, and
/// lets go of them. Knows nothing of nodes; a cluster tells it which slots are its own.
///
/// Threads: all members may be called from any thread, except that `host` comes before the first
/// command. Handlers and sinks run on worker threads.
class actor_host final : public command_router {
 public:
  /// The timers outlive the host.
  /// @pre `shards`, `mailbox_max` and `recovery_permits` are at least 1.
  actor_host(host_options options, std::shared_ptr<event_store> events,
             std::shared_ptr<snapshot_store> snapshots, timers& clock);
  /// As `stop` with 5 s, if nobody called that.
  ~actor_host() override;

  /// Makes `Actor` available here, made by `factory` at each activation. Of one type twice, the
  /// later factory counts; a singleton is hosted once. It is brought to life as soon as its slot is
  /// accepted, and stays in memory as long as that is so.
  template <class Actor, class Factory>
  void host(Factory factory) {
    host_type(model<Actor>::traits(), [factory](const actor_address& self) {
      return std::unique_ptr<behavior>{std::make_unique<model<Actor>>(factory(), self)};
    });
  }
  template <class Actor>
  void host() {
    host<Actor>([] { return Actor{}; });
  }
  void host_type(const actor_traits& traits, behavior_factory factory);
  /// The traits of a hosted type, or nullptr.
  [[nodiscard]] const actor_traits* find_type(const actor_type& type) const;

  template <class Actor>
  [[nodiscard]] actor_ref<Actor> actor(std::string_view id) {
    return {*this, model<Actor>::traits().type, id};
  }

  /// Where actors send what they send to others; at first through this host. Before the first
  /// command.
  /// @param router outlives the host's actors.
  void send_through(command_router& router) noexcept;
  [[nodiscard]] aether::dead_letters& dead_letters() const noexcept;

  /// @errors also `not_owner`: the actor's slot is not accepted here. `unknown_message`: its type
  ///         is not hosted here. `unavailable`: see `set_contact_until`. `not_running`: after
  ///         `stop`. `invalid_argument`: the envelope has no id or no command, or the type is a
  ///         singleton and this is not its id.
  result<void> tell(const actor_address& to, envelope command) override;
  /// Leaves the deadline to the caller, except that a command is not decided after it: `answer`
  /// comes when the actor is done with the command.
  void ask(const actor_address& to, envelope command) override;
  void lost(const dead_letter& letter) override;

  /// As `tell`, or, with an `answer`, as `ask`, but never `overloaded`: for commands whose number
  /// is bounded already.
  result<void> deliver_waiting(const actor_address& to, envelope command);

  /// From now on commands for this slot are served here. Nothing where the type is not hosted, here
  /// and in `release`.
  /// @pre `shard < host_options::shards`, here and in `release`.
  void accept(const actor_type& type, shard_id shard);
  /// From now on commands for this slot are refused with `not_owner`. Its actors finish what is
  /// being stored, write a snapshot and go. Of what waits, asks are answered `not_owner`, and tells
  /// are sent to wherever the actor lives by then (`send_through`).
  void release(const actor_type& type, shard_id shard);
  using drain_handler = std::move_only_function<void(bool)>;
  /// Lets go of these slots without losing anything: from now on commands for them are refused with
  /// `not_owner`; their actors finish all that waits for them, write a snapshot and go. What an
  /// actor has put off (`defer`) is finished where it lives next: asks are answered `not_owner`,
  /// for their senders to repeat; tells are sent there (`send_through`).
  /// @param deadline the rest is then let go of as by `release`.
  /// @param done called once, on a thread of the timers or from within `stop`: true when everything
  ///        is finished and no actor of the slots is in memory; false at the deadline, by `stop`,
  ///        or when one of the slots was accepted or released meanwhile.
  void drain(const std::vector<slot>& which, std::chrono::steady_clock::time_point deadline,
             drain_handler done);
  /// Cheap: for each command.
  [[nodiscard]] bool accepts(const actor_type& type, shard_id shard) const noexcept;

  using warm_up_handler = std::move_only_function<void(result<std::size_t>)>;
  /// Brings the actors of these shards to life before anyone calls them, from one reading of the
  /// snapshots and the log instead of one each: all shards in one call, rather than one by one.
  /// Of a slot that is not served here, none is.
  /// Those that nobody calls leave memory as always.
  /// @param done gets how many were brought to life; they may still be recovering, those that are
  ///        called before those that are not.
  /// @errors (to `done`) `invalid_argument`: no such shards. Else as for
  ///         `event_store::read_shards`; some may have been brought to life.
  void warm_up(std::vector<shard_range> which, warm_up_handler done);

  /// Until then nobody else is meant to own what is accepted here; from then on somebody may. What
  /// was read into memory is then trusted no more: answers that no append vouches for (queries,
  /// rejections, replies without events) wait until the actor's log is seen to end where the actor
  /// thinks, and are `unavailable` when that cannot be seen. Nothing else changes. After a gap,
  /// each actor is looked after once. At first: for ever.
  /// @param serves_until out of contact, until then: another owner cannot have begun without this
  ///        host being told. From then on asks are not decided, but `outcome_unknown`: that one may
  ///        have a copy. What was decided before is not said: what is stored then is
  ///        `outcome_unknown`, all else `unavailable`. What was told goes on, and so do stale
  ///        reads. The same holds, of one slot, after `release`.
  void set_contact_until(std::chrono::steady_clock::time_point until,
                         std::chrono::steady_clock::time_point serves_until =
                             std::chrono::steady_clock::time_point::max());

  /// Releases everything and waits until no actor is left. From then on commands are answered
  /// `not_running`, `accept` and `warm_up` bring nothing to life, and another `stop` says the same.
  /// @returns false when `timeout` passed first; the remaining actors are dropped as by a crash,
  ///          what was asked of them through an `actor_ref` is answered `outcome_unknown`.
  bool stop(std::chrono::milliseconds timeout);
  [[nodiscard]] host_stats stats() const;
  /// The table revision stamped into commits from now on.
  void set_epoch(writer_epoch epoch) noexcept;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace aether
