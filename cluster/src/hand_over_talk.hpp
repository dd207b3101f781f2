#pragma once

#include <aether/runtime/nats.hpp>
#include <aether/runtime/subjects.hpp>
#include "core/hand_over.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace aether::cluster {

/// What takers and givers of slots say to each other over NATS. Thread-safe; handlers run as those
/// of `nats_connection` do, and get nothing after the connection is closed.
class hand_over_talk : public std::enable_shared_from_this<hand_over_talk> {
 public:
  using request_handler = std::function<void(hand_request, std::string reply_to)>;
  using answer_handler = std::move_only_function<void(hand_answer)>;
  using handler = std::move_only_function<void()>;

  /// @param echo_timeout no echo comes later.
  hand_over_talk(std::shared_ptr<nats_connection> over, subjects names, process self,
                 std::chrono::milliseconds echo_timeout = std::chrono::seconds{1});

  /// Listens on this process's subject.
  result<void> start(request_handler on_request);
  void stop();

  /// Asks a giver. `answered` comes for each part of its answer, `nobody` when nobody listens
  /// there; neither when the request or its answer is lost: ask again.
  void ask(const process& giver, const hand_request& request,
           std::function<void(hand_answer)> answered, handler nobody);
  /// Answers a request, in as many messages as it takes.
  void answer(std::string_view reply_to, hand_over_step step, std::vector<hand_done> done);
  /// Calls `back` when the server has seen what was sent before, and this connection's handlers
  /// what the server had sent until then: subscriptions begun before are known to it, of those
  /// ended before nothing comes any more. Not at all when the connection breaks, or too late.
  void echo(handler back);

 private:
  void receive(const nats_message& message);

  const std::shared_ptr<nats_connection> over_;
  const subjects names_;
  const process self_;
  const std::string subject_;
  const std::chrono::milliseconds echo_timeout_;
  request_handler on_request_;
  nats_connection::subscription listening_;
};

}  // namespace aether::cluster
