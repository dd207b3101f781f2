#pragma once

#include <aether/actors/command.hpp>
#include <aether/actors/durable.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace aether {

/// What became of a command that was sent durably with an outcome's name.
struct durable_outcome {
  actor_address to;
  command_id id;
  /// Wire name of the command.
  std::string command;
  /// The actor's answer; `rejected`, with the reason that it gave; or, of one that is parked, the
  /// error that it ended with.
  result<any_reply> answer;
  bool parked = false;

  /// The answer as a value. Once.
  template <class Reply>
  [[nodiscard]] result<Reply> take() {
    return take_reply<Reply>(std::move(answer));
  }
};

/// Called for each outcome, one at a time, on a thread of the runtime: hands over and returns. What
/// it throws is logged (`outcome_handler_threw`).
using outcome_handler = std::function<void(durable_outcome)>;

/// Ends with its own end, and waits then for a call that is under way (not within one: that call is
/// the last). So do not end it while holding what the handler waits for.
class [[nodiscard]] outcome_subscription {
 public:
  outcome_subscription() = default;
  /// For `node`.
  explicit outcome_subscription(std::shared_ptr<void> held) : held_{std::move(held)} {}

 private:
  std::shared_ptr<void> held_;
};

/// A command that could not be handled and was put aside, so that those behind it go on.
struct parked_send {
  /// Names it: its place among the parked ones.
  stream_sequence place;
  actor_address to;
  command_id id;
  /// Wire name of the command.
  std::string command;
  std::string outcome;
  /// What it ended with. After `outcome_unknown` it may have taken effect.
  errc code = errc::handler_failed;
  std::string reason;
  std::uint32_t deliveries = 0;
  /// When it was parked, by the clock of the node that did it.
  std::chrono::sys_time<std::chrono::milliseconds> at;
};

}  // namespace aether
