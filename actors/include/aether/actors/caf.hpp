#pragma once

#include <aether/actors/actor_context.hpp>
#include <aether/actors/actor_ref.hpp>
#include <aether/actors/behavior.hpp>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/error.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/make_message.hpp>
#include <caf/send.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

/// For programs that have CAF actors of their own: an entity as an ordinary `caf::actor`, and CAF
/// from within an entity's side effects. The one public header that includes CAF.
///
/// Every AETHER_MESSAGE can be sent between CAF actors of one process; CAF's own serialisation and
/// remoting do not carry it, Aether's routers do.
template <aether::message T>
struct caf::allowed_unsafe_message_type<T> : std::true_type {};

namespace aether {

/// An error as CAF actors pass it on: category `aether`, the code's number, the text.
[[nodiscard]] caf::error to_caf_error(const error& why);
/// Back from `to_caf_error`, without a typed reason; none for an error of another origin.
[[nodiscard]] std::optional<error> from_caf_error(const caf::error& why);

namespace detail {

/// Answers a CAF request from whatever thread the answer comes on.
class caf_answer {
 public:
  explicit caf_answer(caf::event_based_actor& self)
      : from_{caf::actor_cast<caf::strong_actor_ptr>(&self)},
        to_{self.current_sender()},
        id_{self.take_current_message_id()} {}

  void operator()(caf::message with) const;
  [[nodiscard]] bool is_wanted() const noexcept { return id_.is_request() && to_ != nullptr; }

 private:
  caf::strong_actor_ptr from_;
  caf::strong_actor_ptr to_;
  caf::message_id id_;
};

template <class Actor>
class caf_entity final : public caf::event_based_actor {
 public:
  caf_entity(caf::actor_config& config, actor_ref<Actor> to, std::chrono::milliseconds timeout)
      : caf::event_based_actor{config}, to_{std::move(to)}, timeout_{timeout} {}
  caf::behavior make_behavior() override { return make(typename Actor::commands{}); }
  const char* name() const override { return "aether.entity_handle"; }

 private:
  template <class... Commands>
  caf::behavior make(messages<Commands...>) {
    return {[this](const Commands& command) { pass_on(command); }...};
  }

  template <class Command>
  void pass_on(const Command& command) {
    caf_answer answer{*this};
    if (!answer.is_wanted()) return to_.post(command);
    to_.ask(command, timeout_, [answer](result<aether::reply_of<Command>> got) {
      if (!got)
        answer(caf::make_message(to_caf_error(got.error())));
      else if constexpr (std::is_void_v<aether::reply_of<Command>>)
        answer(caf::message{});
      else
        answer(caf::make_message(std::move(*got)));
    });
  }

  actor_ref<Actor> to_;
  std::chrono::milliseconds timeout_;
};

}  // namespace detail

/// An ordinary handle to an entity, wherever that lives: a small actor of `system` that takes each
/// of the entity's commands. `send` is a tell, a dead letter where that is refused; `request` is
/// answered with the command's reply
/// (`caf::unit_t` for none), or with an error (`from_caf_error`); a command's id is made anew for
/// each. Lives as long as somebody holds it; it is not the entity: to monitor or to end it says
/// nothing of that.
///
///     caf::actor alice = aether::caf_actor(system, node.actor<account>("alice"));
///     self->request(alice, 2s, deposit{100}).then([](const balance& now) { ... });
///
/// @param system outlives it, and the node the asks that it has under way.
/// @param timeout what its asks wait at most: no shorter than the requests' own.
template <class Actor>
[[nodiscard]] caf::actor caf_actor(caf::actor_system& system, actor_ref<Actor> to,
                                   std::chrono::milliseconds timeout = std::chrono::seconds{30}) {
  return system.spawn<detail::caf_entity<Actor>>(std::move(to), timeout);
}

/// From a side effect (`.then(...)`): runs `work` in the entity's companion, a CAF actor that is
/// made when it is first wanted and ends (`exit_reason::user_shutdown`) when the entity leaves
/// memory. There it may do what CAF actors do: send, request, spawn and link children, monitor, set
/// timers. It must not `become` something else: later work would not reach it. The companion runs
/// apart from the entity's handlers: it captures by value, and speaks to the entity by commands.
///
///     persist(ordered{}).then([](aether::actor_context<order>& self) {
///       aether::in_caf(self, [me = self.actor<order>(self.self().id.str())](auto& companion) {
///         companion.request(printer, 5s, print{}).then([me](const printed&) {
///         (void)me.tell(note{}); });
///       });
///     });
///
/// @param work called once with a `caf::event_based_actor&`; not at all when the entity leaves
///        first, or the companion ends. What it throws is logged. What a continuation throws ends
///        the companion; the next `in_caf` makes another.
template <class Actor, class Work>
  requires std::invocable<Work&, caf::event_based_actor&>
void in_caf(const actor_context<Actor>& self, Work work) {
  self.runtime().in_caf(
      [work = std::move(work)](caf::event_based_actor& companion) mutable { work(companion); });
}

}  // namespace aether
