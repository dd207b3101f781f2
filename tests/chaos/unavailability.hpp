#pragma once

#include "history.hpp"
#include "plan.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace aether::chaos {

/// A fault as it happened, in microseconds of the history's clock.
struct injected_fault {
  fault_kind kind;
  fault_mode mode;
  /// Whom it met: `n2`, `client1`, `server0`.
  std::string target;
  std::int64_t from_us;
  std::int64_t until_us;
};

/// A span in which a key was asked for and nobody got an answer.
struct outage {
  std::string key;
  std::int64_t from_us;
  std::int64_t until_us;
  [[nodiscard]] std::int64_t length_us() const noexcept { return until_us - from_us; }
};

/// Measures how long keys went without an answer. A key is waited for from the first invocation
/// after its latest `ok` answer, or from that answer on where an operation was under way, until its
/// next one. Failed and unknown operations end no wait, unless nobody asks again for `unasked_us`.
///
/// And says what it was due to: the fault that lasted, with `fault_echo` behind it, through most of
/// the span; of equals, the one that began last.
///
/// Pure.
class unavailability {
 public:
  /// What happens so long after a fault's end may still be due to it.
  static constexpr std::int64_t fault_echo_us = 5'000'000;
  static constexpr std::int64_t unasked_us = 500'000;

  /// In any order.
  void add(const operation& what);

  struct by_cause {
    /// The longest outage; none when every key was answered at once.
    std::optional<outage> longest;
    /// Operations without an `ok` answer.
    std::size_t not_ok = 0;
  };
  /// By the name of the fault's kind; `none` for what no fault explains. Every kind of `faults` and
  /// `none` are there.
  [[nodiscard]] std::map<std::string, by_cause> attribute(
      const std::vector<injected_fault>& faults) const;

 private:
  struct call {
    std::int64_t from_us, until_us;
    bool ok;
  };
  [[nodiscard]] static std::vector<outage> outages(const std::string& key, std::vector<call> calls);

  std::map<std::string, std::vector<call>> calls_;
};

}  // namespace aether::chaos
