#pragma once

#include <aether/persistence/event_store.hpp>
#include <aether/persistence/history.hpp>
#include <aether/persistence/snapshot_store.hpp>

#include <algorithm>
#include <future>
#include <iterator>
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

inline result<std::vector<recorded_commit>> fetch(event_store& store, const actor_address& of,
                                                  std::vector<stream_sequence> sequences) {
  answer_slot<std::vector<recorded_commit>> slot;
  store.fetch(of, std::move(sequences), slot.handler());
  return slot.future.get();
}

inline result<std::vector<history_record>> records(event_store& store, const actor_address& of) {
  answer_slot<std::vector<history_record>> slot;
  store.records(of, slot.handler());
  return slot.future.get();
}

inline result<std::vector<actor_id>> actors(event_store& store, const actor_type& type,
                                            shard_id shard) {
  answer_slot<std::vector<actor_id>> slot;
  store.actors(type, shard, slot.handler());
  return slot.future.get();
}

/// All pages as one.
inline result<std::vector<shard_page::entry>> read_shards(event_store& store, shard_range which,
                                                          stream_sequence after = {}) {
  answer_slot<std::vector<shard_page::entry>> slot;
  store.read_shards(which, after,
                    [all = std::vector<shard_page::entry>{},
                     done = slot.handler()](result<shard_page> page) mutable {
                      if (!page) {
                        done(std::unexpected(std::move(page).error()));
                        return false;
                      }
                      std::ranges::move(page->entries, std::back_inserter(all));
                      if (page->last) done(std::move(all));
                      return true;
                    });
  return slot.future.get();
}

inline result<history_part> history(event_store& store, const actor_address& of,
                                    const history_query& query = {}) {
  answer_slot<history_part> slot;
  read_history(store, of, query, slot.handler());
  return slot.future.get();
}

inline result<log_position> skip(event_store& store, const actor_address& of,
                                 skip_request request) {
  answer_slot<log_position> slot;
  skip_events(store, of, std::move(request), slot.handler());
  return slot.future.get();
}

inline result<void> save(snapshot_store& store, const actor_address& of, snapshot taken) {
  answer_slot<void> slot;
  store.save(of, std::move(taken), slot.handler());
  return slot.future.get();
}

inline result<std::optional<snapshot>> load(snapshot_store& store, const actor_address& of,
                                            event_version at_most = any_version) {
  answer_slot<std::optional<snapshot>> slot;
  store.load(of, at_most, slot.handler());
  return slot.future.get();
}

inline result<std::vector<snapshot_store::placed>> load_shards(snapshot_store& store,
                                                               shard_range which) {
  answer_slot<std::vector<snapshot_store::placed>> slot;
  store.load_shards(which, slot.handler());
  return slot.future.get();
}

}  // namespace aether::testing
