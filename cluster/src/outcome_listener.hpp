#pragma once

#include <aether/cluster/durable_sends.hpp>
#include <aether/runtime/log.hpp>

#include <exception>
#include <mutex>
#include <utility>

namespace aether::cluster {

/// A handler of outcomes, and whoever may call it: one at a time, and nobody after `end`.
class outcome_listener {
 public:
  explicit outcome_listener(outcome_handler handler) : handler_{std::move(handler)} {}

  void tell(durable_outcome outcome) {
    const std::lock_guard lock{mutex_};
    if (ended_) return;
    try {
      handler_(std::move(outcome));
    } catch (const std::exception& thrown) {
      log::warn("durable", "outcome_handler_threw", {{"what", std::string{thrown.what()}}});
    } catch (...) {
      log::warn("durable", "outcome_handler_threw", {{"what", "no std::exception"}});
    }
  }
  /// Waits for a call that is under way, unless it is within that call.
  void end() {
    const std::lock_guard lock{mutex_};
    ended_ = true;
  }

 private:
  std::recursive_mutex mutex_;
  bool ended_ = false;
  outcome_handler handler_;
};

}  // namespace aether::cluster
