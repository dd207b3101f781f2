#pragma once

#include <aether/persistence/event_store.hpp>
#include <aether/persistence/snapshot_store.hpp>

#include <future>
#include <optional>
#include <utility>
#include <vector>

/// The stores' calls for tests, which may block.
namespace aether::testing {

template <class T>
struct answer_slot {
  std::promise<result<T>> promise;
  std::future<result<T>> future = promise.get_future();
  auto handler() {
    return [made = std::move(promise)](result<T> answer) mutable {
      made.set_value(std::move(answer));
    };
  }
};

inline std::future<result<log_position>> append_soon(event_store& store, const actor_address& to,
                                                     log_position expected, commit next) {
  answer_slot<log_position> slot;
  store.append(to, expected, std::move(next), slot.handler());
  return std::move(slot.future);
}

inline result<log_position> append(event_store& store, const actor_address& to,
                                   log_position expected, commit next) {
  return append_soon(store, to, expected, std::move(next)).get();
}

inline result<std::vector<recorded_commit>> read(event_store& store, const actor_address& from,
                                                 std::uint64_t version = 1,
                                                 stream_sequence after = {},
                                                 std::size_t commits_max = 1'000) {
  answer_slot<std::vector<recorded_commit>> slot;
  store.read(from, event_version{version}, after, commits_max, slot.handler());
  return slot.future.get();
}

inline result<std::optional<recorded_commit>> latest(event_store& store, const actor_address& of) {
  answer_slot<std::optional<recorded_commit>> slot;
  store.latest(of, slot.handler());
  return slot.future.get();
}

inline result<void> save(snapshot_store& store, const actor_address& of, snapshot taken) {
  answer_slot<void> slot;
  store.save(of, std::move(taken), slot.handler());
  return slot.future.get();
}

inline result<std::optional<snapshot>> load(snapshot_store& store, const actor_address& of) {
  answer_slot<std::optional<snapshot>> slot;
  store.load(of, slot.handler());
  return slot.future.get();
}

}  // namespace aether::testing
