#pragma once

#include "clock.hpp"
#include "heartbeat.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

namespace aether::cluster {

/// A node as another one sees it.
struct member {
  node_id node;
  /// Nil for a node that is only presumed, from the shard table.
  incarnation_id incarnation;
  member_state state = member_state::joining;
  std::uint32_t weight = 0;
  std::uint64_t types_hash = 0;
  std::uint64_t table_revision = 0;
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
///     joining|up|leaving --silence | two probes without responders | farewell--> down
///     down --heard again, same incarnation, no farewell--> joining|up|leaving
///     down --heard, other incarnation--> joining|up|leaving
///
/// Guarantees: the node itself is never down in its own eyes. It judges others only while it hears
/// its own heartbeats: after a loss of the connection, a stall of this process or a half-dead cable
/// everyone gets a full `failure_timeout` to be heard again, and a missing responder proves nothing
/// for as long. A restarting server makes all look gone at once, and none of them is.
/// Of two live processes with one node id the later started wins once it is up; until then it is a
/// `conflict`. A node that is down is forgotten after ten times `failure_timeout`.
///
/// Pure: no clock, no I/O, no threads.
class membership {
 public:
  using changes = std::vector<member_change>;

  membership(node_id self, duration failure_timeout);

  /// @pre a heartbeat with the node's own id is this process's own.
  [[nodiscard]] changes heard(const heartbeat& from, time_point now);
  /// Nobody listens on the node's own subject.
  [[nodiscard]] changes probe_failed(const node_id& node, time_point now);
  /// Counts a node of the shard table, never heard of, as up until `failure_timeout` shows that it
  /// is not: a fresh leader must not take shards from one that merely was silent for a moment.
  [[nodiscard]] changes presume_up(const node_id& node, std::uint32_t weight, time_point now);
  void connection_lost();
  void connection_regained(time_point now);
  /// Declares the silent ones down. Call a few times per `failure_timeout`.
  [[nodiscard]] changes tick(time_point now);

  /// Sorted by node, those that are down included.
  [[nodiscard]] std::vector<member> members() const;
  /// Null when not known.
  [[nodiscard]] const member* find(const node_id& node) const;

 private:
  struct entry {
    member view;
    time_point last_heard;
    unsigned probes_failed = 0;
    bool farewell = false;
  };

  void heard_self(time_point now);
  [[nodiscard]] bool hears(time_point now) const;
  void follow(entry& known, const heartbeat& from, time_point now, changes& out);
  void replace(entry& known, const heartbeat& from, time_point now, changes& out);
  void to_state(entry& known, member_state next, std::string_view reason, changes& out);
  void give_everyone_time(time_point now);

  node_id self_;
  duration failure_timeout_;
  std::map<node_id, entry> entries_;
  bool connected_ = true;
  time_point grace_until_{};
  std::optional<time_point> heard_self_at_;
};

}  // namespace aether::cluster
