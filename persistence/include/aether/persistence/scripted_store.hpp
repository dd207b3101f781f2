#pragma once

#include <aether/persistence/event_store.hpp>
#include <aether/persistence/snapshot_store.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

/// Stores that fail as told, for tests of what has to survive it. Deterministic: nothing happens by
/// chance or by time. Without a script they are the store behind them.
namespace aether {

/// An event store that plays a script on the way to another one.
///
/// Appends take the script's steps one by one, in the order in which they come; reads theirs, a
/// script of its own. Where a script has no step left, calls pass. Steps may be added at any time.
///
///     auto store = std::make_shared<scripted_event_store>(std::make_shared<memory_event_store>());
///     store->lose_acknowledgements();   // the next append is stored, but nobody is told
///
/// Threads: every member from any thread. Handlers of calls that the script answers are called from
/// within the call; of calls that were held, from within `release`.
class scripted_event_store final : public event_store {
 public:
  /// Calls that have arrived, whatever became of them.
  struct call_counts {
    std::size_t append = 0;
    std::size_t read = 0;
    std::size_t fetch = 0;
    std::size_t latest = 0;
    std::size_t records = 0;
    std::size_t actors = 0;
    std::size_t read_shards = 0;
  };

  explicit scripted_event_store(std::shared_ptr<event_store> behind);
  /// What is held then is never answered.
  ~scripted_event_store() override;

  /// The next `count` appends pass: for what is to fail later.
  void pass_appends(std::size_t count = 1);
  /// The next `count` appends are answered with `code`; nothing is stored.
  void fail_appends(errc code, std::size_t count = 1);
  /// The next `count` appends reach the store, and are answered `outcome_unknown` if they are
  /// stored; otherwise with what the store says.
  void lose_acknowledgements(std::size_t count = 1);
  /// The next `count` appends are answered `outcome_unknown` at once and reach the store with
  /// `release`, which may find that others came first.
  void store_late(std::size_t count = 1);
  /// The next `count` appends wait for `release`, then pass.
  void hold_next_appends(std::size_t count = 1);
  /// The next append meets another writer's commit: this one is appended first, to the same actor
  /// and after the same end. Its `first` and `back_pointers` are filled in here.
  void come_first(commit foreign);
  /// The next `count` calls that read (`read`, `fetch`, `latest`, `records`, `actors`,
  /// `read_shards`) are answered with `code`.
  void fail_reads(errc code, std::size_t count = 1);

  /// From now on every append waits, outside the script, for `release`.
  void hold_appends();
  /// From now on every call waits for `release`.
  void hold_calls();
  /// Lets go on, in the order in which they came, whatever is held, and holds no more. Those held
  /// by `hold_appends` and `hold_calls` take their steps of the script now.
  void release();
  /// Steps not yet taken are forgotten; what is held stays so.
  void clear_script();

  /// Calls that wait for `release`.
  [[nodiscard]] std::size_t held() const;
  [[nodiscard]] call_counts calls() const;

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
  void read_shards(shard_range which, stream_sequence after, shard_handler handler) override;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// The same for snapshots: saves have a script, loads (`load`, `load_shards`) have one.
class scripted_snapshot_store final : public snapshot_store {
 public:
  struct call_counts {
    std::size_t save = 0;
    std::size_t load = 0;
    std::size_t load_shards = 0;
  };

  explicit scripted_snapshot_store(std::shared_ptr<snapshot_store> behind);
  ~scripted_snapshot_store() override;

  /// The next `count` saves are answered with `code`; nothing is stored.
  void fail_saves(errc code, std::size_t count = 1);
  /// The next `count` saves are answered as stored, and are not.
  void lose_saves(std::size_t count = 1);
  /// The next `count` loads are answered with `code`.
  void fail_loads(errc code, std::size_t count = 1);
  /// From now on every call waits for `release`, which lets them go on in order and holds no more.
  void hold_calls();
  void release();
  [[nodiscard]] std::size_t held() const;
  [[nodiscard]] call_counts calls() const;

  void save(const actor_address& address, snapshot taken, save_handler handler) override;
  void load(const actor_address& address, event_version at_most, load_handler handler) override;
  void load_shards(shard_range which, shard_handler handler) override;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace aether
