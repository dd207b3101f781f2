#pragma once

#include <aether/persistence/commit.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace aether {

/// What lies on an actor's subject, readable or not.
struct history_record {
  stream_sequence sequence;
  /// @errors `corrupt_history`: no commit of this actor; the text has the place.
  result<recorded_commit> found;
};

/// A part of the log of some shards, in the order of the stream.
struct shard_page {
  struct entry {
    actor_address address;
    history_record record;
  };
  std::vector<entry> entries;
  /// The end of the log was reached; no further page comes.
  bool last = false;
  /// Nothing that was acknowledged before the call is missing before that end. False where it was
  /// read from a replica, which may lag behind: ask for the `latest` of an actor that matters.
  bool up_to_date = true;
  /// About how many messages of the log lie behind this page, as the store knew then.
  std::uint64_t behind = 0;
};

/// Where histories live: append-only, no update, no delete. Two implementations pass one
/// conformance kit (`conformance.hpp`): memory and JetStream.
///
/// Threads: every member may be called from any thread. A handler is called exactly once unless it
/// says otherwise, from a thread of the store or from within the call; it hands over and returns.
/// Once the connection to a server is closed, calls other than `append` answer `not_running`.
class event_store {
 public:
  using append_handler = std::move_only_function<void(result<log_position>)>;
  using read_handler = std::move_only_function<void(result<std::vector<recorded_commit>>)>;
  using latest_handler = std::move_only_function<void(result<std::optional<recorded_commit>>)>;
  using records_handler = std::move_only_function<void(result<std::vector<history_record>>)>;
  using actors_handler = std::move_only_function<void(result<std::vector<actor_id>>)>;
  /// Returns false when it wants no further page. An error, or a page that is `last`, is the last
  /// call.
  using shard_handler = std::move_only_function<bool(result<shard_page>)>;

  virtual ~event_store() = default;

  /// Appends `next` right after `expected`, all or none. A retry of the same commit, id and all, is
  /// harmless: it is stored at most once.
  /// @param expected the end of the history as the writer knows it; `next.first` is one more, and
  ///        the last of `next.back_pointers`, if any, is `expected.sequence`. Version and sequence
  ///        are the condition; `expected.commit` is recorded, for readers to check. Where it is
  ///        nil, the store may have to read what is there first: give it, as `append` and `read`
  ///        did.
  /// @param next 1..`commit_events_max` events, at most `commit_bytes_max` bytes encoded.
  /// @returns the new end of the history.
  /// @errors `version_conflict`: another writer came first, nothing stored; rehydrate, decide
  ///         again.
  ///         `outcome_unknown`: no definite answer before the deadline, it may be stored now or
  ///         later; drop the state, rehydrate, and look for the commit's id.
  ///         `unavailable`: the store was never reached, nothing stored.
  ///         `commit_too_large`: more than `next` may hold, or than the server takes; nothing was
  ///         sent. `invalid_argument`: nothing was sent, for `next` is not as above, has a nil id,
  ///         a `writer` that is no `node_id`, an event or a reply whose type is no wire name, or
  ///         commands that own more events than there are; or one half of `expected` is 0.
  ///         `store_failed`: the store refused, nothing stored; the text has its reason.
  ///         `stream_regressed`: the log ends before `expected`, or before what it acknowledged to
  ///         this store earlier: nothing stored; an operator decides.
  virtual void append(const actor_address& address, log_position expected, commit next,
                      append_handler handler) = 0;

  /// Reads whole commits in order, from the one that holds version `from` to the end, at most
  /// `commits_max` of them; fewer means that the end was reached, as of the call. The time limit is
  /// one from answer to answer, not for the whole.
  /// @param after where `from` starts, if known: a commit's sequence before which nothing is
  ///        wanted; a hint that saves the server a search. 0 when unknown.
  /// @errors `unavailable`, `timed_out`: ask again. `corrupt_history`: a record cannot be read, or
  ///         a version is missing; the text has its place.
  virtual void read(const actor_address& address, event_version from, stream_sequence after,
                    std::size_t commits_max, read_handler handler) = 0;

  /// The commits at these sequences, all at once: what `commit::back_pointers` are for. Leaves out
  /// those where no readable commit of the actor is: compare versions.
  /// @param sequences ascending, at most `commit_back_pointers_max`. Neither is checked: the answer
  ///        has the order of the question, and each sequence may be a request, all at once.
  /// @errors `unavailable`, `timed_out`: ask again.
  virtual void fetch(const actor_address& address, std::vector<stream_sequence> sequences,
                     read_handler handler) = 0;

  /// The newest commit, linearizable: sees every append acknowledged before the call.
  /// @errors as for `read`. `stream_regressed`: the log is known to be another than before; an
  ///         operator decides.
  virtual void latest(const actor_address& address, latest_handler handler) = 0;

  /// Everything on the actor's subject, in order, damaged records and gaps included: for
  /// repairing (`repaired` in `history.hpp`) and for looking into it. All of it is held in memory.
  /// Where it is read from a replica, which may lag behind, the newest may be missing: compare with
  /// `latest` where that matters. So may they with `history_query::careful`.
  /// @errors `unavailable`, `timed_out`: ask again.
  virtual void records(const actor_address& address, records_handler handler) = 0;

  /// The number of shards; `shard_of` tells which one an actor is in.
  [[nodiscard]] virtual std::uint32_t shards() const noexcept = 0;

  /// The actors of a type that have a history in this shard, sorted.
  /// @errors `unavailable`, `timed_out`: ask again. `invalid_argument`: no such shard.
  virtual void actors(const actor_type& type, shard_id shard, actors_handler handler) = 0;

  /// The shards whose logs are stored as one, this shard's among them. Reading all of them at once
  /// costs about as much as reading one or two: whoever needs many asks for them in such ranges.
  /// @pre `shard < shards()`.
  [[nodiscard]] virtual shard_range stored_together(shard_id shard) const noexcept = 0;

  /// Whether old commits are removed after a time (`jetstream_layout::events_max_age`): that one is
  /// not there says nothing then.
  [[nodiscard]] virtual bool forgets() const noexcept { return false; }

  /// Reads all commits of all actors of these shards, page by page, in the order of the stream, up
  /// to its end as of the last page.
  /// @param which one shard, or several that are `stored_together`.
  /// @param after only what was stored later than this sequence; 0: from the start.
  /// @errors `unavailable`, `timed_out`: ask again. `invalid_argument`: no such shards, or not
  ///         stored together. `stream_regressed`: as for `append`.
  virtual void read_shards(shard_range which, stream_sequence after, shard_handler handler) = 0;
};

}  // namespace aether
