#pragma once

#include "clock.hpp"
#include "kv_outcome.hpp"
#include "membership.hpp"
#include "shard_table.hpp"

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

namespace aether::cluster {

/// What the leader does about the shard table.
///
///     idle --elected--> reading --table--> watching --members differ--> writing --stored-->
///     watching writing --conflict | unknown--> reading       reading --a later term--> idle (step
///     down) any --deposed--> idle
///
/// A new leader writes the table once more under its own term even when nobody moves: the leader
/// before it, should it still believe in itself, then fails on the key's revision. Of one leader at
/// most one write is in flight. The shell answers each `read` and `write`; answers that come after
/// `deposed` must be dropped (see `waiting`). Pure: no clock, no I/O, no threads.
class leader_duties {
 public:
  enum class phase { idle, reading, watching, writing };

  struct read {};
  /// Conditional on the revision of the table key; 0: the key must not exist.
  struct write {
    std::uint64_t expected;
    shard_table table;
  };
  /// The new table is in force.
  struct written {
    shard_table table;
  };
  struct step_down {};
  using effect = std::variant<read, write, written, step_down>;
  using effects = std::vector<effect>;

  /// @param retry pause after a read or write that reached nobody.
  leader_duties(std::uint32_t shards, duration retry) : shards_{shards}, retry_{retry} {}

  [[nodiscard]] effects elected(std::uint64_t term);
  void deposed();
  /// @param found the newest table, with its revision; revision 0 when there is none yet.
  ///              None: it could not be read.
  [[nodiscard]] effects read_done(std::optional<shard_table> found, time_point now);
  [[nodiscard]] effects write_done(const write_result& result, time_point now);
  /// Looks whether the table still fits; call on each change of members and at each tick.
  [[nodiscard]] effects consider(const std::vector<member>& members, time_point now);

  [[nodiscard]] phase current() const noexcept { return phase_; }

 private:
  void enter(phase next);

  std::uint32_t shards_;
  duration retry_;
  phase phase_ = phase::idle;
  std::uint64_t term_ = 0;
  bool read_sent_ = false;
  time_point retry_at_{};
  // In `watching` the newest stored table, in `writing` also the next one.
  std::optional<shard_table> stored_;
  std::optional<shard_table> next_;
};

/// The members that may own shards: up, with a weight. Sorted as `members` is.
[[nodiscard]] std::vector<shard_table::entry> owners_of(const std::vector<member>& members);

}  // namespace aether::cluster
