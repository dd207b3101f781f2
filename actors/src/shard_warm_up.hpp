#pragma once

#include "caf_host_core.hpp"

#include <functional>
#include <memory>
#include <unordered_map>

namespace aether {

/// Brings all actors of a shard to life from one reading of its snapshots and one of its log,
/// instead of one reading each. What it finds is held until its end, at most `bytes_max` of it;
/// where a shard has more, the actors beyond are left to their first command.
/// Each actor still asks for its own tail, so nothing stored meanwhile is missed.
class shard_warm_up final : public std::enable_shared_from_this<shard_warm_up> {
 public:
  static constexpr std::size_t bytes_max = 256 << 20;
  using handler = std::move_only_function<void(result<std::size_t>)>;

  shard_warm_up(std::shared_ptr<host_core> host, shard_id shard, handler done)
      : host_{std::move(host)}, shard_{shard}, done_{std::move(done)} {}

  void start();

 private:
  void snapshots_loaded(result<std::vector<snapshot_store::placed>> found);
  bool page_read(result<shard_page> page);
  void take(shard_page::entry& entry);
  void finish();

  std::shared_ptr<host_core> host_;
  const shard_id shard_;
  handler done_;
  std::unordered_map<actor_address, read_ahead> found_;
  std::size_t bytes_ = 0;
};

}  // namespace aether
