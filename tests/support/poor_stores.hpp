#pragma once

#include <aether/persistence/memory_store.hpp>
#include <aether/runtime/timers.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <utility>
#include <vector>

namespace aether::testing {

/// What is wrong with a store.
struct poverty {
  /// It answers up to so much later, on a thread of its own.
  std::chrono::microseconds delay_max{2'000};
  /// One in so many appends, or saves and loads, fails; 0: none.
  std::uint64_t fails_one_in = 0;
};

/// Draws from one seed, from many threads.
class shared_random {
 public:
  explicit shared_random(std::uint64_t seed) : random_{seed} {}
  [[nodiscard]] std::uint64_t below(std::uint64_t end) {
    const std::lock_guard lock{mutex_};
    return random_() % end;
  }

 private:
  std::mutex mutex_;
  std::mt19937_64 random_;
};

/// Answers appends late, and fails some, in every way there is: refused, unknown and not stored,
/// unknown and stored.
class poor_event_store final : public event_store {
 public:
  poor_event_store(std::uint64_t seed, poverty how) : how_{how}, random_{seed} {}
  /// Answers nothing any more, and no thread of its own runs: call it before the last of the host
  /// may go there.
  void stop() { clock_.stop(); }

  void append(const actor_address& to, log_position expected, commit next,
              append_handler handler) override {
    const auto delay = std::chrono::microseconds{
        random_.below(static_cast<std::uint64_t>(how_.delay_max.count()) + 1)};
    const bool fails = how_.fails_one_in > 0 && random_.below(how_.fails_one_in) == 0;
    const std::uint64_t kind = fails ? random_.below(4) : 4;
    clock_.after(delay, [this, to, expected, next = std::move(next), handler = std::move(handler),
                         kind]() mutable {
      if (kind == 0) return handler(fail(errc::unavailable, "poor store"));
      if (kind == 1) return handler(fail(errc::store_failed, "poor store"));
      if (kind == 2) return handler(fail(errc::outcome_unknown, "poor store"));  // not stored
      if (kind == 4) return behind_.append(to, expected, std::move(next), std::move(handler));
      behind_.append(to, expected, std::move(next),
                     [handler = std::move(handler)](const result<log_position>& stored) mutable {
                       if (!stored) return handler(stored);
                       handler(fail(errc::outcome_unknown, "poor store"));
                     });
    });
  }
  void read(const actor_address& of, event_version from, stream_sequence after, std::size_t max,
            read_handler handler) override {
    behind_.read(of, from, after, max, std::move(handler));
  }
  void fetch(const actor_address& of, std::vector<stream_sequence> which,
             read_handler handler) override {
    behind_.fetch(of, std::move(which), std::move(handler));
  }
  void latest(const actor_address& of, latest_handler handler) override {
    behind_.latest(of, std::move(handler));
  }
  void records(const actor_address& of, records_handler handler) override {
    behind_.records(of, std::move(handler));
  }
  [[nodiscard]] std::uint32_t shards() const noexcept override { return behind_.shards(); }
  void actors(const actor_type& type, shard_id shard, actors_handler handler) override {
    behind_.actors(type, shard, std::move(handler));
  }
  [[nodiscard]] shard_range stored_together(shard_id shard) const noexcept override {
    return behind_.stored_together(shard);
  }
  void read_shards(shard_range which, stream_sequence after, shard_handler handler) override {
    behind_.read_shards(which, after, std::move(handler));
  }

 private:
  const poverty how_;
  memory_event_store behind_;
  shared_random random_;
  timers clock_;
};

/// Answers late; some saves are refused, some said to be stored and are not; some loads fail, or
/// find what cannot be read.
class poor_snapshot_store final : public snapshot_store {
 public:
  poor_snapshot_store(std::uint64_t seed, poverty how) : how_{how}, random_{seed} {}
  void stop() { clock_.stop(); }

  void save(const actor_address& of, snapshot taken, save_handler handler) override {
    later([this, of, taken = std::move(taken), handler = std::move(handler)](bool fails) mutable {
      if (!fails) return behind_.save(of, std::move(taken), std::move(handler));
      handler(random_.below(2) == 0 ? result<void>{} : fail(errc::timed_out, "poor store"));
    });
  }
  void load(const actor_address& of, event_version at_most, load_handler handler) override {
    later([this, of, at_most, handler = std::move(handler)](bool fails) mutable {
      if (!fails) return behind_.load(of, at_most, std::move(handler));
      const bool damaged = random_.below(2) == 0;
      handler(fail(damaged ? errc::corrupt_history : errc::timed_out, "poor store"));
    });
  }
  void load_shards(shard_range which, shard_handler handler) override {
    behind_.load_shards(which, std::move(handler));
  }

 private:
  template <class Do>
  void later(Do what) {
    const auto delay = std::chrono::microseconds{
        random_.below(static_cast<std::uint64_t>(how_.delay_max.count()) + 1)};
    const bool fails = how_.fails_one_in > 0 && random_.below(how_.fails_one_in) == 0;
    clock_.after(delay, [what = std::move(what), fails]() mutable { what(fails); });
  }

  const poverty how_;
  memory_snapshot_store behind_;
  shared_random random_;
  timers clock_;
};

}  // namespace aether::testing
