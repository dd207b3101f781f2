#pragma once

#include "caf_activation.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

namespace aether {

/// The drains under way, and the slots that each still waits for. Thread-safe.
class slot_drains {
 public:
  using handler = std::move_only_function<void(bool)>;
  /// Names a drain.
  using key = std::uint64_t;
  struct ended {
    handler done;
    bool clean;
  };
  struct overdue {
    std::vector<slot_service*> slots;
    handler done;
  };

  key begin(std::vector<slot_service*> slots, handler done);
  /// No actor of the slot is in memory any more; with `clean` false, it does not matter any more.
  /// @returns the drains that end with it.
  [[nodiscard]] std::vector<ended> left(const slot_service& which, bool clean);
  /// Ends a drain; none where it has ended.
  [[nodiscard]] std::optional<overdue> give_up(key which);
  [[nodiscard]] std::vector<ended> give_up_all();

 private:
  struct drain {
    std::vector<slot_service*> slots;
    handler done;
    bool clean = true;
  };

  std::mutex mutex_;
  std::map<key, drain> all_;
  key last_ = 0;
};

}  // namespace aether
