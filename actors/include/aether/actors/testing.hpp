#pragma once

#include <aether/actors/behavior.hpp>
#include <aether/runtime/describe.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Tests an actor's decisions with no runtime behind them: no threads, no stores, no NATS.
///
///     aether::testing::given<account>(deposited{50})
///         .when(withdraw{80})
///         .then_rejected("insufficient funds");
///
/// An expectation that does not hold throws `expectation_failed` with expected and found, in words;
/// any test framework reports it. Messages are compared by their encoded fields.
namespace aether::testing {

struct expectation_failed : std::logic_error {
  using std::logic_error::logic_error;
};

using aether::describe;

namespace detail {

struct written {
  std::string type;
  bytes data;
  friend bool operator==(const written&, const written&) = default;
};

[[nodiscard]] std::string describe_all(const std::vector<written>& events);
[[noreturn]] void failed(std::string_view what, const std::string& expected,
                         const std::string& found);

template <message T>
[[nodiscard]] written write(const T& value) {
  return {std::string{T::aether_wire_name}, encode(value)};
}

template <message State>
void expect_state(const State& expected, const State& found) {
  const auto wanted = write(expected);
  const auto is = write(found);
  if (wanted != is) failed("state", describe(wanted.type, wanted.data), describe(is.type, is.data));
}

}  // namespace detail

/// What a command came to. Each `then_` checks one thing and can be chained.
template <class Actor>
class outcome {
 public:
  using state = typename Actor::state;

  /// Exactly these events were persisted, in this order.
  template <message... Events>
  const outcome& then_persisted(const Events&... events) const {
    const std::vector<detail::written> expected{detail::write(events)...};
    if (failure_) detail::failed("events", detail::describe_all(expected), failure_->message());
    if (expected != events_)
      detail::failed("events", detail::describe_all(expected), detail::describe_all(events_));
    return *this;
  }

  const outcome& then_persisted_nothing() const {
    if (!events_.empty()) detail::failed("events", "none", detail::describe_all(events_));
    return *this;
  }

  /// The reply's fields are those of `expected`.
  template <message Reply>
  const outcome& then_replied(const Reply& expected) const {
    const auto wanted = detail::write(expected);
    const auto words = describe(wanted.type, wanted.data);
    if (failure_) detail::failed("reply", words, failure_->message());
    if (reply_.empty()) detail::failed("reply", words, "none");
    if (reply_.front() != wanted)
      detail::failed("reply", words, describe(reply_.front().type, reply_.front().data));
    return *this;
  }

  /// Rejected with exactly this reason; nothing persisted.
  const outcome& then_rejected(std::string_view reason) const {
    const std::string wanted = "rejected: " + std::string{reason};
    if (!failure_)
      detail::failed("outcome", wanted, "accepted, with events " + detail::describe_all(events_));
    if (failure_->code() != errc::rejected || failure_->text() != reason)
      detail::failed("outcome", wanted, failure_->message());
    return *this;
  }

  /// The state after the events were applied.
  const outcome& then_state(const state& expected) const {
    detail::expect_state(expected, state_);
    return *this;
  }

 private:
  template <class>
  friend class scenario;
  std::vector<detail::written> events_;
  std::vector<detail::written> reply_;
  std::shared_ptr<const error> failure_;
  state state_{};
};

/// An actor with a history.
template <class Actor>
class scenario {
 public:
  using state = typename Actor::state;

  /// @param actor the object under test, when it needs more than a default constructor.
  explicit scenario(Actor actor, actor_id id)
      : self_{std::make_unique<actor_address>(
            actor_address{model<Actor>::traits().type, std::move(id)})},
        model_{std::make_unique<model<Actor>>(std::move(actor), *self_)} {}

  /// Adds an event, of today or retired, to the history: encoded, read back and applied, as by a
  /// replay.
  template <message Event>
  scenario& and_event(const Event& event) {
    static_assert(Actor::events::template contains<Event> ||
                      retired_events_of<Actor>::type::template contains<Event>,
                  "given: this event is in neither `events` nor `retired_events` of the actor");
    const auto stored = detail::write(event);
    if (auto done = model_->replay({stored.type, stored.data}); !done)
      detail::failed("history", describe(stored.type, stored.data), done.error().message());
    return *this;
  }

  /// The state after the history so far.
  scenario& then_state(const state& expected) {
    detail::expect_state(expected, state_now());
    return *this;
  }

  /// Decides `command` and applies its events.
  template <message Command>
  [[nodiscard]] outcome<Actor> when(const Command& command) {
    static_assert(Actor::commands::template contains<Command>,
                  "when: this command is not listed in the actor's `commands`");
    outcome<Actor> out;
    auto made = model_->decide(any_message::of<Command>(command), command_context{*self_, {}});
    if (!made || made->rejection) {
      out.failure_ = std::make_shared<const error>(made ? *made->rejection : made.error());
    } else {
      for (const auto& next : made->events) {
        next.apply(model_->state(), next.event.object());
        out.events_.push_back(write(next.event));
      }
      if (made->reply) out.reply_.push_back(write(made->reply(model_->state())));
    }
    out.state_ = state_now();
    return out;
  }

 private:
  [[nodiscard]] const state& state_now() const {
    return *static_cast<const state*>(model_->state());
  }
  static detail::written write(const any_message& value) {
    detail::written made{std::string{value.type().wire_name}, {}};
    value.encode_to(made.data);
    return made;
  }

  std::unique_ptr<actor_address> self_;
  std::unique_ptr<model<Actor>> model_;
};

/// A default-constructed `Actor`, with the id "test", whose history is `events`.
template <class Actor, message... Events>
[[nodiscard]] scenario<Actor> given(const Events&... events) {
  scenario<Actor> made{Actor{}, *actor_id::parse("test")};
  (made.and_event(events), ...);
  return made;
}

}  // namespace aether::testing
