#pragma once

#include <aether/runtime/bytes.hpp>

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace aether {

/// What went wrong, as a number that is stable on the wire and in logs. For each value: whether
/// anything was persisted, and what the caller does next. Numbers are never reused.
enum class errc : std::uint16_t {
  /// An argument is outside its documented domain. Nothing persisted; correct the call.
  invalid_argument = 1,
  /// A flag, variable or option file is wrong; the text names it. Nothing was started.
  invalid_options = 2,
  /// Bytes from outside are not what their type says. Nothing persisted; find who wrote them.
  decode_failed = 3,
  /// A message type that this build does not know. Nothing persisted; deploy a build that does.
  unknown_message = 4,

  /// Nobody was reached. Nothing persisted by this call; retry it.
  unavailable = 10,
  /// A bounded queue is full. Nothing persisted by this call; slow down, then retry.
  overloaded = 11,
  /// The node asked does not own the actor's shard. Nothing persisted; routers retry by themselves.
  not_owner = 12,
  /// A message left but no answer came in time: the receiver may have acted on it. Transport
  /// level; an ask reports `outcome_unknown` instead.
  timed_out = 13,
  /// The actor cannot be brought back from its history, and the text has the offending version; or
  /// it threw too often in a row, and is left alone for a while. Nothing persisted; an operator
  /// decides, and it tries again by itself.
  quarantined = 14,
  /// This node, host or connection is stopping or was never joined. Nothing persisted.
  not_running = 15,
  /// The NATS server refused the credentials, or a subject to this user: the text names subject and
  /// permission. Nothing persisted by what was refused; an operator grants it, or corrects the
  /// call.
  not_permitted = 16,

  /// The actor's own decision, in its own words. Nothing persisted; it is an answer, not a fault.
  rejected = 20,
  /// A command handler threw. Nothing persisted; fix the handler.
  handler_failed = 21,

  /// Another writer came first, nothing of this commit is stored. Rehydrate and decide again.
  version_conflict = 30,
  /// We do not know whether it is stored. Ask again with the same command id, or read the history.
  outcome_unknown = 31,
  /// More than a commit may hold. Nothing persisted; the text names the limit.
  commit_too_large = 32,
  /// The store refused and said why. Nothing persisted; the text tells what to do.
  store_failed = 33,
  /// A stored record cannot be read: unknown format or damaged. Nothing persisted.
  corrupt_history = 34,
  /// The log ends before what was already acknowledged. Nothing persisted; an operator decides.
  stream_regressed = 35,

  /// The server lacks what was asked of it; the text names version and remedy. Nothing persisted.
  unsupported_server = 40,
  /// The cluster's shard count or message table differs; the text has the difference.
  incompatible_cluster = 41,
  /// Another live process uses this node's id. Choose another.
  node_id_in_use = 42,
};

/// The enumerator's name, e.g. `"outcome_unknown"`; `"errc(99)"`-like text is never produced:
/// a number this build does not know is `"unknown"`.
[[nodiscard]] std::string_view to_string(errc code) noexcept;

/// Why, for programs: an AETHER_MESSAGE, encoded. `reason_of` reads it.
struct error_reason {
  std::string wire_name;
  bytes data;
  friend bool operator==(const error_reason&, const error_reason&) = default;
};

/// An error as a value: a code to branch on and a sentence that says what failed, why, and what to
/// do. A rejection may also carry a typed reason. Cheap to move, safe to copy between threads.
class [[nodiscard]] error {
 public:
  error(errc code, std::string text) : code_{code}, text_{std::move(text)} {}
  error(errc code, std::string text, error_reason reason)
      : code_{code},
        text_{std::move(text)},
        reason_{std::make_shared<const error_reason>(std::move(reason))} {}

  [[nodiscard]] errc code() const noexcept { return code_; }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

  /// Null where there is none, as with most errors.
  [[nodiscard]] const error_reason* reason() const noexcept { return reason_.get(); }

  /// `"<code name>: <text>"`, for logs and terminals.
  [[nodiscard]] std::string message() const;

  /// True where repeating the very same call may help and can do no harm.
  [[nodiscard]] bool transient() const noexcept {
    return code_ == errc::unavailable || code_ == errc::overloaded || code_ == errc::not_owner;
  }

  friend bool operator==(const error& a, const error& b) {
    const bool same_reason =
        a.reason_ && b.reason_ ? *a.reason_ == *b.reason_ : a.reason_ == b.reason_;
    return a.code_ == b.code_ && a.text_ == b.text_ && same_reason;
  }

 private:
  errc code_;
  std::string text_;
  std::shared_ptr<const error_reason> reason_;
};

template <class T>
using result = std::expected<T, error>;

/// Shorthand for `std::unexpected(error{code, text})`.
[[nodiscard]] inline std::unexpected<error> fail(errc code, std::string text) {
  return std::unexpected(error{code, std::move(text)});
}

/// A broken invariant of our own: prints `what` and the place, then aborts. Never reachable from
/// input; on in every build.
[[noreturn]] void assertion_failed(const char* what, const char* file, int line) noexcept;

}  // namespace aether

#define AETHER_ASSERT(condition)                       \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::aether::assertion_failed(#condition, __FILE__, __LINE__))
