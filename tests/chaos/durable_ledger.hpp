#pragma once

#include "history.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace aether::chaos {

/// What was promised by the receipts of durable sends, to be compared with the lists in the end.
class durable_ledger {
 public:
  struct entry {
    std::string client;
    std::string key;
    std::int64_t value = 0;
    /// The receipt came. Otherwise it may be in the list or not.
    bool stored = false;
    /// A copy went there by `tell` or `ask`, which may overtake: it stands in no order.
    bool mixed = false;
  };

  /// In the order in which each client sent them.
  void add(entry what) { entries_.push_back(std::move(what)); }

  struct shortfall {
    /// Stored, and not in its list.
    std::vector<std::string> missing;
    /// Of one client to one list, not in the order in which they were sent.
    std::vector<std::string> astray;
    [[nodiscard]] bool none() const noexcept { return missing.empty() && astray.empty(); }
  };
  /// @param lists as they are in the end; one that is not there is empty.
  [[nodiscard]] shortfall compare(const std::map<std::string, numbers>& lists) const;

  /// Sent, and of these stored.
  [[nodiscard]] std::size_t sent() const noexcept { return entries_.size(); }
  [[nodiscard]] std::size_t stored() const noexcept;
  /// The lists that something was sent to.
  [[nodiscard]] std::vector<std::string> keys() const;

 private:
  std::vector<entry> entries_;
};

}  // namespace aether::chaos
