#pragma once

#include <aether/runtime/nats.hpp>
#include "address.hpp"
#include "event_loop.hpp"
#include "handler_gate.hpp"
#include "outbox.hpp"
#include "requests.hpp"
#include "violation.hpp"

#include <nats/nats.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace aether::nats {

class session;

/// What the client library's callbacks of one subscription refer to. Lives until the library has
/// said that it delivers nothing more (`session::on_complete`), however early its owner goes.
struct listener {
  listener(std::shared_ptr<session> whose, nats_connection::message_handler on_message)
      : owner{std::move(whose)}, handler{std::move(on_message)} {}

  const std::shared_ptr<session> owner;
  const nats_connection::message_handler handler;
  std::mutex mutex;
  natsSubscription* handle = nullptr;  // guarded by mutex; null before the start and after the end
};

/// The state behind `nats_connection`, shared with the client library's callbacks: it outlives the
/// connection object by the few callbacks that are still under way.
///
///   opening --connected--> connected <--lost/back--> away --close--> closed
///
/// Locks, outermost first: `close_mutex_`, the gate, a listener's, `mutex_`, the loop's. `mutex_`
/// is never held while the client library is called.
class session : public std::enable_shared_from_this<session> {
 public:
  explicit session(nats_options options) : options_{std::move(options)} {}
  session(const session&) = delete;
  session& operator=(const session&) = delete;
  ~session();

  [[nodiscard]] result<void> open();
  void close();

  result<void> publish(const nats_outgoing& message, std::string_view reply_to, nats_flush flush);
  void request(const nats_outgoing& message, open_request request, nats_flush flush);
  /// `request` with an inbox of its own, for answers that keep their subjects.
  void pull(const nats_outgoing& message, open_request request);
  [[nodiscard]] result<nats_message> request_wait(const nats_outgoing& message,
                                                  std::chrono::milliseconds timeout);
  [[nodiscard]] result<std::shared_ptr<listener>> subscribe(
      std::string_view subject, nats_connection::message_handler handler, std::string_view queue);
  /// Ends a subscription: what has arrived is still handled. Idempotent.
  static void drain(listener& which);
  result<void> flush(std::chrono::milliseconds timeout);

  [[nodiscard]] std::optional<error> refused() const;
  void on_state(nats_connection::state_handler handler);
  [[nodiscard]] bool connected() const noexcept { return connected_.load(); }
  [[nodiscard]] std::uint64_t losses() const noexcept { return losses_.load(); }
  [[nodiscard]] nats_server_info server() const;

 private:
  using clock = std::chrono::steady_clock;

  // Opening (session.cpp)
  [[nodiscard]] result<void> connect();
  [[nodiscard]] result<void> apply(natsOptions* options);
  [[nodiscard]] natsStatus apply_basics(natsOptions* options);
  [[nodiscard]] error not_connected(natsStatus status) const;
  [[nodiscard]] result<void> open_inbox();
  [[nodiscard]] result<void> learn_server();
  [[nodiscard]] result<void> read_greeting(std::chrono::milliseconds timeout);
  void refresh_jetstream_level();

  // Closing (session.cpp)
  void close_now();
  void drain_listeners();
  void await_last_callbacks();

  // The connection comes and goes (session.cpp)
  void lost();
  void back();
  void gone();
  void tell_state(bool connected);
  void fail_open_requests(const error& why);
  [[nodiscard]] std::string last_error() const;

  // What the server refuses (refusals.cpp)
  void refuse(const violation& what);
  void await_refusals(clock::time_point deadline);
  static void on_error(natsConnection*, natsSubscription*, natsStatus status, void* closure);

  // Sending (sending.cpp)
  result<void> hold_back(const nats_outgoing& message, std::string_view reply_to);
  result<void> send(const nats_outgoing& message, std::string_view reply_to, nats_flush flush);
  [[nodiscard]] natsStatus hand_over(const nats_outgoing& message, std::string_view reply_to);
  [[nodiscard]] bool send_held_back();

  // Answers (answers.cpp)
  /// Where a request listens that has an inbox of its own.
  struct apart {
    std::string inbox;
    std::shared_ptr<std::atomic<request_table::token>> key =
        std::make_shared<std::atomic<request_table::token>>(0);
  };
  void start(const nats_outgoing& message, open_request request, nats_flush flush,
             const apart* place);
  void on_answer(nats_message answer);
  void on_answer(request_table::token key, nats_message answer);
  void on_part(request_table::token key, open_request lent, nats_message answer);
  [[nodiscard]] clock::time_point expire(clock::time_point now);
  [[nodiscard]] error timed_out(const open_request& request) const;

  // Subscriptions (subscription.cpp)
  [[nodiscard]] result<void> listen(listener& which, const std::string& subject,
                                    const std::string& queue);
  void forget(listener* which);
  static void on_message(natsConnection*, natsSubscription*, natsMsg* message, void* closure);
  static void on_complete(void* closure);

  const nats_options options_;
  std::vector<address> addresses_;
  event_loop loop_;
  natsConnection* connection_ = nullptr;
  handler_gate gate_;
  request_table requests_;
  std::string inbox_;  // with the trailing dot
  std::shared_ptr<listener> inbox_listener_;
  std::shared_ptr<session> self_;  // while the client library may call back

  std::mutex close_mutex_;
  bool close_done_ = false;  // guarded by close_mutex_

  mutable std::mutex mutex_;  // guards what follows, up to the atomics
  std::condition_variable changed_;
  outbox outbox_;
  nats_server_info info_;
  std::shared_ptr<nats_connection::state_handler> state_handler_;
  std::string last_error_;
  std::optional<error> refused_;
  std::unordered_map<listener*, std::shared_ptr<listener>> listeners_;
  bool ended_ = false;  // the client library has given the connection up

  std::atomic<bool> connected_{false};
  std::atomic<std::uint64_t> losses_{0};
  std::atomic<bool> closing_{false};
  std::atomic<std::uint64_t> pulls_{0};
  std::atomic<std::size_t> payload_bytes_max_{0};
};

}  // namespace aether::nats
