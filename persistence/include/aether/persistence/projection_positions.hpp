#pragma once

#include <aether/persistence/projection.hpp>
#include <aether/persistence/record_store.hpp>

#include <memory>

namespace aether {

/// Where a projection keeps how far it is. Three kinds: records in memory or in the namespace's KV
/// bucket (`record_positions`), and a user's own, beside the view.
///
/// **Fencing.** A position is stored on the condition of the revision that was loaded, so one who
/// was replaced as the owner of a partition, and does not know yet, cannot overwrite what the new
/// owner stored. The new owner stores what it loaded once more, so the old one's next store fails.
///
/// Threads: any. Calls block, and come from threads that may.
class projection_positions {
 public:
  virtual ~projection_positions() = default;
  /// What was stored last; all 0 where nothing was.
  /// @errors `unavailable`, `timed_out`: try again; others stop the partition until it is loaded.
  [[nodiscard]] virtual result<projection_position> load(const projection_key& key) = 0;
  /// Stores `next` where the revision is still `next.revision`.
  /// @returns the new revision.
  /// @errors `version_conflict`: it is not. `unavailable`: not stored, try again.
  ///         `outcome_unknown`: perhaps stored; load, and compare.
  [[nodiscard]] virtual result<std::uint64_t> store(const projection_key& key,
                                                    const projection_position& next) = 0;
  /// The version is over: forgets the position, whatever its revision.
  [[nodiscard]] virtual result<void> forget(const projection_key& key) = 0;
};

/// Positions as records `proj.<name>.<version>.<partition>`; docs/formats.md has their fields.
/// @param records not null.
[[nodiscard]] std::shared_ptr<projection_positions> record_positions(
    std::shared_ptr<record_store> records);

/// The record of a part of a projection: `proj.<name>.<version>.<partition>`.
[[nodiscard]] std::string record_key(const projection_key& key);

}  // namespace aether
