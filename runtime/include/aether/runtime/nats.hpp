#pragma once

#include <aether/runtime/bytes.hpp>
#include <aether/runtime/error.hpp>
#include <aether/runtime/nats_options.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aether {

namespace nats {
class session;          // what is behind `nats_connection`
struct message_access;  // defined by tests, to make messages without a connection
}  // namespace nats

/// A message as it came from the server; owns it. Move-only; use from one thread at a time.
class nats_message {
 public:
  nats_message(nats_message&& other) noexcept;
  nats_message& operator=(nats_message&& other) noexcept;
  ~nats_message();
  [[nodiscard]] std::string_view subject() const noexcept;
  /// Empty when no answer is wanted.
  [[nodiscard]] std::string_view reply_to() const noexcept;
  [[nodiscard]] bytes_view payload() const noexcept;
  /// The first value of a header, borrowed; none when absent.
  [[nodiscard]] std::optional<std::string_view> header(const char* name) const;
  /// The status of a message that carries one instead of a payload (404, 503 ...), else 0.
  [[nodiscard]] int status() const;

 private:
  friend class nats::session;
  friend struct nats::message_access;
  explicit nats_message(void* handle) noexcept : handle_{handle} {}
  void* handle_ = nullptr;
};

/// A message to send. Borrows everything for the duration of the call.
struct nats_outgoing {
  std::string_view subject;
  bytes_view payload = {};
  /// Names without blanks or colons; values of one line, not empty, without blanks around them
  /// (clients trim them, and cnats before 3.11 cannot read a message with an empty one).
  std::vector<std::pair<std::string_view, std::string_view>> headers = {};
};

/// When a message leaves the client. `soon` lets messages share a write (a few tens of
/// microseconds later); `now` writes before the call returns, for what someone waits for.
enum class nats_flush { soon, now };

/// What the server said of itself.
struct nats_server_info {
  std::string version;
  int major = 0, minor = 0, patch = 0;
  std::size_t payload_bytes_max = 0;
  /// JetStream's API level; 0 where the server does not say (before 2.11).
  int api_level = 0;
  [[nodiscard]] bool at_least(int want_major, int want_minor, int want_patch) const noexcept;
};

/// One connection to NATS for a whole process: publishes, asks, listens; reconnects for ever.
///
/// Threads: every member may be called from any thread. Handlers run on threads of the client, one
/// at a time: they hand over and return, never block, never wait for an answer, never throw. Only
/// a request that fails at once calls its handler on the caller's thread, outside that order.
/// After `close` returns, no handler runs and every open request has been answered.
///
/// All connections of a process share one delivery thread: a handler that blocks, blocks them all.
/// If the server ends the connection with an error that forbids to reconnect (it refuses the
/// credentials twice, say), it stays unconnected: `on_state` says so, calls return `unavailable`.
class nats_connection {
 public:
  using reply_handler = std::move_only_function<void(result<nats_message>)>;
  /// Returns false when it wants no further reply.
  using stream_handler = std::move_only_function<bool(result<nats_message>)>;
  using message_handler = std::function<void(nats_message)>;
  using state_handler = std::function<void(bool connected)>;

  /// Connects and asks the server what it is.
  /// @errors `unavailable`: no server answers at any of the addresses, or TLS was not agreed upon;
  ///         the text names the addresses, and for TLS what was wrong.
  ///         `not_permitted`: the server refused the credentials, or the user may not listen for
  ///         answers below `inbox_prefix` or ask `$JS.API.INFO`; the text says which.
  ///         `unsupported_server`: older than 2.9.10, or JetStream is not enabled there.
  ///         `invalid_options`: an address cannot be parsed, a file cannot be read, or options
  ///         exclude each other. No text has a password, a token or a key.
  [[nodiscard]] static result<std::shared_ptr<nats_connection>> open(const nats_options& options);
  ~nats_connection();
  nats_connection(const nats_connection&) = delete;
  nats_connection& operator=(const nats_connection&) = delete;

  /// Sends; while reconnecting, or while the server reads too slowly, buffers up to 8 MB. That the
  /// server refuses the subject is heard later: see `refused`.
  /// @errors `unavailable`: the buffer is full or the connection is closed, nothing was sent.
  ///         `invalid_argument`: not a subject, not a header, or over the server's payload limit,
  ///         which headers and payload share.
  result<void> publish(const nats_outgoing& message, nats_flush flush = nats_flush::soon);
  /// The same with a reply subject of the caller's choice.
  result<void> publish(const nats_outgoing& message, std::string_view reply_to, nats_flush flush);

  /// Sends and awaits one answer; `handler` is called exactly once, perhaps before this returns.
  /// While reconnecting nothing is sent: a request that waits in a buffer would be of no use.
  /// @errors (to the handler) `unavailable`: no one listens on the subject, or nothing was sent;
  ///         `timed_out`: sent, but no answer within `timeout`, or the connection broke meanwhile;
  ///         `not_permitted`: the server refused the subject to this user, and the text names it;
  ///         the message reached nobody. Where several requests are open on one subject and it is
  ///         not clear which of them was refused, they wait until it is, or time out;
  ///         `not_running`: closed, before or meanwhile; `invalid_argument`: as `publish`.
  void request(const nats_outgoing& message, std::chrono::milliseconds timeout,
               reply_handler handler, nats_flush flush = nats_flush::now);
  /// The same for a series of answers: until `handler` returns false or `timeout` passes since the
  /// last answer; an error is always the last call.
  void request_stream(const nats_outgoing& message, std::chrono::milliseconds timeout,
                      stream_handler handler);
  /// The same where the answers keep subjects of their own, as what a pull consumer delivers does:
  /// they are told apart by a subscription, which is made for this call. Not for a few answers.
  void pull(const nats_outgoing& message, std::chrono::milliseconds timeout,
            stream_handler handler);
  /// `request` for threads that may block (start-up, tools); never from a handler.
  [[nodiscard]] result<nats_message> request_wait(const nats_outgoing& message,
                                                  std::chrono::milliseconds timeout);

  /// A live subscription; its destruction drains it: what the server has sent until it learns of
  /// the end is still handled, so handlers may run for a while after the destructor has returned.
  /// What a handler refers to is owned by the handler, or outlives `close`. May be destroyed from
  /// any thread, handlers included. Costs a short-lived thread: not for one message each.
  class subscription {
   public:
    subscription() = default;
    subscription(subscription&&) noexcept;
    subscription& operator=(subscription&&) noexcept;
    ~subscription();

   private:
    friend class nats_connection;
    struct impl;
    explicit subscription(std::shared_ptr<impl> impl) noexcept;
    std::shared_ptr<impl> impl_;
  };

  /// Listens on `subject` (wildcards allowed). With a `queue`, each message goes to one member.
  /// Survives reconnects. That the server refuses the subject is heard later: see `refused`.
  /// @errors `invalid_argument`: not a subject. `not_running`: closed.
  [[nodiscard]] result<subscription> subscribe(std::string_view subject, message_handler handler,
                                               std::string_view queue = {});

  /// Returns when the server has seen everything sent before. Blocks; not from a handler.
  /// @errors `unavailable`: not within `timeout`.
  result<void> flush(std::chrono::milliseconds timeout);
  /// The first of what the server refused to this user since it last (re)connected and what no
  /// request was told of: a subscription, or a `publish`. `not_permitted`, with subject and
  /// permission. After a `flush` it knows of everything that was sent before.
  [[nodiscard]] std::optional<error> refused() const;
  /// Calls `handler` on each loss and return of the connection, from a client thread.
  void on_state(state_handler handler);
  [[nodiscard]] bool connected() const noexcept;
  /// How often the connection was lost so far: two equal answers mean one server, without a break.
  [[nodiscard]] std::uint64_t losses() const noexcept;
  /// As of the last (re)connect, of which it may learn a moment after `on_state`.
  [[nodiscard]] nats_server_info server() const;
  /// Drains subscriptions, answers open requests with `not_running`, closes. Idempotent. Blocks for
  /// up to some seconds when the server does not answer. In a handler (where the last reference
  /// may go) it returns at once and a thread of its own does the same.
  void close();

 private:
  struct impl;
  explicit nats_connection(std::unique_ptr<impl> impl) noexcept;
  std::unique_ptr<impl> impl_;
};

}  // namespace aether
