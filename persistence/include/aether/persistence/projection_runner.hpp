#pragma once

#include <aether/persistence/event_store.hpp>
#include <aether/persistence/projection.hpp>
#include <aether/persistence/projection_client.hpp>
#include <aether/persistence/record_store.hpp>
#include <aether/runtime/timers.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aether {

/// One partition, as an operator sees it. Counts since the runner was made.
struct projection_stats {
  projection_key key;
  bool owned = false;
  /// `loading`, `reading`, `idle`, `handling`, `backing_off`, `stopped` ...
  std::string phase;
  stream_sequence position;
  /// Commits stored and not yet handled, as of the last look at the log.
  std::uint64_t lag = 0;
  /// How long ago the oldest of them that was read was written, by the clocks of writer and node.
  std::chrono::milliseconds oldest_age{0};
  std::uint64_t commits = 0, events = 0, batches = 0;
  std::uint64_t retries = 0;
  /// Parked now, and ever.
  std::uint64_t parked = 0, parked_total = 0;
  std::uint64_t replayed = 0;
  /// Why it does not go on; none where it does.
  std::optional<std::string> problem;
};

/// Runs the partitions of one projection that it is told to own, on threads of its own
/// (`projection_options::workers`).
///
///     aether::timers clock;
///     aether::projection_runner runner{definition, {.events = store, .records = records}, clock};
///     runner.own_all();
///
/// It polls the log (`poll_interval`) and reads at once when it is hinted at.
///
/// Threads: all members from any thread; `stop` and the destructor not from a handler.
class projection_runner {
 public:
  struct parts {
    /// Not null, both.
    std::shared_ptr<event_store> events;
    std::shared_ptr<record_store> records;
    std::function<std::chrono::system_clock::time_point()> wall_clock =
        &std::chrono::system_clock::now;
  };
  /// @param wanted `check`ed. @param clock outlives it.
  projection_runner(projection_definition wanted, parts of, timers& clock);
  /// As `stop`, for as long as a handler takes.
  ~projection_runner();
  projection_runner(const projection_runner&) = delete;
  projection_runner& operator=(const projection_runner&) = delete;

  [[nodiscard]] const projection_definition& definition() const noexcept;
  [[nodiscard]] const std::vector<shard_range>& partitions() const noexcept;

  /// Takes a partition over: from its stored position on. Nothing where it is owned.
  /// @pre `partition < partitions().size()`, here and below.
  void own(std::uint32_t partition);
  void own_all();
  /// Lets go: the batch under way is finished, or given up where it fails, then `done` is called
  /// once, on a thread of the runner or from within the call. Nothing of it runs here after that.
  void release(std::uint32_t partition, std::move_only_function<void()> done = {});
  [[nodiscard]] bool owns(std::uint32_t partition) const;

  /// Something may have been stored. Cheap; any number of times.
  void hint(std::uint32_t partition);
  void hint_all();

  [[nodiscard]] std::vector<projection_stats> stats() const;

  /// Releases everything and waits until nothing runs.
  /// @returns false when `timeout` passed first: a handler still runs.
  bool stop(std::chrono::milliseconds timeout);

 private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

}  // namespace aether
