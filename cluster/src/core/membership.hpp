#pragma once

#include "clock.hpp"
#include "heartbeat.hpp"
#include "shard_table.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aether::cluster {

/// A process as another one sees it.
struct member {
  node_id node;
  incarnation_id incarnation;
  member_state state = member_state::joining;
  std::uint32_t weight = 0;
  std::uint64_t types_hash = 0;
  /// What it hosts, sorted; of one that was only presumed, what the table gave it.
  std::vector<actor_type> types = {};
  std::vector<std::string> labels = {};
  std::string version = {};
  std::uint64_t table_revision = 0;
  std::uint64_t settled = 0;
  /// Heard itself, not presumed from the table.
  bool heard = true;
  /// Of one that is down: by its own word, or the server's, it serves nothing, so that what it has
  /// may go to others at once. One that only was cut off comes back when it is heard again.
  bool gone = false;
  /// A later process of its name is up: it is to leave, whatever it says.
  bool superseded = false;
};

enum class member_event { joined, up, leaving, down, conflict };

[[nodiscard]] std::string_view to_string(member_event event) noexcept;

struct member_change {
  member_event what;
  member who;
  std::string_view reason;
};

/// Who is there, judged by one node from what it hears.
///
///     (unknown) --heard--> joining --heard--> up --heard--> leaving
///     joining|up --a later process with the node id is up--> leaving (superseded)
///     superseded --heard, and that one is down--> joining|up|leaving
///     joining|up|leaving --silence | two probes without responders | farewell--> down
///     down --heard again, no farewell--> joining|up|leaving
///
/// Guarantees: the node itself is never down in its own eyes. It judges others only while it hears
/// its own heartbeats: after a loss of the connection, a stall of this process or a half-dead cable
/// everyone gets a full `failure_timeout` to be heard again, and a missing responder proves nothing
/// for as long. A restarting server makes all look gone at once, and none of them is.
///
/// That nobody listens is proof only where there is one NATS server: in a group of them a process
/// that one cannot reach may be well connected to another. There it is ignored.
///
/// Of two live processes with one node id the later started wins once it is up; until then it is a
/// `conflict`, and not a member. A process that is down is forgotten after ten times
/// `failure_timeout`.
///
/// Pure: no clock, no I/O, no threads.
class membership {
 public:
  using changes = std::vector<member_change>;

  /// @param self this process.
  membership(node_id self, incarnation_id incarnation, duration failure_timeout);

  [[nodiscard]] changes heard(const heartbeat& from, time_point now);
  /// Nobody listens on the process's own subject.
  [[nodiscard]] changes probe_failed(const node_id& node, const incarnation_id& incarnation,
                                     time_point now);
  /// A process listens there.
  void probe_answered(const node_id& node, const incarnation_id& incarnation);
  /// Counts a process of the shard table that is not heard, and not gone for good, as up until
  /// `failure_timeout` shows that it is not: a fresh leader must not take shards from one that
  /// another leader may just have told that it is in contact.
  /// @param types what the table gives it, sorted.
  [[nodiscard]] changes presume_up(const shard_table::entry& who, std::vector<actor_type> types,
                                   time_point now);
  /// Whether missing responders prove anything: there is one server. False at first.
  void trust_missing_responders(bool trusted) noexcept { trusts_server_ = trusted; }
  void connection_lost();
  void connection_regained(time_point now);
  /// Declares the silent ones down. Call a few times per `failure_timeout`.
  [[nodiscard]] changes tick(time_point now);

  /// Sorted by node and incarnation, those that are down included.
  [[nodiscard]] std::vector<member> members() const;
  /// The newest process of that name; null when not known.
  [[nodiscard]] const member* find(const node_id& node) const;
  /// Whether the process was heard at `when` or later.
  [[nodiscard]] bool heard_since(const node_id& node, const incarnation_id& incarnation,
                                 time_point when) const {
    const auto found = entries_.find({node, incarnation});
    return found != entries_.end() && found->second.heard_at >= when;
  }
  /// Whether the process was heard before.
  [[nodiscard]] bool knows(const heartbeat& from) const {
    return entries_.contains({from.node, from.incarnation});
  }
  /// For each that is not down, `sent_at` of the newest heartbeat heard of it.
  [[nodiscard]] std::vector<heartbeat::acknowledgement> acknowledgements() const;
  /// A probe of one of them failed, and the next would decide.
  [[nodiscard]] bool suspects() const noexcept;

 private:
  using key = std::pair<node_id, incarnation_id>;
  struct entry {
    member view;
    /// Since then its silence counts.
    time_point last_heard;
    /// When it was heard indeed.
    time_point heard_at{};
    std::int64_t sent_at = 0;
    unsigned probes_failed = 0;
    bool farewell = false;
  };

  [[nodiscard]] bool is_self(const key& who) const { return who == self_; }
  void heard_self(time_point now);
  [[nodiscard]] bool hears(time_point now) const;
  /// A later process of that name is there.
  [[nodiscard]] bool has_successor(const node_id& node, const incarnation_id& incarnation) const;
  void supersede_earlier(const heartbeat& by, changes& out);
  void follow(entry& known, const heartbeat& from, time_point now, changes& out);
  void meet(const heartbeat& from, time_point now, changes& out);
  void to_state(entry& known, member_state next, std::string_view reason, changes& out);
  void give_everyone_time(time_point now);

  key self_;
  duration failure_timeout_;
  std::map<key, entry> entries_;
  bool trusts_server_ = false;
  bool connected_ = true;
  time_point grace_until_{};
  std::optional<time_point> heard_self_at_;
};

}  // namespace aether::cluster
