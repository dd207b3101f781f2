#pragma once

#include <aether/actors/actor_history.hpp>
#include <aether/actors/actor_host.hpp>
#include <aether/actors/actor_ref.hpp>
#include <aether/actors/behavior.hpp>
#include <aether/cluster/allocation.hpp>
#include <aether/cluster/durable_sends.hpp>
#include <aether/cluster/leader_election.hpp>
#include <aether/persistence/event_bus.hpp>
#include <aether/persistence/projection_client.hpp>
#include <aether/persistence/projection_runner.hpp>
#include <aether/runtime/options.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace aether {

/// What was sent through a node, by its references and by its actors: each command once, however
/// many attempts it took. What became of it is known here of an ask,
///
///     asks = asks_open + handled + rejected + failed + overloaded
///
/// and of a tell where its actor lives, in the `host_stats` of that node. A host knows attempts: of
/// a node in memory, whose actors send themselves nothing (`tell_self`, timers, answers),
///
///     tells + attempts = the host's handled + rejected + failed + dead_letters + overloaded
///                        + waiting
///
/// but for what can never be delivered (`invalid_argument`, `unknown_message`).
struct sent_stats {
  /// `overloaded` and other refusals too.
  std::uint64_t tells = 0;
  /// Tells that returned an error.
  std::uint64_t tells_refused = 0;
  std::uint64_t asks = 0;
  /// Not answered yet: at most `asks_max`.
  std::uint64_t asks_open = 0;
  /// Times that an ask was sent to an actor's node, this one or another; none where it was refused
  /// at the door (`asks_max`).
  std::uint64_t attempts = 0;
  /// Answered with a reply.
  std::uint64_t handled = 0;
  /// Answered with the actor's own `rejected`.
  std::uint64_t rejected = 0;
  /// Answered with another error than these two.
  std::uint64_t failed = 0;
  /// Answered `overloaded`, here at the door or by the actor's node.
  std::uint64_t overloaded = 0;
};

/// What an operator asks a node.
struct node_status {
  struct member {
    std::string node;
    /// joining, up, leaving or down.
    std::string state;
    std::uint32_t weight = 0;
    /// Shards that the table assigns to it.
    std::size_t shards = 0;
  };
  std::string node;
  bool leading = false;
  /// The leader's term, and the revision of the shard table in force; 0 without a cluster.
  std::uint64_t term = 0;
  std::uint64_t table_revision = 0;
  std::vector<member> members;
  host_stats actors;
  sent_stats sent;
  /// Each partition of each projection that this node can run, owned or not.
  std::vector<projection_stats> projections;
};

/// One process of a cluster, or, without a NATS address, a whole system in memory.
///
///     aether::node node{aether::options::from(argc, argv)};
///     node.host<account>();
///     if (auto joined = node.join(); !joined) return report(joined.error());
///     auto alice = node.actor<account>("alice");
///
/// Call `host` for every actor type before `join`. A node that hosts nothing, or has weight 0, owns
/// no shards and is a client: it reaches every actor all the same.
///
/// Threads: all members may be called from any thread; one at a time what comes before `join`
/// (`host`, `project`, `allocate`, `set_wall_clock`), `join` itself, and `leave`. References made
/// by `actor` must not be used after the node is gone.
class node {
 public:
  /// @param wanted checked by `join`; without a node id it gets a `generated_node`.
  explicit node(options wanted);
  /// Leaves, if it is still a member.
  ~node();
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  /// This node can run `Actor`s, made by `factory()` at each activation. Of one type twice, the
  /// later factory counts.
  /// @pre `join` has not succeeded yet.
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

  /// This node can run the projection: each of its partitions runs on one of the nodes that can,
  /// as the cluster assigns them, and moves when nodes come and go. Of one name and version twice,
  /// the later one counts. `join` refuses one that is not valid (`check`). A node that only runs
  /// projections owns shards of theirs alone.
  /// @pre `join` has not succeeded yet.
  void project(projection_definition wanted);

  /// What handlers are told the time is, and commits are stamped with; the system's at first.
  /// @param now thread-safe, and does not throw.
  /// @pre `join` has not succeeded yet.
  void set_wall_clock(std::function<std::chrono::system_clock::time_point()> now);
  /// Which node owns what, as long as this one leads; `even_allocation` at first. Give all nodes
  /// the same.
  /// @param strategy not null.
  /// @pre `join` has not succeeded yet.
  void allocate(std::shared_ptr<const cluster::allocation_strategy> strategy);

  /// Connects, creates what the namespace lacks on the server, becomes a member, and waits until
  /// every shard has an owner that is up: `failure_timeout` and `lease` at most, two heartbeats
  /// with weight 0. After that it succeeds all the same, and asks wait for an owner in their turn.
  /// Blocks, mostly for a few heartbeats. Where others do not answer, up to 15 s until it is a
  /// member; where the server has no leader for its streams, for minutes. May be called again after
  /// an error.
  /// @errors `invalid_options`; `unavailable`, `timed_out`: no server answers, or nobody in time;
  ///         `unsupported_server`; `incompatible_cluster`: another shard count or message table,
  ///         the text has the difference; `node_id_in_use`; `not_permitted`: the server refused the
  ///         credentials, or a subject to this user, and the text names subject and permission;
  ///         `store_failed`: the server refused, the text says why; `decode_failed`: the
  ///         namespace's settings are no such thing. `invalid_argument`: it has joined already, be
  ///         it that it has left since; or a projection is not valid (`check`).
  [[nodiscard]] result<void> join();

  /// The actor of that id, wherever it lives or will live; see `actor_ref`.
  template <class Actor>
  [[nodiscard]] actor_ref<Actor> actor(std::string_view id) {
    return {router(), model<Actor>::traits().type, id};
  }

  /// The one actor of a type with `singleton = true`. Some node that hosts the type has it in
  /// memory, called or not; when that one goes, another brings it back by itself.
  template <class Actor>
  [[nodiscard]] actor_ref<Actor> singleton() {
    static_assert(Actor::singleton, "the actor is one of many: use actor<Actor>(id)");
    return actor<Actor>(singleton_id);
  }

  /// The past of the actor of that id, read from the log: works wherever the actor lives, and
  /// without activating it. After `join`; before, everything is answered `not_running`.
  template <class Actor>
  [[nodiscard]] actor_history<Actor> history(std::string_view id) {
    return {events(), snapshots(), id};
  }
  /// The stores behind the actors, for tools; null before `join`.
  [[nodiscard]] std::shared_ptr<event_store> events() const;
  [[nodiscard]] std::shared_ptr<snapshot_store> snapshots() const;

  /// Where events are seen as they are stored, whoever stores them; null before `join`. In memory
  /// those of this node, else those of the whole namespace, and of others that are asked for; gaps
  /// of others it can only report. Its subscriptions see nothing more once the node has left.
  [[nodiscard]] std::shared_ptr<event_bus> bus() const;

  /// Asks about a projection, run here or elsewhere: waits for a position, lists what is parked,
  /// switches between versions. Must not be used after the node has left.
  /// @param version 0: the newest that this node can run.
  /// @param positions where the projection has them, if its definition says so and this node does
  ///        not run it; null: as the definition says, and else in the namespace's bucket.
  /// @errors `not_running`: before `join`. `invalid_argument`: no name of a projection, or a
  ///         version has to be given, for this node runs none.
  [[nodiscard]] result<projection_client> projection(
      std::string_view name, std::uint32_t version = 0,
      std::shared_ptr<projection_positions> positions = nullptr) const;

  /// This node as a candidate of the election `name` in its namespace, over its connection; see
  /// `cluster::leader_election`, whose default lease it has. Nodes compete, and so does whoever
  /// else gives the same name there; without NATS, those of this node only. `leave` ends it, before
  /// all else: until its handlers have returned, actors are reached as ever.
  /// @errors `not_running`: before `join`, or after `leave`; `invalid_argument`: not a name.
  [[nodiscard]] result<cluster::leader_election> election(std::string_view name,
                                                          cluster::election_handlers handlers = {});

  /// Tells what becomes of commands that are sent durably with this outcome's name, by any node of
  /// the namespace: at least once each while the subscription is there, and not afterwards what was
  /// decided before. Must end before the node does.
  /// @errors `invalid_argument`: not a name. `not_running`: before `join`, or after `leave`.
  [[nodiscard]] result<outcome_subscription> outcomes(std::string_view name,
                                                      outcome_handler handler);
  /// Durable sends that could not be handled, the first `limit` of the namespace. Blocks, for a
  /// round trip each. With replicas one that was parked just now may be missing.
  /// @errors `not_running`: before `join`, or after `leave`. `unavailable`, `timed_out`: ask again.
  ///         `not_permitted`; `store_failed`: the server refused, the text says why.
  [[nodiscard]] result<std::vector<parked_send>> parked_sends(std::size_t limit) const;
  /// Puts one back at the end of its actor's queue, under the same id; or drops it for good. Twice
  /// does no harm. Block.
  /// @errors `invalid_argument`, of `resend_parked`: it is not parked any more; to discard what is
  ///         gone is no error. `decode_failed`, of `resend_parked`: what is parked there can be
  ///         read by nobody. `outcome_unknown`, `unavailable`, `timed_out`: do it again.
  ///         `not_running`; `not_permitted`; `store_failed`: the server refused, the text says why.
  [[nodiscard]] result<void> resend_parked(const parked_send& which);
  [[nodiscard]] result<void> discard_parked(const parked_send& which);
  /// Takes back a durable send that is not due yet, or a whole series of them. Blocks.
  /// @param id of the command, of a series of its first one: the receipt has it.
  /// @returns false: there is none, or it came due.
  /// @errors `not_running`: before `join`, or after `leave`. `unavailable`, `timed_out`: do it
  ///         again. `not_permitted`; `store_failed`: the server refused, the text says why.
  [[nodiscard]] result<bool> cancel_reminder(const actor_address& to, const command_id& id);

  /// What ended on this node without an effect and without anybody to be told; before `join` too.
  [[nodiscard]] aether::dead_letters& dead_letters() const noexcept;

  /// Lets others take its shards (up to `drain_timeout`, while there is another that can), finishes
  /// the batches of projections that nobody took over (up to `drain_timeout` again), then what is
  /// being stored, and writes snapshots (up to `drain_timeout` once more), and leaves (up to half a
  /// `lease`, and 4 s where the server does not answer). For good: it cannot join again, make
  /// another node. Its references answer `not_running`, and so do its histories; only those of a
  /// node in memory are still there.
  /// @returns false when something had to be dropped, as by a crash: what was acknowledged is
  ///          stored. True where there is nothing to leave: before `join`, and when called again.
  bool leave();

  /// From now on SIGTERM and SIGINT are caught for `run_until_signal` instead of ending the
  /// process; the second one ends it at once (code 130). Call it before `join` so that a signal
  /// during start-up counts too. Idempotent; for the whole process.
  static void catch_signals();

  /// Waits for SIGTERM or SIGINT, then leaves. Calls `catch_signals` if nobody has.
  /// @returns the process's exit code: 0 after a clean leave, 1 otherwise.
  int run_until_signal();

  [[nodiscard]] node_status status() const;
  /// The options in force, the generated node id included.
  [[nodiscard]] const options& settings() const noexcept;

 private:
  void host_type(const actor_traits& traits, behavior_factory factory);
  [[nodiscard]] command_router& router() noexcept;

  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace aether
