#pragma once

#include <aether/persistence/conformance.hpp>
#include <aether/runtime/codec.hpp>
#include <aether/runtime/message.hpp>

#include <chrono>
#include <condition_variable>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What the cases are written with. Everything here throws `conformance_failed` in the words given.
namespace aether::conformance {

/// Far beyond what anything takes, even on a busy machine under a sanitizer.
inline constexpr std::chrono::seconds answer_limit{30};

using history = std::vector<recorded_commit>;

struct counted {
  std::uint64_t version = 0;
  bytes filler;
  AETHER_MESSAGE("conformance.counted", version, filler)
};

[[noreturn]] void fail_case(const std::string& why);
inline void require(bool holds, const std::string& why) {
  if (!holds) fail_case(why);
}

/// Waits for what a handler is given. The handler may outlive it.
template <class T>
class answer {
 public:
  explicit answer(std::string what) : what_{std::move(what)} {}

  /// For one call of the store.
  [[nodiscard]] auto handler() const {
    return [slot = slot_](result<T> value) {
      const std::lock_guard lock{slot->mutex};
      if (slot->calls++ == 0) slot->value.emplace(std::move(value));
      slot->changed.notify_all();
    };
  }

  [[nodiscard]] result<T> get() const {
    std::unique_lock lock{slot_->mutex};
    if (!slot_->changed.wait_for(lock, answer_limit, [&] { return slot_->calls > 0; }))
      fail_case(what_ + ": expected an answer, none came within 30 s");
    return *slot_->value;
  }

  /// So far.
  [[nodiscard]] int calls() const {
    const std::lock_guard lock{slot_->mutex};
    return slot_->calls;
  }

  [[nodiscard]] const std::string& what() const noexcept { return what_; }

 private:
  struct slot {
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<result<T>> value;
    int calls = 0;
  };
  std::string what_;
  std::shared_ptr<slot> slot_ = std::make_shared<slot>();
};

/// The value of a call that has to succeed.
template <class T>
T must(const result<T>& outcome, const std::string& what) {
  if (!outcome) fail_case(what + ": expected success, found " + outcome.error().message());
  if constexpr (!std::is_void_v<T>) return *outcome;
}

[[noreturn]] void fail_expecting(std::initializer_list<errc> codes, const std::string& what,
                                 const std::string& found);

/// A call that has to end with one of these errors.
template <class T>
void must_fail(const result<T>& outcome, std::initializer_list<errc> codes,
               const std::string& what) {
  if (outcome) fail_expecting(codes, what, "success");
  for (const errc code : codes)
    if (outcome.error().code() == code) return;
  fail_expecting(codes, what, outcome.error().message());
}
template <class T>
void must_fail(const result<T>& outcome, errc code, const std::string& what) {
  must_fail(outcome, {code}, what);
}

/// `what`, and the difference, unless both are the same commits at the same sequences.
void must_equal(const history& found, const history& expected, const std::string& what);
/// The commits from the `first`-th on, at most `count`.
history part_of(const history& all, std::size_t first, std::size_t count = ~std::size_t{0});

/// Nobody else's: 36 characters of [a-z0-9-].
std::string fresh_name();
/// An actor that nobody knows yet, of type `kit-actor`.
actor_address fresh_actor();
/// @pre `type` and `id` are valid.
actor_address address_of(std::string_view type, std::string_view id);
/// A fresh actor in that shard.
actor_address fresh_actor_in(const event_store& store, shard_id shard,
                             std::string_view type = "kit-actor");
/// A fresh actor of the type that is in the same shard as `other`.
actor_address fresh_actor_beside(const event_store& store, const actor_address& other,
                                 std::string_view type = "kit-actor");

/// A commit with a fresh id that follows `expected`; back-pointers are the caller's affair.
commit commit_after(const log_position& expected, std::size_t events = 1,
                    std::size_t filler_bytes = 0);

answer<log_position> append_soon(event_store& store, const actor_address& to,
                                 const log_position& expected, commit next);
result<log_position> append(event_store& store, const actor_address& to,
                            const log_position& expected, commit next);
result<history> read(event_store& store, const actor_address& from, std::uint64_t version = 1,
                     stream_sequence after = {}, std::size_t commits_max = 100'000);
result<std::optional<recorded_commit>> latest(event_store& store, const actor_address& of);
result<history> fetch(event_store& store, const actor_address& of,
                      std::vector<stream_sequence> sequences);
result<std::vector<history_record>> records(event_store& store, const actor_address& of);
result<std::vector<actor_id>> actors(event_store& store, const actor_type& type, shard_id shard);
/// All pages as one.
result<std::vector<shard_page::entry>> read_shards(event_store& store, shard_range which,
                                                   stream_sequence after);

/// Writes one actor's history and knows what must be read back.
class writer {
 public:
  explicit writer(event_store& store, actor_address actor = fresh_actor())
      : store_{store}, actor_{std::move(actor)} {}

  /// Appends one commit after what was written, with `back_pointers` to what came before.
  void write(std::size_t events = 1, std::size_t filler_bytes = 0);
  void write(commit next);
  /// The same, where `expected` says less of the end than is known.
  void write(commit next, const log_position& expected);
  void write_many(std::size_t commits, std::size_t events = 1) {
    for (std::size_t i = 0; i < commits; ++i) write(events);
  }
  /// What `write` would append.
  [[nodiscard]] commit next(std::size_t events = 1, std::size_t filler_bytes = 0) const;

  /// The store has what was written, nothing else, by `read` and by `latest`.
  void check(const std::string& what) const;

  [[nodiscard]] const actor_address& actor() const noexcept { return actor_; }
  [[nodiscard]] const history& written() const noexcept { return written_; }
  [[nodiscard]] log_position end() const {
    return written_.empty() ? log_position{} : written_.back().position();
  }

 private:
  event_store& store_;
  actor_address actor_;
  history written_;
};

using event_case = conformance_case<event_store>;
using bus_case = conformance_case<bus_bench>;
using snapshot_case = conformance_case<snapshot_store>;

std::span<const event_case> append_cases();
std::span<const event_case> refusal_cases();
std::span<const event_case> race_cases();
std::span<const event_case> id_cases();
std::span<const event_case> read_cases();
std::span<const event_case> lookup_cases();
std::span<const event_case> shard_cases();
std::span<const event_case> call_cases();
std::span<const event_case> history_cases();

std::span<const bus_case> bus_view_cases();
std::span<const bus_case> bus_gap_cases();

}  // namespace aether::conformance
