#pragma once

#include <aether/actors/effect.hpp>
#include <aether/actors/failure_policy.hpp>
#include <aether/actors/snapshot_policy.hpp>
#include <aether/runtime/describe.hpp>
#include <aether/runtime/ids.hpp>
#include <aether/runtime/message.hpp>

#include <concepts>
#include <cstdint>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace aether {

/// The one id that an actor type with `singleton = true` has.
inline constexpr std::string_view singleton_id = "singleton";

/// An actor whose state is the sum of its events. Derive, and declare:
///
///     class account : public aether::event_sourced_actor<account> {
///      public:
///       static constexpr std::string_view type_name = "account";
///       using state = balance;
///       using commands = aether::messages<deposit, get_balance>;
///       using events = aether::messages<deposited>;
///
///       aether::effect<balance> on(const deposit&, const state&);
///       aether::effect<balance> on(const get_balance&, const state&);
///
///       static void apply(state&, const deposited&);
///     };
///
/// `type_name` is `[A-Za-z0-9_-]{1,64}` and stays for ever; `state` is an AETHER_MESSAGE; each
/// command has an `on`, each event an `apply`.
///
/// `on` decides: it sees a const state and returns what should happen; it may run again for the
/// same command (after a lost race), so it changes nothing itself. An exception from it is answered
/// with `handler_failed`, and nothing is persisted. It may take a third argument, `const
/// aether::command_context&`: who asks, when, on whose behalf. One that only reads returns
/// `aether::read_only_effect<balance>` and is answered without waiting for events on their way.
/// `apply` runs now and on every replay: deterministic, no side effects, no exceptions. One that
/// throws on an event not yet stored costs its command (`handler_failed`) and restarts the actor;
/// on a stored one, it quarantines the actor.
///
/// Optional, with their defaults:
///
///     static constexpr std::uint32_t state_schema = 1;
///     static constexpr auto snapshots = aether::snapshot_policy::every(100);
///     static constexpr std::size_t command_window = 1024;
///     static constexpr std::size_t deferred_max = 100;
///     static constexpr auto on_failure = aether::failure_policy::keep;
///     static constexpr bool singleton = false;
///     using retired_events = aether::messages<>;
///
/// `state_schema`: with another number, older snapshots are ignored. `command_window`: repeated
/// commands that it recognises, at least 1. `deferred_max`: commands put off by `defer()` at one
/// time; more are answered `overloaded`. `on_failure`: see `failure_policy`. `singleton`: there is
/// one, with the id `singleton_id`; it is in memory wherever its slot is served, called or not.
/// `snapshots`: see `snapshot_policy`; unless that is `never()`, a class may also have
///
///     static bool take_snapshot(const state&, std::uint64_t events_since);
///
/// which is asked after each stored commit and takes a snapshot in addition when it says true;
/// `events_since` are the events after the newest snapshot that was tried. It is not asked while
/// one is being saved. An exception from it is reported and counts as false.
///
/// `retired_events` were written once and are only read now. Each has an `upcast` to what it means
/// today; that may be a retired event again, but not in a circle:
///
///     static deposited upcast(const deposited_v1&);
///     static std::optional<deposited> upcast(const adjusted&);
///     static std::tuple<withdrawn, charged> upcast(const withdrawn_v1&);
///     static std::vector<deposited> upcast(const deposited_many&);
///     static void upcast(const noted&);
///
/// for one event, none or one, several in this order, a run-time number, and none. It runs on every
/// reading: deterministic, no side effects, no exceptions (one makes the event unreadable). What is
/// stored never changes. Wire names of events that begin with "aether." are the runtime's own.
///
/// Threads: one at a time; never two calls at once, and each sees all that came before.
template <class Derived>
class event_sourced_actor {
 public:
  static constexpr std::uint32_t state_schema = 1;
  static constexpr snapshot_policy snapshots = snapshot_policy::every(100);
  static constexpr std::size_t command_window = 1024;
  static constexpr std::size_t deferred_max = 100;
  static constexpr failure_policy on_failure = failure_policy::keep;
  static constexpr bool singleton = false;

  /// For the runtime.
  void aether_bind(const actor_address& self) noexcept { self_ = &self; }

 protected:
  /// This actor's own id.
  [[nodiscard]] const actor_id& id() const noexcept { return self_->id; }

  /// Persists one or several events, atomically and in this order, then applies them.
  template <message... Events>
    requires(sizeof...(Events) > 0)
  static detail::persisting<Derived> persist(Events... events) {
    detail::persisting<Derived> made;
    made.made.events.reserve(sizeof...(Events));
    (aether_add(made.made, std::move(events)), ...);
    return made;
  }

  /// Persists a run-time number of events of one type, at most `commit_events_max`; an empty range
  /// persists nothing.
  template <std::ranges::input_range Range>
    requires message<std::ranges::range_value_t<Range>>
  static detail::persisting<Derived> persist_all(Range&& events) {
    detail::persisting<Derived> made;
    if constexpr (std::ranges::sized_range<Range>)
      made.made.events.reserve(std::ranges::size(events));
    for (auto&& event : events) {
      // A range that is given away has its events moved, any other has them copied.
      if constexpr (std::is_lvalue_reference_v<Range> || std::ranges::borrowed_range<Range>)
        aether_add(made.made, std::ranges::range_value_t<Range>(event));
      else
        aether_add(made.made, std::ranges::range_value_t<Range>(std::move(event)));
    }
    return made;
  }

  /// Replies without persisting anything.
  template <message Reply>
  static detail::answering<Derived, Reply> reply(Reply value) {
    detail::answering<Derived, Reply> made;
    made.made.reply = [value = std::move(value)](const void*) mutable {
      return any_message::of<Reply>(std::move(value));
    };
    return made;
  }

  /// Refuses: the sender gets `errc::rejected` with `reason`; nothing is persisted.
  static detail::rejecting reject(std::string reason) {
    detail::rejecting made;
    made.made.rejection = error{errc::rejected, std::move(reason)};
    return made;
  }
  /// Refuses with a reason that a program can read: `aether::reason_of<Reason>(error)`.
  /// @param reason reaches another node when it has at most 16 KiB encoded; else only the text
  /// does.
  /// @param text for people; by default the reason's wire name and fields.
  template <message Reason>
  static detail::rejecting reject(const Reason& reason, std::string text = {}) {
    detail::rejecting made;
    error_reason coded{std::string{Reason::aether_wire_name}, encode(reason)};
    if (text.empty()) text = describe(coded.wire_name, coded.data);
    made.made.rejection = error{errc::rejected, std::move(text), std::move(coded)};
    return made;
  }

  /// Puts the command off: it is decided again after the next event of this actor is stored, before
  /// what waits then, and keeps its place among the deferred ones. Beyond `deferred_max`:
  /// `overloaded`. At its deadline: `unavailable`.
  static detail::deferring defer() {
    detail::deferring made;
    made.made.defers = true;
    return made;
  }

  /// Neither persists nor replies.
  static detail::doing_nothing<Derived> none() { return {}; }

 private:
  template <message Event>
  static void aether_add(detail::decision& made, Event event) {
    static_assert(Derived::events::template contains<Event>,
                  "persist: this event is not listed in the actor's `events`");
    constexpr bool has_apply = requires(typename Derived::state & s, const Event& e) {
      Derived::apply(s, e);
    };
    static_assert(has_apply,
                  "an event in the actor's `events` has no static "
                  "apply(state&, const Event&)");
    if constexpr (has_apply)
      made.events.push_back(
          {any_message::of<Event>(std::move(event)), [](void* state, const void* applied) {
             Derived::apply(*static_cast<typename Derived::state*>(state),
                            *static_cast<const Event*>(applied));
           }});
  }

  const actor_address* self_ = nullptr;
};

}  // namespace aether
