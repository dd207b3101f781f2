#pragma once

#include <aether/actors/actor_host.hpp>
#include <aether/runtime/nats.hpp>
#include <aether/runtime/subjects.hpp>

#include <map>
#include <memory>
#include <mutex>

namespace aether::cluster {

/// Listens on the subjects of the shards that this node owns, and hands what comes to their actors.
/// Thread-safe.
class shard_listener {
 public:
  /// `to` outlives this object and everything it has subscribed to.
  shard_listener(std::shared_ptr<nats_connection> over, subjects names, actor_host& to);

  /// From now on commands for `shard` reach this node.
  result<void> listen(shard_id shard);
  /// What has already arrived is still handled.
  void ignore(shard_id shard);
  void ignore_all();

 private:
  void receive(nats_message message);

  std::shared_ptr<nats_connection> over_;
  subjects names_;
  actor_host& to_;
  std::mutex mutex_;
  std::map<shard_id, nats_connection::subscription> listening_;
};

}  // namespace aether::cluster
