#pragma once

#include "broker.hpp"

#include <chrono>
#include <map>
#include <vector>

namespace aether::sim {

/// What `nats_connection` is to a process: subscriptions that survive reconnects, requests with a
/// time limit, and what is sent without a connection goes out with the next one. Everything happens
/// while the process runs; a process that stands still sends nothing.
class connection {
 public:
  using answer_handler = callback<answer>;

  connection(world& in, process& owner) : in_{in}, owner_{owner} {}

  /// Connects to one of the servers that run; again and again until there is one.
  void open();
  /// The process is no more, or leaves.
  void close();

  [[nodiscard]] bool connected() const noexcept { return current_ != nullptr; }
  [[nodiscard]] broker::session* current() const noexcept { return current_; }

  void listen(subject to);
  void ignore(subject to);
  void publish(subject to, content_ptr what);
  void request(subject to, content_ptr what, std::chrono::nanoseconds timeout,
               answer_handler handler);
  /// Answers a message that was asked for one.
  void reply(const message& asked, content_ptr what);
  /// A call of JetStream's; answered as a request is.
  void call(broker::service run, std::chrono::nanoseconds timeout, answer_handler handler);
  /// `done(true)` when the server has handled all that was sent before; false without a connection,
  /// or when that breaks first.
  void flush(std::chrono::nanoseconds timeout, callback<bool> done);

  /// An answer has come.
  void answered(const message& from);
  /// This session is over, and the client knows; another one is sought.
  void lost(broker::session& which);

 private:
  void try_to_connect();
  void send(message what);
  [[nodiscard]] std::uint64_t open_request(std::chrono::nanoseconds timeout,
                                           answer_handler handler);
  void end_request(std::uint64_t token, answer with);

  world& in_;
  process& owner_;
  broker::session* current_ = nullptr;
  bool closed_ = false;
  bool seeking_ = false;
  std::vector<subject> listens_;
  /// Sent without a connection.
  std::vector<message> unsent_;
  std::uint64_t tokens_ = 0;
  std::map<std::uint64_t, answer_handler> requests_;
};

}  // namespace aether::sim
