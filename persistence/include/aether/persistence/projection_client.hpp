#pragma once

#include <aether/persistence/event_store.hpp>
#include <aether/persistence/parked.hpp>
#include <aether/persistence/projection.hpp>
#include <aether/persistence/projection_positions.hpp>
#include <aether/persistence/record_store.hpp>
#include <aether/persistence/stored_position.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace aether {

/// The partitions of a log: the shards that are stored as one, in order.
[[nodiscard]] std::vector<shard_range> partitions_of(const event_store& log);

/// Asks about a projection, from wherever its positions can be read: whether it has seen something,
/// how far behind it is, what is parked; and switches between versions.
///
/// Threads: any. Calls block: not on a thread of the runtime.
class projection_client {
 public:
  struct parts {
    /// Not null, both.
    std::shared_ptr<event_store> events;
    std::shared_ptr<record_store> records;
    /// Those of the definition: null, with the records.
    std::shared_ptr<projection_positions> positions{};
    /// Tells whoever runs the partition that there may be something new; may be empty.
    std::function<void(std::uint32_t partition)> hint{};
  };
  static constexpr std::chrono::milliseconds look_again_min{2};
  static constexpr std::chrono::milliseconds look_again_max{100};

  /// @pre `name` is a `valid_projection_name`, `version` at least 1.
  projection_client(std::string name, std::uint32_t version, parts of);

  [[nodiscard]] std::uint32_t partitions() const noexcept;
  [[nodiscard]] std::uint32_t partition_of(const actor_address& actor) const noexcept;

  /// Waits until the view has what `seen` has: so that who sent a command reads its effect.
  /// @errors `timed_out`: not yet. `handler_failed`: it never will by itself, for a commit of the
  ///         actor up to there is parked; the text says which and why. Others as
  ///         `projection_positions::load`.
  [[nodiscard]] result<void> wait_for(const stored_position& seen,
                                      std::chrono::milliseconds within) const;
  /// Commits that are stored and not yet handled, in all partitions.
  /// @errors as `projection_positions::load` and `event_store::read_shards`.
  [[nodiscard]] result<std::uint64_t> lag() const;
  /// Whether the lag is at most `bound`.
  [[nodiscard]] result<bool> caught_up(std::uint64_t bound = 0) const;

  /// What is parked, by partition and sequence.
  [[nodiscard]] result<std::vector<parked_commit>> parked() const;
  /// Has all that is parked handled again by whoever runs the partitions, and waits until it is
  /// tried. What succeeds is parked no more.
  /// @returns how many entries are left.
  /// @errors `timed_out`: not all were tried yet; they will be.
  [[nodiscard]] result<std::size_t> replay_parked(std::chrono::milliseconds within) const;
  /// The same for one entry; or, with `discard`, it is given up for good, and what waits behind it
  /// is handled.
  [[nodiscard]] result<std::size_t> settle_parked(const parked_commit& which, parked_wish wish,
                                                  std::chrono::milliseconds within) const;

  /// The version that readers should use; 0 where none was switched to.
  [[nodiscard]] result<std::uint32_t> active_version() const;
  /// This version is the one from now on. What readers do with that is theirs.
  /// @errors `version_conflict`: another switched at the same time; look again.
  [[nodiscard]] result<void> activate() const;
  /// This version is over: its positions and what is parked are forgotten, and no node runs it any
  /// more. Its view is its owner's to drop.
  /// @errors `invalid_argument`: it is the active one.
  [[nodiscard]] result<void> retire() const;

 private:
  [[nodiscard]] projection_key key(std::uint32_t partition) const {
    return {name_, version_, partition};
  }
  [[nodiscard]] result<void> not_parked(const stored_position& seen, std::uint32_t partition) const;
  [[nodiscard]] result<std::uint64_t> lag_of(std::uint32_t partition) const;
  [[nodiscard]] result<void> wish(std::uint32_t partition, stream_sequence which,
                                  parked_wish what) const;
  [[nodiscard]] result<std::size_t> await_settled(std::vector<parked_commit> wished,
                                                  std::chrono::milliseconds within) const;

  const std::string name_;
  const std::uint32_t version_;
  const parts parts_;
  const std::vector<shard_range> ranges_;
};

}  // namespace aether
