#pragma once

#include <aether/actors/actor_context.hpp>
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

using side_effect = std::move_only_function<void(effect_runtime&, const command_context&)>;

/// What a decision comes to, with the types erased.
struct decision {
  std::vector<event_to_persist> events;
  std::optional<error> rejection;
  /// Makes the reply from the state after the events were applied; empty when there is none.
  std::move_only_function<any_message(const void* state)> reply;
  /// Run in this order once the events are stored.
  std::vector<side_effect> after;
  /// The actor leaves memory afterwards.
  bool stops = false;
  /// Nothing is decided yet: again after the next stored event.
  bool defers = false;
};

/// Adds a side effect: `what(actor_context<Actor>&)`, or `what()`.
template <class Actor, class What>
void add_side_effect(decision& to, What what) {
  static_assert(std::invocable<What&, actor_context<Actor>&> || std::invocable<What&>,
                "then: give a function of `aether::actor_context<your actor>&`, or of nothing");
  to.after.push_back(
      [what = std::move(what)](effect_runtime& with, const command_context& known) mutable {
        if constexpr (std::invocable<What&, actor_context<Actor>&>) {
          actor_context<Actor> context{known, with};
          what(context);
        } else {
          what();
        }
      });
}

#define AETHER_DETAIL_NODISCARD [[nodiscard("an effect does nothing until the handler returns it")]]

/// A decision whose reply is of type `Reply` (void: none), with what comes after it.
template <class Actor, class Reply>
struct AETHER_DETAIL_NODISCARD acting {
  decision made;

  /// Then calls `what`, after the reply has left: `what(aether::actor_context<Actor>&)` or
  /// `what()`. At most once for events that are stored: not on replay, not for a repeated command,
  /// and not when the commit was not stored. Where nothing is persisted, a repeated command is
  /// decided again, and so is what comes after. What it throws is logged, and meets the actor's
  /// `failure_policy`.
  template <class What>
  acting then(What what) && {
    add_side_effect<Actor>(made, std::move(what));
    return std::move(*this);
  }
  /// Then the actor leaves memory, as by passivation; what waits for it goes to its next
  /// incarnation.
  acting stop() && {
    made.stops = true;
    return std::move(*this);
  }
};

/// A reply, and nothing else.
template <class Actor, class Reply>
struct AETHER_DETAIL_NODISCARD answering {
  decision made;

  /// As of `acting`.
  template <class What>
  acting<Actor, Reply> then(What what) && {
    return acting<Actor, Reply>{std::move(made)}.then(std::move(what));
  }
  acting<Actor, Reply> stop() && { return acting<Actor, Reply>{std::move(made)}.stop(); }
};

struct AETHER_DETAIL_NODISCARD rejecting {
  decision made;
};

struct AETHER_DETAIL_NODISCARD deferring {
  decision made;
};

template <class Actor>
struct AETHER_DETAIL_NODISCARD doing_nothing {
  decision made;

  /// As of `acting`.
  template <class What>
  acting<Actor, void> then(What what) && {
    return acting<Actor, void>{std::move(made)}.then(std::move(what));
  }
  acting<Actor, void> stop() && { return acting<Actor, void>{std::move(made)}.stop(); }
};

/// Events of `Actor`, so far without a reply.
template <class Actor>
struct AETHER_DETAIL_NODISCARD persisting {
  decision made;

  /// As of `acting`.
  template <class What>
  persisting then(What what) && {
    add_side_effect<Actor>(made, std::move(what));
    return std::move(*this);
  }
  persisting stop() && {
    made.stops = true;
    return std::move(*this);
  }

  /// Replies with `what`: a value, or a function of the state as it is once the events are applied.
  /// It leaves after the events are stored, never before.
  template <class What>
  auto reply(What what) && {
    using state = typename Actor::state;
    if constexpr (std::invocable<What&, const state&>) {
      using made_of = std::invoke_result_t<What&, const state&>;
      static_assert(message<made_of>, "reply: the function returns no AETHER_MESSAGE");
      made.reply = [what = std::move(what)](const void* now) mutable {
        return any_message::of<made_of>(what(*static_cast<const state*>(now)));
      };
      return acting<Actor, made_of>{std::move(made)};
    } else {
      static_assert(message<What>,
                    "reply: give an AETHER_MESSAGE or a function of `const state&` to one");
      made.reply = [what = std::move(what)](const void*) mutable {
        return any_message::of<What>(std::move(what));
      };
      return acting<Actor, What>{std::move(made)};
    }
  }
};

}  // namespace detail

/// What should happen, as a value: the result of deciding a command. Made by the verbs of
/// `event_sourced_actor`: `persist(...)`, `persist(...).reply(...)`, `reply(...)`, `reject(...)`,
/// `defer()`, `none()`, each but the rejection and the deferral with `.then(...)` and `.stop()`
/// behind it. `Reply` is the command's `reply`, or void; an effect with the wrong reply, or without
/// the one it owes, does not compile.
template <class Reply>
class AETHER_DETAIL_NODISCARD effect {
 public:
  template <class Actor, class Other>
  effect(detail::acting<Actor, Other> from) : made_{std::move(from.made)} {
    check<Other>();
  }
  template <class Actor, class Other>
  effect(detail::answering<Actor, Other> from) : made_{std::move(from.made)} {
    check<Other>();
  }
  template <class Actor>
  effect(detail::persisting<Actor> from) : made_{std::move(from.made)} {
    static_assert(std::is_void_v<Reply>,
                  "this command has a `reply` type: end with persist(...).reply(...)");
  }
  effect(detail::rejecting from) : made_{std::move(from.made)} {}
  effect(detail::deferring from) : made_{std::move(from.made)} {}
  template <class Actor>
  effect(detail::doing_nothing<Actor> from) : made_{std::move(from.made)} {
    static_assert(std::is_void_v<Reply>,
                  "this command has a `reply` type: use reply(...) instead of none()");
  }

  /// For the runtime: the erased decision.
  [[nodiscard]] detail::decision release() && { return std::move(made_); }

 private:
  template <class Other>
  static constexpr void check() {
    static_assert(!std::is_void_v<Reply> || std::is_void_v<Other>,
                  "this command has no `reply` type, so its effect must not reply");
    static_assert(std::is_void_v<Reply> || !std::is_void_v<Other>,
                  "this command has a `reply` type: use reply(...) instead of none()");
    static_assert(std::is_void_v<Reply> || std::is_void_v<Other> || std::is_same_v<Other, Reply>,
                  "the reply is not the command's `reply` type");
  }

  detail::decision made_;
};

/// The result of a handler that only reads: `reply(...)` or `reject(...)`, nothing else compiles.
/// Such a command does not wait for events on their way to the store: it is answered at once, from
/// what is stored, ahead of commands that its sender may have sent before. (One that is to see
/// those returns an `effect` and waits its turn.) While events are on their way the actor keeps a
/// copy of its state for it.
template <class Reply>
class AETHER_DETAIL_NODISCARD read_only_effect {
 public:
  template <class Actor, class Other>
  read_only_effect(detail::answering<Actor, Other> from) : made_{std::move(from.made)} {
    static_assert(std::is_same_v<Other, Reply>, "the reply is not the command's `reply` type");
  }
  read_only_effect(detail::rejecting from) : made_{std::move(from.made)} {}
  template <class Actor, class Other>
  read_only_effect(detail::acting<Actor, Other>) {
    refuse<Actor>();
  }
  template <class Actor>
  read_only_effect(detail::persisting<Actor>) {
    refuse<Actor>();
  }
  template <class Actor>
  read_only_effect(detail::doing_nothing<Actor>) {
    refuse<Actor>();
  }

  /// For the runtime: the erased decision.
  [[nodiscard]] detail::decision release() && { return std::move(made_); }

 private:
  template <class Actor>
  static constexpr void refuse() {
    static_assert(!sizeof(Actor), "a read_only_effect is reply(...) or reject(...), nothing else");
  }

  detail::decision made_;
};

#undef AETHER_DETAIL_NODISCARD

}  // namespace aether
