#pragma once

#include <aether/persistence/event_store.hpp>
#include <aether/persistence/snapshot_store.hpp>
#include <aether/runtime/nats.hpp>
#include <aether/runtime/subjects.hpp>

#include <chrono>
#include <cstdint>
#include <memory>

namespace aether {

/// How a namespace is laid out on JetStream. `shards` and `streams` are for ever.
struct jetstream_layout {
  std::uint32_t shards = 256;
  /// Event streams; each holds a range of shards.
  std::uint32_t streams = 8;
  /// Copies of each stream, when it is created. The stores must not be told fewer than there are:
  /// see `create_streams`.
  std::uint32_t replicas = 1;
  /// Snapshots of one actor that are kept, the newest; 1..64. Applies when the snapshot stream is
  /// created; later an operator changes the stream's `max_msgs_per_subject`.
  std::uint32_t snapshots_kept = 1;
  /// Events older than this are dropped by the server; 0: never, and only so is an actor's history
  /// its state. For namespaces that are a log and have no actors: an actor whose events were
  /// dropped is quarantined, or begins anew. After the first drop `read` without `after`, and
  /// `read_history` as soon as it comes to what is gone, answer `corrupt_history` for an address
  /// that lost some; `latest`, `fetch`, `records`, `actors` and `read_shards` give what is left.
  /// Once an address has lost all, its versions begin again at 1. A projection that stood still for
  /// longer goes on with what is left, and one of a log that was replaced by an older copy is only
  /// noticed where another commit is at its position.
  std::chrono::seconds events_max_age{0};
};

struct jetstream_timing {
  /// One request to the server.
  std::chrono::milliseconds request_timeout{2'000};
  /// An append that has no definite answer after so long is `outcome_unknown`.
  std::chrono::milliseconds append_deadline{15'000};
  /// Between two attempts: doubled from the first to the second value.
  std::chrono::milliseconds backoff_min{20};
  std::chrono::milliseconds backoff_max{500};
  /// No append is sent to a stream that was not seen for so long to be the one it was, see
  /// `stream_regressed`: two requests to the server for each stream and such a time.
  std::chrono::milliseconds stream_check{1'000};
};

/// Creates the namespace's event streams and snapshot stream where they are missing; leaves
/// existing ones alone, and says in the log what the server lacks and what that costs. Blocks; call
/// once at start-up.
/// @returns the layout that the stores are to be given: `layout`, with as many replicas as the most
///          replicated of the streams has where that is more. An operator may have added some, and
///          the stores read otherwise where a replica may lag behind.
/// @errors `unsupported_server`: more than one replica, asked for or there already, on a server
///         before 2.9.21, whose conditional append is broken there (both writers of a race are
///         acknowledged); use one replica or upgrade.
///         `incompatible_cluster`: a stream exists with another configuration that would lose, hide
///         or misplace a message, or with another number of shards or streams; the text has the
///         difference. `unavailable`, `timed_out`: nobody answered. `store_failed`: refused;
///         why.
[[nodiscard]] result<jetstream_layout> create_streams(nats_connection& connection,
                                                      const subjects& names,
                                                      const jetstream_layout& layout);

/// Histories in JetStream: one commit is one message on the actor's own subject, appended under the
/// condition that the subject's last sequence is the expected one (docs/formats.md). That condition
/// is the fencing: of two writers, one gets `version_conflict`.
///
/// Its destructor answers appends that wait for another attempt; requests under way are answered by
/// the connection, which may be after it, at the latest when the connection is closed. It must not
/// be destroyed from one of its handlers.
class jetstream_event_store final : public event_store {
 public:
  jetstream_event_store(std::shared_ptr<nats_connection> connection, subjects names,
                        jetstream_layout layout, jetstream_timing timing = {});
  ~jetstream_event_store() override;
  void append(const actor_address& address, log_position expected, commit next,
              append_handler handler) override;
  void read(const actor_address& address, event_version from, stream_sequence after,
            std::size_t commits_max, read_handler handler) override;
  void fetch(const actor_address& address, std::vector<stream_sequence> sequences,
             read_handler handler) override;
  void latest(const actor_address& address, latest_handler handler) override;
  void records(const actor_address& address, records_handler handler) override;
  [[nodiscard]] std::uint32_t shards() const noexcept override;
  void actors(const actor_type& type, shard_id shard, actors_handler handler) override;
  [[nodiscard]] shard_range stored_together(shard_id shard) const noexcept override;
  [[nodiscard]] bool forgets() const noexcept override;
  void read_shards(shard_range which, stream_sequence after, shard_handler handler) override;

 private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

/// Snapshots in JetStream: the newest of each actor, in a stream that keeps `snapshots_kept`
/// messages a subject.
class jetstream_snapshot_store final : public snapshot_store {
 public:
  jetstream_snapshot_store(std::shared_ptr<nats_connection> connection, subjects names,
                           jetstream_layout layout, jetstream_timing timing = {});
  ~jetstream_snapshot_store() override;
  void save(const actor_address& address, snapshot taken, save_handler handler) override;
  void load(const actor_address& address, event_version at_most, load_handler handler) override;
  void load_shards(shard_range which, shard_handler handler) override;

 private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

}  // namespace aether
