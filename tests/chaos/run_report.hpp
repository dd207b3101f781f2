#pragma once

#include "checker.hpp"
#include "durable_ledger.hpp"
#include "unavailability.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace aether::chaos {

/// All that a run has shown.
struct run_report {
  std::string nats_server_version;
  std::uint32_t nats_servers = 1, nodes = 0, seconds = 0;
  std::uint64_t seed = 0;
  std::string history;
  /// When the load began, on the history's clock.
  std::int64_t began_us = 0;
  chaos::verdict verdict;
  std::map<std::string, std::size_t> errors;
  std::vector<injected_fault> faults;
  std::map<std::string, unavailability::by_cause> unavailable;
  std::uint32_t shards = 0, shards_served = 0;
  /// Lists that could not be read at the end.
  std::vector<std::string> unread;
  std::size_t never_answered = 0;
  /// Appends by durable sends, and of these stored; and what the lists lack of them.
  std::size_t durable_sent = 0, durable_stored = 0;
  durable_ledger::shortfall durable;
  /// Processes that ended by themselves, or did not end when asked.
  std::vector<std::string> mishaps;

  /// The verdict is good, something was acknowledged, every shard is served and every list was read
  /// at the end, every ask was answered, every durable send that was stored took effect in its
  /// order, and no process went wrong.
  [[nodiscard]] bool good() const noexcept;
};

/// For people.
[[nodiscard]] std::string as_text(const run_report& report);
/// For programs: one object, on one line (docs/chaos.md).
[[nodiscard]] std::string as_json(const run_report& report);

}  // namespace aether::chaos
