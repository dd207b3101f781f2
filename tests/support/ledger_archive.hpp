#pragma once

#include <aether/actors/actor_history.hpp>
#include <aether/persistence/memory_store.hpp>
#include "old_ledger.hpp"
#include "store_calls.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace aether::testing {

using past = actor_history<old_ledger::ledger>;
using time_point = past::time_point;

inline const actor_address ann{*actor_type::parse("ledger"), *actor_id::parse("ann")};
inline const time_point noon{std::chrono::hours{12}};

template <message Event>
event_record record_of(const Event& event) {
  return {std::string{Event::aether_wire_name}, encode(event)};
}
inline event_record move_of(std::int64_t cents) { return record_of(old_ledger::moved{cents, "n"}); }

/// Ann's stores. Her commits are written one minute after the other, the first at noon.
struct archive {
  std::shared_ptr<memory_event_store> events = std::make_shared<memory_event_store>();
  std::shared_ptr<memory_snapshot_store> snapshots = std::make_shared<memory_snapshot_store>(10);
  log_position end;
  time_point next_at = noon;

  void put(std::vector<event_record> all) {
    commit next;
    next.id = commit_id::make();
    next.first = event_version{end.version.value() + 1};
    next.events = std::move(all);
    next.at = next_at;
    next_at += std::chrono::minutes{1};
    const auto stored = append(*events, ann, end, std::move(next));
    REQUIRE_MESSAGE(stored.has_value(), stored.error().message());
    end = *stored;
  }
  /// A snapshot of what is there now, which says `cents`.
  void put_snapshot(std::int64_t cents) {
    put_snapshot(std::string{old_ledger::totals::aether_wire_name}, 1,
                 encode(old_ledger::totals{cents, 0, {}}));
  }
  void put_snapshot(std::string type, std::uint32_t schema, bytes state) {
    REQUIRE(
        save(*snapshots, ann, {end, std::move(type), schema, std::move(state), {}}).has_value());
  }
  void skip(std::uint64_t version) {
    const auto marked =
        testing::skip(*events, ann, {event_version{version}, event_version{version}, {}, "poison"});
    REQUIRE_MESSAGE(marked.has_value(), marked.error().message());
    end = *marked;
  }
  [[nodiscard]] past of_ann() const { return {events, snapshots, "ann"}; }

  [[nodiscard]] past::moment at(std::uint64_t version) const {
    return take(of_ann().state_at(event_version{version}));
  }
  [[nodiscard]] past::moment at(time_point time) const { return take(of_ann().state_at(time)); }
  [[nodiscard]] past::moment now() const { return take(of_ann().state_now()); }

  static past::moment take(std::future<result<past::moment>> answer) {
    auto got = answer.get();
    REQUIRE_MESSAGE(got.has_value(), got.error().message());
    return *std::move(got);
  }
};

}  // namespace aether::testing
