#pragma once

#include <aether/runtime/ids.hpp>

#include <chrono>
#include <functional>

namespace aether::cluster {

/// What lives in slots beside actors: it comes when a slot is served here, and is gone before the
/// slot is let go of. Called by the `slot_keeper`, one call at a time; hands over and returns.
class slot_tenant {
 public:
  using gone_handler = std::move_only_function<void(bool clean)>;

  virtual ~slot_tenant() = default;
  virtual void move_in(const slot& where) = 0;
  /// @param done called once, from any thread, also from within the call; at the deadline with
  ///        false.
  virtual void move_out(const slot& where, std::chrono::steady_clock::time_point deadline,
                        gone_handler done) = 0;
  /// Another has the slot already: ends as soon as it can.
  virtual void evict(const slot& where) = 0;
};

}  // namespace aether::cluster
