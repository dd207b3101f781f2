#pragma once

#include <aether/runtime/bytes.hpp>
#include <aether/runtime/ids.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace aether::cluster {

/// One start of one process. Made anew at each start; sorted by the start.
using incarnation_id = detail::uuid_of<struct incarnation_tag>;

/// Where a node stands; the numbers are on the wire. Within one incarnation it only goes forward,
/// but a node that was given up for `down` comes back when it is heard again.
enum class member_state : std::uint8_t { joining = 1, up = 2, leaving = 3, down = 4 };

[[nodiscard]] std::string_view to_string(member_state state) noexcept;

/// What a node says of itself: a few times a second, and in answer to a probe.
struct heartbeat {
  /// The leader heard this heartbeat of that process.
  struct acknowledgement {
    incarnation_id of;
    /// That heartbeat's.
    std::int64_t sent_at = 0;
    friend bool operator==(const acknowledgement&, const acknowledgement&) = default;
  };

  node_id node;
  incarnation_id incarnation;
  /// `down` is a farewell: this incarnation will not be heard again.
  member_state state = member_state::joining;
  /// Its share of the shards, relative to others; 0 hosts nothing.
  std::uint32_t weight = 0;
  std::uint32_t shards = 0;
  /// `fingerprint` of its types.
  std::uint64_t types_hash = 0;
  /// The actor types that it hosts, sorted.
  std::vector<actor_type> types = {};
  /// `key=value` each, sorted.
  std::vector<std::string> labels = {};
  /// What it calls its build.
  std::string version = {};
  /// KV revision of the newest shard table it knows; 0 for none.
  std::uint64_t table_revision = 0;
  /// That of the newest table of which it serves every slot it owns.
  std::uint64_t settled = 0;
  /// The sender's own clock; means something to the sender alone.
  std::int64_t sent_at = 0;
  /// Of a leader: its term, and the newest heartbeat it heard of each process that it takes for
  /// alive. Of others 0 and none.
  std::uint64_t term = 0;
  std::vector<acknowledgement> heard = {};
};

/// As docs/formats.md has it ("Heartbeats").
[[nodiscard]] bytes encode_heartbeat(const heartbeat& from);
/// @errors `decode_failed`: not a heartbeat, of another format, or with a value out of range.
[[nodiscard]] result<heartbeat> decode_heartbeat(bytes_view data);

}  // namespace aether::cluster
