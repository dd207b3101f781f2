#pragma once

#include "clock.hpp"
#include "kv_outcome.hpp"
#include "shard_table.hpp"
#include "table_plan.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace aether::cluster {

/// What the leader does about the shard table.
///
///     idle --elected--> reading --table--> watching --another table is due--> writing
///     writing --stored--> watching     writing --conflict | unknown--> reading
///     reading --a later term--> idle (step down)     any --deposed--> idle
///
/// A new leader writes the table once more under its own term even when nobody moves: the leader
/// before it, should it still believe in itself, then fails on the key's revision. Of one leader at
/// most one write is in flight. The shell answers each `read` and `write`; answers that come after
/// `deposed` must be dropped. Pure: no clock, no I/O, no threads.
class leader_duties {
 public:
  enum class phase { idle, reading, watching, writing };

  struct options {
    std::uint32_t shards = 0;
    /// Pause after a read or write that reached nobody.
    duration retry{};
    /// Not null.
    std::shared_ptr<const allocation_strategy> strategy = even_allocation();
    /// Slots in hand-over at once.
    std::size_t moves_max = 32;
  };

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
  /// The strategy's answer was no answer.
  struct strategy_failed {
    std::string why;
  };
  using effect = std::variant<read, write, written, step_down, strategy_failed>;
  using effects = std::vector<effect>;

  explicit leader_duties(options how) : options_{std::move(how)} {}

  [[nodiscard]] effects elected(std::uint64_t term);
  void deposed();
  /// @param found the newest table, with its revision; revision 0 when there is none yet.
  ///              None: it could not be read.
  [[nodiscard]] effects read_done(std::optional<shard_table> found, time_point now);
  [[nodiscard]] effects write_done(const write_result& result, time_point now);
  /// Looks whether the table still fits; call on each change of those that are there and at each
  /// tick. @param present as for `plan_table`.
  [[nodiscard]] effects consider(const std::vector<present_node>& present, time_point now);

  [[nodiscard]] phase current() const noexcept { return phase_; }
  /// A table other than the newest one that was read may come into force at any moment.
  [[nodiscard]] bool unsettled() const noexcept { return phase_ != phase::watching; }

 private:
  void enter(phase next);

  options options_;
  phase phase_ = phase::idle;
  std::uint64_t term_ = 0;
  bool read_sent_ = false;
  time_point retry_at_{};
  // In `watching` the newest stored table, in `writing` also the next one.
  std::optional<shard_table> stored_;
  std::optional<shard_table> next_;
};

}  // namespace aether::cluster
