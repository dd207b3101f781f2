#pragma once

#include <aether/runtime/any_message.hpp>
#include <aether/runtime/error.hpp>

#include <concepts>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace aether {

namespace detail {

/// An event together with the actor's own way to apply it.
struct event_to_persist {
  any_message event;
  void (*apply)(void* state, const void* event);
};

/// What a decision comes to, with the types erased.
struct decision {
  std::vector<event_to_persist> events;
  std::optional<error> rejection;
  /// Makes the reply from the state after the events were applied; empty when there is none.
  std::move_only_function<any_message(const void* state)> reply;
};

/// A decision whose reply is made of type `Reply`.
template <class Reply>
struct [[nodiscard("an effect does nothing until the handler returns it")]] answering {
  decision made;
};

struct [[nodiscard("an effect does nothing until the handler returns it")]] rejecting {
  decision made;
};

struct [[nodiscard("an effect does nothing until the handler returns it")]] doing_nothing {
  decision made;
};

/// Events of `Actor`, so far without a reply.
template <class Actor>
struct [[nodiscard("an effect does nothing until the handler returns it")]] persisting {
  decision made;

  /// Replies with `what`: a value, or a function of the state as it is once the events are applied.
  /// It leaves after the events are stored, never before.
  template <class What>
  auto reply(What what)&& {
    using state = typename Actor::state;
    if constexpr (std::invocable<What&, const state&>) {
      using made_of = std::invoke_result_t<What&, const state&>;
      static_assert(message<made_of>, "reply: the function returns no AETHER_MESSAGE");
      made.reply = [what = std::move(what)](const void* now) mutable {
        return any_message::of<made_of>(what(*static_cast<const state*>(now)));
      };
      return answering<made_of>{std::move(made)};
    } else {
      static_assert(message<What>,
                    "reply: give an AETHER_MESSAGE or a function of `const state&` to one");
      made.reply = [what = std::move(what)](const void*) mutable {
        return any_message::of<What>(std::move(what));
      };
      return answering<What>{std::move(made)};
    }
  }
};

}  // namespace detail

/// What should happen, as a value: the result of deciding a command. Made by the verbs of
/// `event_sourced_actor`: `persist(...)`, `persist(...).reply(...)`, `reply(...)`, `reject(...)`,
/// `none()`. `Reply` is the command's `reply`, or void; an effect with the wrong reply, or without
/// the one it owes, does not compile.
template <class Reply>
class [[nodiscard("an effect does nothing until the handler returns it")]] effect {
 public:
  template <class Other>
  effect(detail::answering<Other> from) : made_{std::move(from.made)} {
    static_assert(!std::is_void_v<Reply>,
                  "this command has no `reply` type, so its effect must not reply");
    static_assert(std::is_same_v<Other, Reply>, "the reply is not the command's `reply` type");
  }
  template <class Actor>
  effect(detail::persisting<Actor> from) : made_{std::move(from.made)} {
    static_assert(std::is_void_v<Reply>,
                  "this command has a `reply` type: end with persist(...).reply(...)");
  }
  effect(detail::rejecting from) : made_{std::move(from.made)} {}
  effect(detail::doing_nothing from) : made_{std::move(from.made)} {
    static_assert(std::is_void_v<Reply>,
                  "this command has a `reply` type: use reply(...) instead of none()");
  }

  /// For the runtime: the erased decision.
  [[nodiscard]] detail::decision release()&& { return std::move(made_); }

 private:
  detail::decision made_;
};

}  // namespace aether
