#pragma once

#include "caf_host_core.hpp"

#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

namespace aether {

/// Brings all actors of some shards to life from one reading of their snapshots and log instead of
/// one each: a group of shards that are stored together after another.
///
///   loading --snapshots--> reading --the end of the log--> rereading --what came since--> loading
///   reading --too much for memory--> loading; any --error--> done; loading --no group left--> done
///
/// The actors come to life between reading and rereading and wait for the latter: so what they get
/// reaches as far as the log did when they were in memory already, and they need not ask for their
/// own tails. Where that cannot be told they do ask.
///
/// What is found is held until the end of its group: all of its snapshots, and of its log as much
/// as then fits into `bytes_max`, in whole pages. Where a group has more, the actors beyond are
/// left to their first command.
class shard_warm_up final : public std::enable_shared_from_this<shard_warm_up> {
 public:
  static constexpr std::size_t bytes_max = 256 << 20;
  using handler = std::move_only_function<void(result<std::size_t>)>;

  shard_warm_up(std::shared_ptr<host_core> host, std::vector<shard_range> which, handler done)
      : host_{std::move(host)}, left_{std::move(which)}, done_{std::move(done)} {}

  void start();

 private:
  struct sleeper {
    read_ahead ahead;
    activation_ptr woken;
  };

  void next_group();
  void snapshots_loaded(result<std::vector<snapshot_store::placed>> found);
  /// False when no further page is wanted.
  bool page_read(result<shard_page> page);
  bool page_reread(result<shard_page> page);
  void take(shard_page& page);
  void wake_all();
  void hand_over(bool to_the_end);
  void fail_with(error why);

  std::shared_ptr<host_core> host_;
  /// The shards whose turn has not come, the next ones last; then the group whose turn it is.
  std::vector<shard_range> left_;
  shard_range group_ = shard_id{0};
  handler done_;
  std::size_t woken_ = 0;

  // Of the group.
  std::unordered_map<actor_address, sleeper> found_;
  std::size_t bytes_ = 0;
  stream_sequence reached_;
};

}  // namespace aether
