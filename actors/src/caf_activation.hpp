#pragma once

#include <aether/actors/command.hpp>
#include <aether/actors/failure_policy.hpp>
#include <aether/persistence/event_store.hpp>
#include <aether/persistence/snapshot_store.hpp>
#include "byte_budget.hpp"
#include "core/departure.hpp"
#include "hash_slots.hpp"

#include <caf/intrusive_ptr.hpp>
#include <caf/resumable.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace aether {

/// What a bulk read of whole shards found of one actor.
struct read_ahead {
  std::optional<snapshot> newest;
  /// Those that the snapshot does not cover, and one that it does where there are no others.
  std::vector<recorded_commit> commits;
  /// There are no later ones, by a reading that began when the actor was in memory already.
  bool to_the_end = false;
  /// Something on its subject could not be read, or does not follow what is before it.
  bool damaged = false;

  [[nodiscard]] bool covers(const commit& one) const noexcept {
    return newest && one.last() <= newest->position.version;
  }
};

/// What reaches an entity from outside; see the inputs of `entity`.
namespace entity_input {

/// An answer that is large and rare: apart, because inputs wait in inboxes by the thousand.
template <class T>
struct apart {
  explicit apart(result<T> answer) : got{std::make_unique<result<T>>(std::move(answer))} {}
  std::unique_ptr<result<T>> got;
};

struct begin {
  std::chrono::steady_clock::time_point at;
};
struct tail : apart<std::optional<recorded_commit>> {
  using apart::apart;
};
struct loaded : apart<std::optional<snapshot>> {
  using apart::apart;
};
struct page {
  result<std::vector<recorded_commit>> got;
};
struct fetched {
  result<std::vector<recorded_commit>> got;
};
struct records {
  result<std::vector<history_record>> got;
};
struct appended {
  result<log_position> got;
};
struct saved {
  result<void> got;
};
struct retry {};
struct expire {};
struct permitted {};
/// A timer may have run out.
struct timer {};
struct retire {
  departure how;
};
/// What an actor that `expects_ahead` waits for; none: nothing was read.
struct ahead {
  std::unique_ptr<read_ahead> found;
};

}  // namespace entity_input

using any_entity_input =
    std::variant<entity_input::begin, envelope, entity_input::tail, entity_input::loaded,
                 entity_input::page, entity_input::fetched, entity_input::records,
                 entity_input::appended, entity_input::saved, entity_input::retry,
                 entity_input::expire, entity_input::permitted, entity_input::timer,
                 entity_input::retire, entity_input::ahead>;
static_assert(sizeof(any_entity_input) <= sizeof(envelope) + 2 * sizeof(void*));

/// What a host does with a slot.
struct slot_service {
  enum class stage : std::uint8_t {
    refused,
    /// Refused, but its actors finish what waits for them.
    draining,
    accepted,
  };
  std::atomic<stage> now{stage::refused};
  /// Its actors in memory.
  std::atomic<std::uint32_t> resident{0};
  /// Of a singleton, which is in memory as long as it is accepted. Set before the first command.
  bool kept = false;

  [[nodiscard]] bool accepts() const noexcept { return now == stage::accepted; }
  [[nodiscard]] bool keeps() const noexcept { return kept && accepts(); }
};

/// Between two readings of the host's coarse clock, which turns over after 49 days; 0 where the
/// second was taken first, as of an actor that is used while others are looked at.
[[nodiscard]] constexpr std::chrono::milliseconds time_between(std::uint32_t earlier,
                                                               std::uint32_t later) noexcept {
  return std::chrono::milliseconds{std::max(static_cast<std::int32_t>(later - earlier), 0)};
}

/// One actor that is in memory: its inbox, and a task for CAF's scheduler that works it off. A
/// sender puts an input into the inbox and hands the task to the scheduler only when it is not
/// there already, so a burst costs one hand-over; an actor that is idle owns no CAF actor.
class activation : public caf::resumable {
 public:
  /// `in` outlives it.
  activation(actor_address address, std::uint64_t its_hash, slot_service& in)
      : self{std::move(address)}, hash{its_hash}, home{in} {}

  subtype_t subtype() const final { return function_object; }
  void intrusive_ptr_add_ref_impl() final { ref(); }
  void intrusive_ptr_release_impl() final { deref(); }
  // Counted here, in the open, rather than by CAF's base: it is done for every command.
  void ref() noexcept { owners_.fetch_add(1, std::memory_order_relaxed); }
  void deref() noexcept {
    if (owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }
  friend void intrusive_ptr_add_ref(activation* to) noexcept { to->ref(); }
  friend void intrusive_ptr_release(activation* from) noexcept { from->deref(); }

  /// Everything it holds is dropped, asks with `outcome_unknown`.
  /// @pre it does not run and never will again.
  virtual void abandon() = 0;

  /// How long nobody has used it; nothing where it is busy, leaving, or is to stay for now.
  /// @pre the mutex of its stripe is held.
  [[nodiscard]] std::optional<std::chrono::milliseconds> unused(std::uint32_t now) const noexcept {
    const bool busy = awake || !inbox.empty() || held.load(std::memory_order_relaxed) > 0;
    if (busy || leaving || home.keeps()) return std::nullopt;
    const auto passed = time_between(last_used, now);
    if (in_trouble && passed < crash_quiet) return std::nullopt;
    return passed;
  }

  const actor_address self;
  /// `stable_hash(self)`.
  const std::uint64_t hash;
  /// Its slot's.
  slot_service& home;
  /// Commands delivered and not yet answered.
  std::atomic<std::uint32_t> held{0};
  /// Bytes of memory that it counts for.
  std::atomic<std::uint32_t> weight{0};
  /// What it has come to by its last turn; see `entity`.
  std::atomic<bool> leaving{false};
  std::atomic<bool> in_trouble{false};

  // Guarded by the mutex of the registry's stripe that the address falls into.
  std::vector<any_entity_input> inbox;
  /// Milliseconds of the host's coarse clock.
  std::uint32_t last_used = 0;
  bool awake = false;
  /// It has left, and nobody finds it any more.
  bool gone = false;

  /// Its first recovery begins with an `entity_input::ahead`. Set before it is first woken.
  bool expects_ahead = false;
  /// Waits for a permit: what grants it, takes this away. See `recovery_permits`.
  std::atomic<bool> wants_permit{false};

 private:
  std::atomic<std::uint32_t> owners_{1};
};

using activation_ptr = caf::intrusive_ptr<activation>;

/// What a runner works off between two looks into its inbox.
class inbox_round {
 public:
  /// What was in the inbox.
  std::vector<any_entity_input> taken;

  /// Adds what came within the round, at its end.
  void join(any_entity_input input) { joined_.push_back(std::move(input)); }
  [[nodiscard]] std::size_t left() const noexcept { return taken.size() + joined_.size() - next_; }
  /// @pre `left() > 0`.
  [[nodiscard]] any_entity_input pop() {
    const std::size_t at = next_++;
    return std::move(at < taken.size() ? taken[at] : joined_[at - taken.size()]);
  }
  void clear() noexcept {
    taken.clear();
    joined_.clear();
    next_ = 0;
  }

 private:
  std::vector<any_entity_input> joined_;
  std::size_t next_ = 0;
};

/// Emptied inboxes, kept for the next actors that wake: an actor that sleeps owns none, and a
/// thread that works one off seldom frees what another allocated, which is slow.
class spare_inboxes {
 public:
  void lend(std::vector<any_entity_input>& to) {
    if (to.capacity() > 0) return;
    if (spare_.empty()) return to.reserve(inputs_min);
    to = std::move(spare_.back());
    spare_.pop_back();
    room_ -= to.capacity();
  }
  /// @pre `from` is empty; it owns nothing any more afterwards.
  /// @returns what was not kept, to be freed outside of locks.
  std::vector<any_entity_input> take_back(std::vector<any_entity_input>& from) {
    auto taken = std::exchange(from, {});
    if (taken.capacity() == 0 || room_ + taken.capacity() > room_max) return taken;
    room_ += taken.capacity();
    spare_.push_back(std::move(taken));
    return {};
  }

 private:
  static constexpr std::size_t inputs_min = 8;
  /// For so many inputs, about 100 KB.
  static constexpr std::size_t room_max = 1'024;
  std::vector<std::vector<any_entity_input>> spare_;
  std::size_t room_ = 0;
};

/// The actors in memory, by address, in stripes with a mutex each.
class activation_registry {
 public:
  /// Of the actors of a stripe, so that threads seldom count in the same place.
  struct counters {
    std::atomic<std::uint64_t> commands{0}, overloaded{0}, handled{0}, rejected{0}, failed{0},
        dead_letters{0}, handed_on{0}, expired{0};
  };

  struct alignas(64) stripe {
    std::mutex mutex;
    byte_credit waiting;
    counters count;
    /// By `stable_hash`; the address decides among equal hashes.
    hash_slots<activation_ptr> actors;
    spare_inboxes spare;

    /// @pre `mutex` is held, for all.
    [[nodiscard]] const activation_ptr* find(std::uint64_t hash,
                                             const actor_address& address) const {
      return actors.find(hash, [&](const activation& one) { return one.self == address; });
    }
    void erase(activation* gone) { actors.erase(gone->hash, activation_ptr{gone}); }
  };

  static constexpr std::size_t stripes_max = 64;

  [[nodiscard]] stripe& stripe_of(std::uint64_t hash) noexcept {
    return stripes_[(hash >> 32) % stripes_max];
  }

  [[nodiscard]] stripe& at(std::size_t index) noexcept { return stripes_[index]; }

  /// Calls `visit` for each activation, a stripe at a time, under its mutex.
  template <class Visit>
  void for_each(Visit visit) {
    for (auto& next : stripes_) {
      const std::lock_guard lock{next.mutex};
      next.actors.for_each(visit);
    }
  }

 private:
  std::array<stripe, stripes_max> stripes_;
};

}  // namespace aether
