#pragma once

#include "clock.hpp"
#include "join_machine.hpp"
#include "leader_duties.hpp"
#include "lease_machine.hpp"
#include "membership.hpp"
#include "shard_table.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace aether::cluster {

struct coordination_options {
  node_id node;
  incarnation_id incarnation;
  std::uint32_t weight = 1;
  std::uint32_t shards = 256;
  /// Sorted.
  std::vector<hosted_type> types;
  /// Sorted.
  std::vector<std::string> labels = {};
  std::string version = {};
  duration heartbeat = std::chrono::milliseconds{500};
  duration failure_timeout = std::chrono::seconds{2};
  duration lease_ttl = std::chrono::milliseconds{500};
  duration lease_margin = std::chrono::milliseconds{62};
  /// How often a leader asks each process whether it is there.
  duration probe_interval = std::chrono::milliseconds{150};
  /// The same after one had no answer.
  duration second_probe = std::chrono::milliseconds{50};
  /// How long a process that joins listens for others before it says that it is up. Those that are
  /// there answer its first words at once.
  duration observe = std::chrono::milliseconds{100};
  /// How often the table is read when nothing else says that it changed.
  duration table_refresh = std::chrono::seconds{1};
  /// Not null.
  std::shared_ptr<const allocation_strategy> strategy = even_allocation();
  std::size_t moves_max = 32;
};

/// All that one node does to be part of the cluster: joins, is heard and hears, competes for the
/// lease, tends the shard table while it leads, and follows the table while it does not.
///
///     idle --start--> joining --joined--> member --announce_leaving--> leaving
///     joining|member|leaving --refused--> refused          any but idle --leave--> left
///
/// Guarantees: a leader is a member. `table_changed` comes with ever higher revisions. While there
/// is no leader, or no KV to be reached, the last table stays in force.
///
/// *Contact.* A leader says in its heartbeats whom it heard last, and when that was sent. Until
/// seven eighths of `failure_timeout` after it sent a heartbeat that was acknowledged so, a node is
/// in contact: nobody can have given its slots away without its having let go. For that a leader
/// acknowledges nothing while a table of its is on the way, a node takes no acknowledgement that
/// comes with a table which it does not follow yet, and a new leader gives everybody whom the table
/// names a full `failure_timeout`, unless it is gone for certain. Without a leader nobody is in
/// contact for long: what a node says is then to be confirmed against the log.
///
/// *Serving.* Without a leader, or a bucket, healthy nodes go on: out of contact a node serves as
/// long as it is sure to hear of a table that gives its slots away. Where the NATS server is alone,
/// that is until seven eighths of `failure_timeout` after it sent a heartbeat that came back to it:
/// whoever gives slots away hears by the same server, and gave it so long. In a group of servers
/// its own echo proves nothing; there it must also hear most of the nodes that the table names, as
/// the larger part of a cluster that came apart does. Once it has gone without an echo for longer
/// than that, only a leader's acknowledgement makes it serve again: a table may be on its way. A
/// node that has heard of a newer table than it follows does not serve until it follows it.
///
/// Each `read_*`, `write_*` and `ask_types` is answered once by its counterpart input. Pure: no
/// clock, no I/O, no threads, no randomness; the whole cluster runs in one test thread.
class coordination {
 public:
  enum class phase { idle, joining, member, leaving, left, refused };

  struct send_heartbeat {
    heartbeat what;
  };
  /// Ask the process's own subject; feed `probe_failed` when nobody listens there,
  /// `probe_answered` when it answers.
  struct send_probe {
    node_id to;
    incarnation_id incarnation;
  };
  using ask_types = join_machine::ask_types;
  struct read_lease {};
  using write_lease = lease_machine::write;
  struct read_table {};
  using write_table = leader_duties::write;
  struct table_changed {
    std::shared_ptr<const shard_table> table;
    std::size_t moved;
  };
  using member_changed = member_change;
  using elected = lease_machine::elected;
  using deposed = lease_machine::deposed;
  using strategy_failed = leader_duties::strategy_failed;
  using joined = join_machine::joined;
  using refused = join_machine::refused;
  /// After `leave`: nothing follows.
  struct left {};
  using effect = std::variant<send_heartbeat, send_probe, ask_types, read_lease, write_lease,
                              read_table, write_table, table_changed, member_changed, elected,
                              deposed, strategy_failed, joined, refused, left>;
  using effects = std::vector<effect>;

  explicit coordination(coordination_options options);

  [[nodiscard]] effects start(time_point now);
  /// Call several times per `lease_ttl / 20`, `second_probe` and `heartbeat / 4`.
  /// @param jitter see `lease_machine::tick`.
  [[nodiscard]] effects tick(time_point now, duration jitter);
  [[nodiscard]] effects heard(const heartbeat& from, time_point now);
  [[nodiscard]] effects probe_failed(const node_id& node, const incarnation_id& incarnation,
                                     time_point now);
  void probe_answered(const node_id& node, const incarnation_id& incarnation);
  /// See `membership::trust_missing_responders`.
  void trust_missing_responders(bool trusted) {
    server_is_alone_ = trusted;
    membership_.trust_missing_responders(trusted);
  }
  /// This node serves every slot that it owns in the table of that revision.
  [[nodiscard]] effects settled(std::uint64_t revision, time_point now);
  [[nodiscard]] effects types_answered(const node_id& of,
                                       const std::optional<std::vector<hosted_type>>& types,
                                       time_point now);
  [[nodiscard]] effects lease_read(const std::optional<lease_state>& found, time_point now);
  [[nodiscard]] effects lease_written(const write_result& result, time_point now);
  [[nodiscard]] effects table_read(std::optional<shard_table> found, time_point now);
  [[nodiscard]] effects table_written(const write_result& result, time_point now);
  [[nodiscard]] effects connection_changed(bool connected, time_point now);
  /// Stay a member, but be given no shards: the leader moves them away.
  [[nodiscard]] effects announce_leaving(time_point now);
  [[nodiscard]] effects leave(time_point now);

  [[nodiscard]] phase current() const noexcept { return phase_; }
  [[nodiscard]] heartbeat own_heartbeat(time_point now) const;
  [[nodiscard]] std::vector<member> members() const { return membership_.members(); }
  /// Null before the first.
  [[nodiscard]] const std::shared_ptr<const shard_table>& table() const noexcept { return table_; }
  [[nodiscard]] bool leading(time_point now) const noexcept { return lease_.leading(now); }
  [[nodiscard]] std::optional<time_point> leading_until() const noexcept;
  [[nodiscard]] std::uint64_t term() const noexcept { return lease_.term(); }
  /// Until then nobody can have given this node's slots away behind its back.
  [[nodiscard]] time_point contact_until() const noexcept { return contact_until_; }
  /// Out of contact, until then: others cannot have been given this node's slots without its
  /// hearing of it.
  [[nodiscard]] time_point serves_until(time_point now) const;

 private:
  void enter(phase next);
  effects take() { return std::exchange(out_, {}); }
  void take_acknowledgement(const heartbeat& from);
  void take_echo(const heartbeat& own, time_point now);
  [[nodiscard]] duration trusted() const noexcept;
  [[nodiscard]] bool hears_most(time_point now) const;
  void beat(time_point now);
  void probe_if_due(time_point now);
  void probe_all(time_point now);
  void presume_owners(const shard_table& of, time_point now);
  [[nodiscard]] std::vector<present_node> present() const;
  void apply(const membership::changes& changes, time_point now);
  void apply(join_machine::effects todo, time_point now);
  void apply(const lease_machine::effects& todo, time_point now);
  void apply(leader_duties::effects todo, time_point now);
  void consider(time_point now);
  void request_table(time_point now);
  void adopt(const shard_table& found);
  [[nodiscard]] bool active() const noexcept;
  [[nodiscard]] std::uint64_t table_revision() const noexcept;

  coordination_options options_;
  phase phase_ = phase::idle;
  membership membership_;
  join_machine join_;
  lease_machine lease_;
  leader_duties duties_;
  std::uint64_t types_hash_;
  std::vector<actor_type> types_;
  time_point next_heartbeat_{};
  time_point next_probe_{};
  time_point contact_until_{};
  time_point echo_until_{};
  // When the first heartbeat after a gap was sent, of those that have come back without another.
  time_point echoes_since_{};
  std::uint64_t settled_ = 0;
  bool server_is_alone_ = false;
  bool farewell_pending_ = false;

  std::shared_ptr<const shard_table> table_;
  // The highest revision that any heartbeat spoke of.
  std::uint64_t table_revision_heard_ = 0;
  time_point next_refresh_{};
  bool read_in_flight_ = false;
  bool write_in_flight_ = false;
  // The duties of the current leadership want a read, or the one in flight, or the write in flight.
  bool duties_want_read_ = false;
  bool read_is_for_duties_ = false;
  bool write_is_for_duties_ = false;

  effects out_;
};

}  // namespace aether::cluster
