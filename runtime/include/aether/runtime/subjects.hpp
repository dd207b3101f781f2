#pragma once

#include <aether/runtime/ids.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace aether {

/// An actor id as one subject token: bytes of `[A-Za-z0-9_-]` stay, every other byte becomes `=`
/// and two upper-case hexadecimal digits. At most 765 characters, reversible, one-to-one.
[[nodiscard]] std::string escape_token(std::string_view id);

/// Reverses `escape_token`.
/// @errors `decode_failed`: not something `escape_token` writes.
[[nodiscard]] result<std::string> unescape_token(std::string_view token);

/// The subject grammar of one namespace, all of it: nothing else in Aether spells a subject, stream
/// or bucket name. Immutable; safe to share between threads.
class subjects {
 public:
  /// @param prefix the first token; `aether` unless the operator says otherwise.
  /// @pre `prefix` has no `_` and is not `KV`, as `options::check` ensures: otherwise two pairs of
  ///      prefix and namespace could share the name of a stream or bucket.
  subjects(namespace_name prefix, namespace_name ns);

  [[nodiscard]] const namespace_name& name() const noexcept { return namespace_; }

  /// `<prefix>.<ns>.evt.<shard>.<type>.<id>`: the commits of one actor.
  [[nodiscard]] std::string commits(shard_id shard, const actor_address& address) const;
  /// `<prefix>.<ns>.evt.<shard>.>`: every commit of one shard.
  [[nodiscard]] std::string shard_commits(shard_id shard) const;
  /// `<prefix>.<ns>.evt.>` and `<prefix>.<ns>.bus.>`: what the stream republishes, from and to.
  [[nodiscard]] std::string all_commits() const;
  [[nodiscard]] std::string all_stored_events() const;
  /// `<prefix>.<ns>.bus.<shard>.>`: what was stored in one shard.
  [[nodiscard]] std::string shard_stored_events(shard_id shard) const;
  /// `<prefix>.<ns>.bus.<shard>.<type>.<id>`: what was stored of one actor.
  [[nodiscard]] std::string stored_events(shard_id shard, const actor_address& address) const;
  /// `<prefix>.*.evt.>` and `<prefix>.*.bus.>`: the same of every namespace under the prefix.
  [[nodiscard]] std::string commits_everywhere() const;
  [[nodiscard]] std::string stored_events_everywhere() const;
  /// `<prefix>.<ns>.snap.<shard>.<type>.<id>`: the newest snapshot of one actor.
  [[nodiscard]] std::string snapshot(shard_id shard, const actor_address& address) const;
  /// `<prefix>.<ns>.evt.<shard>.<type>.*`: the commits of a shard's actors of one type.
  [[nodiscard]] std::string type_commits(shard_id shard, const actor_type& type) const;
  /// `<prefix>.<ns>.snap.<shard>.>`
  [[nodiscard]] std::string shard_snapshots(shard_id shard) const;
  /// `<prefix>.<ns>.snap.>`
  [[nodiscard]] std::string all_snapshots() const;
  /// `<prefix>.<ns>.cmd.<shard>.<type>`: the owner of this slot listens.
  [[nodiscard]] std::string commands(shard_id shard, const actor_type& type) const;
  /// `<prefix>.<ns>.hb.<node>`, and `<prefix>.<ns>.hb.*` for all.
  [[nodiscard]] std::string heartbeat(const node_id& node) const;
  [[nodiscard]] std::string all_heartbeats() const;
  /// `<prefix>.<ns>.node.<node>`: questions to one node; no responders means it is gone.
  [[nodiscard]] std::string node(const node_id& node) const;
  /// `<prefix>.<ns>.hand.<node>.<process>`: who takes slots over asks one start of a node for them.
  /// @param process names the start: `[0-9a-f]{32}`.
  [[nodiscard]] std::string hand_over(const node_id& node, std::string_view process) const;
  /// `<prefix>.<ns>.proc.<incarnation>`, 32 hexadecimal digits: one process of a node's; no
  /// responders means that it is gone.
  [[nodiscard]] std::string process(std::string_view incarnation) const;
  /// `<prefix>.<ns>.inbox`: answers to who asks in this namespace come below it.
  [[nodiscard]] std::string inboxes() const;
  /// `<prefix>.<ns>.election.<name>`: said when the election's lease changed hands.
  /// @pre `name` is `[A-Za-z0-9_-]{1,64}`.
  [[nodiscard]] std::string election(std::string_view name) const;

  /// `<prefix>.<ns>.proj.<name>.<version>.<partition>`: says that the partition may have something
  /// to read; and with `*` for all of them, for who runs it.
  /// @pre `name` is `[A-Za-z0-9_-]{1,64}`.
  [[nodiscard]] std::string projection_hint(std::string_view name, std::uint32_t version,
                                            std::uint32_t partition) const;
  [[nodiscard]] std::string projection_hints(std::string_view name, std::uint32_t version) const;

  /// `<prefix>.<ns>.dur.<k>.<shard>.<type>.<id>`: commands stored for one actor, in stream `k`;
  /// with `>` after `<k>` all of that stream.
  [[nodiscard]] std::string durable(std::uint32_t k, shard_id shard,
                                    const actor_address& address) const;
  [[nodiscard]] std::string all_durable(std::uint32_t k) const;
  /// `<prefix>.<ns>.later.<k>.<shard>.<type>.<id>.<name>`: one that is not due yet, or again and
  /// again; and `<prefix>.<ns>.sched.<...>`, the same where the server keeps it.
  /// @param name `[0-9a-f]{32}`.
  [[nodiscard]] std::string later(std::uint32_t k, shard_id shard, const actor_address& address,
                                  std::string_view name) const;
  [[nodiscard]] std::string all_later(std::uint32_t k) const;
  [[nodiscard]] std::string scheduled(std::uint32_t k, shard_id shard, const actor_address& address,
                                      std::string_view name) const;
  [[nodiscard]] std::string all_scheduled(std::uint32_t k) const;
  /// `<prefix>.<ns>.parked.<shard>.<type>.<id>`: those that could not be handled.
  [[nodiscard]] std::string parked(shard_id shard, const actor_address& address) const;
  [[nodiscard]] std::string all_parked() const;
  /// `<prefix>.<ns>.out.<name>`: what became of commands sent with that name.
  /// @pre `name` is `[A-Za-z0-9_-]{1,64}`.
  [[nodiscard]] std::string outcomes(std::string_view name) const;
  /// `<PREFIX>_<ns>_DUR_<k>` and `<PREFIX>_<ns>_PARKED`.
  [[nodiscard]] std::string durable_stream(std::uint32_t k) const;
  [[nodiscard]] std::string parked_stream() const;

  /// `<PREFIX>_<ns>_EVT_<k>`, PREFIX in the case it was given.
  [[nodiscard]] std::string event_stream(std::uint32_t k) const;
  [[nodiscard]] std::string snapshot_stream() const;
  /// `<prefix>_<ns>`: the KV bucket of leases, shard table and namespace settings.
  [[nodiscard]] std::string bucket() const;
  /// `KV_<bucket>`, the bucket's stream, and `$KV.<bucket>.<key>`, the subject of a key.
  [[nodiscard]] std::string bucket_stream() const;
  [[nodiscard]] std::string bucket_key(std::string_view key) const;

  struct commit_subject {
    shard_id shard;
    actor_address address;
  };
  /// Reads what `commits` wrote, or `snapshot`, or `stored_events`.
  /// @errors `decode_failed`: another subject.
  [[nodiscard]] result<commit_subject> parse_commits(std::string_view subject) const;
  [[nodiscard]] result<commit_subject> parse_snapshot(std::string_view subject) const;
  [[nodiscard]] result<commit_subject> parse_stored_events(std::string_view subject) const;
  /// The same prefix with another namespace.
  [[nodiscard]] subjects of_namespace(namespace_name ns) const;

  struct stream_name {
    namespace_name ns;
    std::uint32_t k = 0;
  };
  /// Reads what `event_stream` of any namespace under this prefix wrote.
  /// @errors `decode_failed`: another name.
  [[nodiscard]] result<stream_name> parse_event_stream(std::string_view name) const;

 private:
  namespace_name prefix_;
  namespace_name namespace_;
  std::string root_;       // `<prefix>.<ns>.`
  std::string flat_root_;  // `<prefix>_<ns>`

  std::string of_range(std::string_view kind, std::uint32_t k, std::string_view rest) const;
  std::string of_shard(std::string_view kind, shard_id shard, std::size_t more = 0) const;
  result<commit_subject> parse_actor(std::string_view kind, std::string_view subject) const;
  std::string of_actor(std::string_view kind, shard_id shard, const actor_address& address) const;
};

/// The stream, of `streams`, that holds `shard`: consecutive ranges of equal size.
/// @pre `0 < streams <= shards`, `shard < shards`.
[[nodiscard]] std::uint32_t stream_of(shard_id shard, std::uint32_t shards, std::uint32_t streams);

/// The shards that stream `k` holds.
/// @pre `0 < streams <= shards`, `k < streams`.
[[nodiscard]] shard_range shards_of_stream(std::uint32_t k, std::uint32_t shards,
                                           std::uint32_t streams);

}  // namespace aether
