#pragma once

#include <aether/actors/durable.hpp>
#include <aether/runtime/any_message.hpp>
#include <aether/runtime/ids.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <utility>
#include <variant>

namespace aether {

/// Where the actor's history ended when it answered; 0 both where the answer does not say.
struct reply_mark {
  event_version version;
  stream_sequence sequence;
  friend bool operator==(const reply_mark&, const reply_mark&) = default;
};

/// An answer on its way: nothing, a typed message (same process), or an encoded one.
struct any_reply : std::variant<std::monostate, any_message, bytes> {
  using variant::variant;
  reply_mark mark{};
};

/// Takes the answer of one command; called exactly once, from any thread; never blocks.
using reply_sink = std::move_only_function<void(result<any_reply>)>;

/// One command on its way to an actor.
struct envelope {
  command_id id;
  /// What it is sent on behalf of; nil when it begins a story of its own.
  command_id correlation;
  /// True when the same id may have been sent before. Each earlier copy should have been answered,
  /// or have a deadline that has passed: a copy that is decided long after a newer one, when the
  /// actor has forgotten the id, would have a second effect.
  bool repeated = false;
  /// Of a command that only reads: it may be answered from what the actor has in memory, though
  /// another owner may have gone on meanwhile. Without meaning for any other.
  bool stale_read = false;
  /// When nobody waits for the answer any more, or the next copy is sent: it is not decided after.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  any_message command;
  /// Empty for a tell.
  reply_sink answer{};
  /// The actor that sends it; null when it comes from elsewhere.
  std::shared_ptr<const actor_address> sender{};
};

struct dead_letter;

/// Carries commands to actors, wherever they are. Thread-safe.
class command_router {
 public:
  virtual ~command_router() = default;
  /// At most once. An error says that it was not sent; success does not say that it arrived: what
  /// is lost later is a dead letter where it is lost.
  /// @errors `overloaded`, `unavailable`, `not_running`: not sent.
  virtual result<void> tell(const actor_address& to, envelope command) = 0;
  /// `command.answer` is called exactly once, by `command.deadline` or shortly after.
  virtual void ask(const actor_address& to, envelope command) = 0;
  /// Stores the command until its actor has decided it; `done` is called exactly once, when it is
  /// stored or not. Only a node can.
  /// @errors (to `done`) `invalid_argument`: nobody here can, or an option is outside its domain.
  ///         `unavailable`, `overloaded`, `not_running`: not stored. `outcome_unknown`: no
  ///         acknowledgement came; send it again with the same id.
  virtual void send(const actor_address& to, envelope command, const durable_options& how,
                    receipt_sink done);
  /// Tells of a command that was refused when nobody looked: it counts as a dead letter, where
  /// there are any.
  virtual void lost(const dead_letter& letter) { (void)letter; }
};

inline void command_router::send(const actor_address&, envelope, const durable_options&,
                                 receipt_sink done) {
  done(fail(errc::invalid_argument, "durable sends need a node; an actor_host alone has no queue"));
}

namespace detail {

/// A sink that keeps the promise of exactly one call: dropped unanswered, as when a host is stopped
/// by force, it says `outcome_unknown`.
template <class Handler>
class answer_once {
 public:
  explicit answer_once(Handler handler) : handler_{std::move(handler)} {}
  answer_once(answer_once&& other) noexcept
      : handler_{std::move(other.handler_)}, owed_{std::exchange(other.owed_, false)} {}
  ~answer_once() {
    if (!owed_) return;
    try {
      handler_(fail(errc::outcome_unknown, "it was dropped before it was answered"));
    } catch (...) {  // nobody is left to tell
    }
  }
  void operator()(result<any_reply> answer) {
    if (std::exchange(owed_, false)) handler_(std::move(answer));
  }

 private:
  Handler handler_;
  bool owed_ = true;
};

}  // namespace detail

/// Makes a typed value of an answer.
/// @errors `decode_failed`: the answer is not a `Reply`.
template <class Reply>
[[nodiscard]] result<Reply> take_reply(result<any_reply> from) {
  if (!from) return std::unexpected(std::move(from).error());
  if constexpr (std::is_void_v<Reply>) {
    return {};
  } else {
    if (auto* typed = std::get_if<any_message>(&*from))
      if (auto* value = typed->template get_if<Reply>()) return std::move(*value);
    if (const auto* encoded = std::get_if<bytes>(&*from)) return decode<Reply>(*encoded);
    return fail(errc::decode_failed, "the answer is not a " + std::string{Reply::aether_wire_name});
  }
}

}  // namespace aether
