#pragma once

#include <aether/persistence/commit.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <vector>

namespace aether {

/// Where histories live: append-only, no update, no delete. Two implementations pass one
/// conformance kit: memory and JetStream.
///
/// Threads: every member may be called from any thread. A handler is called exactly once, from a
/// thread of the store or from within the call; it hands over and returns.
class event_store {
 public:
  using append_handler = std::move_only_function<void(result<log_position>)>;
  using read_handler = std::move_only_function<void(result<std::vector<recorded_commit>>)>;
  using latest_handler = std::move_only_function<void(result<std::optional<recorded_commit>>)>;

  virtual ~event_store() = default;

  /// Appends `next` right after `expected`, all or none. A retry of the same commit, id and all, is
  /// harmless: it is stored at most once.
  /// @param expected the end of the history as the writer knows it; `next.first` is one more.
  /// @param next 1..`commit_events_max` events, at most `commit_bytes_max` bytes encoded.
  /// @returns the new end of the history.
  /// @errors `version_conflict`: another writer came first, nothing stored; rehydrate, decide
  /// again.
  ///         `outcome_unknown`: no definite answer before the deadline, it may be stored now or
  ///         later; drop the state, rehydrate, and look for the commit's id.
  ///         `unavailable`: the store was never reached, nothing stored.
  ///         `commit_too_large`, `invalid_argument`: nothing was sent.
  ///         `store_failed`: the store refused, nothing stored; the text has its reason.
  ///         `stream_regressed`: the log ends before `expected`, nothing stored; an operator
  ///         decides.
  virtual void append(const actor_address& address, log_position expected, commit next,
                      append_handler handler) = 0;

  /// Reads whole commits in order, from the one that holds version `from` to the end, at most
  /// `commits_max` of them; fewer means that the end was reached, as of the call.
  /// @param after where `from` starts, if known: a commit's sequence before which nothing is
  /// wanted;
  ///        a hint that saves the server a search. 0 when unknown.
  /// @errors `unavailable`, `timed_out`: ask again. `corrupt_history`: a record cannot be read; the
  ///         text has its place.
  virtual void read(const actor_address& address, event_version from, stream_sequence after,
                    std::size_t commits_max, read_handler handler) = 0;

  /// The newest commit, linearizable: sees every append acknowledged before the call.
  /// @errors as for `read`.
  virtual void latest(const actor_address& address, latest_handler handler) = 0;
};

}  // namespace aether
