#pragma once

#include <aether/actors/testing_stage.hpp>
#include <aether/runtime/describe.hpp>

#include <chrono>
#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

/// Tests an actor's decisions with no runtime behind them: no threads, no stores, no NATS.
///
///     aether::testing::given<account>(deposited{50})
///         .when(withdraw{80})
///         .then_rejected("insufficient funds");
///
/// An expectation that does not hold throws `expectation_failed` with expected and found, in words;
/// any test framework reports it. Messages are compared by their encoded fields. docs/testing.md
/// is the guide.
///
/// What happens is what the runtime does: commands, events, replies, what is told to others, and
/// the state itself go through their codecs, so that what an AETHER_MESSAGE does not carry is
/// missing in a test too. Without being asked to, each step also fails where
/// - a message does not come back from its encoding as it was: with the same bytes, and equal where
///   its type has an `==`;
/// - `apply` is not deterministic: all events so far, applied to an empty state, do not make the
///   same state again;
/// - events applied as they were persisted, or to a state that was read back from a snapshot, make
///   another state than the same events read back from history;
/// - a decision changes the state; a side effect throws.
namespace aether::testing {

using aether::describe;

/// An actor with a history, and what came of the commands that it was given. Each member but the
/// constructors returns the scenario itself, so that a story can be told in one expression, or step
/// by step. Not thread-safe.
template <class Actor>
class scenario {
 public:
  using state = typename Actor::state;
  using wall_time = command_context::wall_time;

  /// @param make makes the object under test, now and after each restart.
  /// @throws std::bad_expected_access where `id` is no actor id.
  template <std::copy_constructible Factory>
    requires std::same_as<std::invoke_result_t<const Factory&>, Actor>
  explicit scenario(Factory make, std::string_view id = "test")
      : stage_{std::make_unique<detail::stage>(detail::subject_of<Actor>(std::move(make)), id)} {}
  /// @param actor the object under test; after a restart, a copy of what it is now.
  explicit scenario(Actor actor,
                    std::string_view id = "test") requires std::copy_constructible<Actor>
      : scenario{[actor = std::move(actor)] { return actor; }, id} {}

  /// @name Given.
  /// @{

  /// Adds events, of today or retired, to the history: encoded, read back and applied, as by a
  /// replay.
  template <message... Events>
  scenario& and_event(const Events&... events) {
    static_assert(((Actor::events::template contains<Events> ||
                    retired_events_of<Actor>::type::template contains<Events>)&&...),
                  "given: this event is in neither `events` nor `retired_events` of the actor");
    std::vector<any_message> all;
    (all.push_back(any_message::of<Events>(events)), ...);
    stage_->add_history(std::move(all));
    return *this;
  }
  /// As after a crash: another actor object, whose state is read back from the history. Timers,
  /// deferred commands and answers that it waited for are gone.
  scenario& restart() {
    return did([](auto& on) { on.restart(false); });
  }
  /// The same, its state read back from a snapshot of it.
  scenario& restart_from_snapshot() {
    return did([](auto& on) { on.restart(true); });
  }

  /// What `command_context::now()` says from now on; at first 1970-01-01. Sets off no timer.
  scenario& at(wall_time now) {
    return did([&](auto& on) { on.set_time(now); });
  }
  /// The sender of the next `when`'s command.
  /// @throws std::bad_expected_access where `id` is no actor id.
  template <class Other>
  scenario& from(std::string_view id) {
    return did([&](auto& on) { on.set_sender(Other::type_name, id); });
  }
  /// What the next `when`'s command is sent on behalf of.
  scenario& on_behalf_of(command_id story) {
    return did([&](auto& on) { on.set_correlation(story); });
  }

  /// @}
  /// @name When.
  /// @{

  /// Decides `command`, applies its events, adds them to the history and runs the side effects.
  /// Then it decides what follows from that: commands that the actor told itself, and those that it
  /// had deferred, again after each event; see `then_decided`. The expectations that follow are
  /// about `command`. Commands have the ids 1, 2, ...
  template <message Command>
  scenario& when(const Command& command) {
    check<Command>();
    return did([&](auto& on) { on.when(any_message::of<Command>(command)); });
  }
  /// Lets time pass, for `now()` and for timers: those that fall due send their commands, in order;
  /// `then_decided` has what became of them.
  scenario& advance(std::chrono::nanoseconds by) {
    return did([&](auto& on) { on.advance(by); });
  }

  /// @}
  /// @name Then, of the command: `when`'s, or that of the `then_decided` before.
  /// @{

  /// Exactly these events were persisted, in this order.
  template <message... Events>
  scenario& then_persisted(const Events&... events) {
    return did([&](auto& on) { on.expect_persisted({detail::write(events)...}); });
  }
  scenario& then_persisted_nothing() {
    return did([](auto& on) { on.expect_persisted_nothing(); });
  }
  template <message Reply>
  scenario& then_replied(const Reply& expected) {
    return did([&](auto& on) { on.expect_replied(detail::write(expected)); });
  }
  /// Rejected with exactly this text; nothing persisted.
  scenario& then_rejected(std::string_view reason) {
    return did([&](auto& on) { on.expect_rejected(reason); });
  }
  /// Rejected with this reason, as `aether::reason_of` reads it; nothing persisted.
  template <message Reason>
  scenario& then_rejected(const Reason& reason) {
    return did([&](auto& on) { on.expect_rejected(detail::write(reason)); });
  }
  /// Answered with this error: `handler_failed` when a handler or an `apply` threw, `overloaded`
  /// when too much is deferred, `commit_too_large`.
  scenario& then_failed(errc code) {
    return did([&](auto& on) { on.expect_failed(code); });
  }
  scenario& then_deferred() {
    return did([](auto& on) { on.expect_deferred(); });
  }
  /// It left memory; the next command meets another object with the state read back.
  scenario& then_stopped() {
    return did([](auto& on) { on.expect_stopped(); });
  }
  /// The state once the command's events were applied; where no command is looked at, as after
  /// `given`, `restart` and `advance`, the state now.
  scenario& then_state(const state& expected) {
    return did([&](auto& on) { on.expect_state(detail::write(expected)); });
  }

  /// @}
  /// @name Then, of its side effects, in any order. Each that happened meets one expectation.
  /// @{

  template <class Other, message Command>
  scenario& then_told(std::string_view id, const Command& command) {
    check<Command, Other>();
    return did([&](auto& on) { on.expect_told(address<Other>(id), detail::write(command)); });
  }
  /// A question that has no answer yet can be named again, after later commands too.
  template <class Other, message Command>
  scenario& then_asked(std::string_view id, const Command& command) {
    check<Command, Other>();
    return did([&](auto& on) {
      on.expect_asked(address<Other>(id), detail::write(command),
                      detail::type_or_none<reply_of<Command>>());
    });
  }
  /// Answers the question of the `then_asked` before: what was to happen with the answer happens,
  /// and what the actor sends itself then is decided. Time alone answers no question: give the
  /// error instead (`outcome_unknown`, `unavailable`).
  template <message Reply>
  scenario& answered(const Reply& reply) {
    return did([&](auto& on) { on.answer(any_message::of<Reply>(reply)); });
  }
  scenario& answered(error why) {
    return did([&](auto& on) { on.answer(std::unexpected(std::move(why))); });
  }
  /// The answer to a command without a `reply`.
  scenario& answered() {
    return did([](auto& on) { on.answer(any_message{}); });
  }
  /// It sent itself `command`, which is decided by now; not the command of an answer or a timer.
  template <message Command>
  scenario& then_told_itself(const Command& command) {
    check<Command>();
    return did([&](auto& on) { on.expect_told_itself(detail::write(command)); });
  }
  /// It started this timer; `advance` sets it off.
  template <message Command>
  scenario& then_timer(std::string_view name, std::chrono::milliseconds delay,
                       const Command& command) {
    check<Command>();
    return did([&](auto& on) { on.expect_timer(name, delay, detail::write(command)); });
  }
  scenario& then_timer_cancelled(std::string_view name) {
    return did([&](auto& on) { on.expect_timer_cancelled(name); });
  }
  /// It gave `aether::in_caf` work, which is not run here: test that with an `actor_host`.
  scenario& then_used_caf() {
    return did([](auto& on) { on.expect_caf(); });
  }
  /// None besides those that met an expectation already. What `.then` does to other objects is not
  /// seen here.
  scenario& then_no_side_effects() {
    return did([](auto& on) { on.expect_no_side_effects(); });
  }

  /// @}
  /// @name Then, of what followed from the latest `when` or `advance` and the answers given since.
  /// @{

  /// The next command that was decided: a deferred one again, one that the actor told itself, a
  /// timer's, an answer's. The expectations that follow are about it.
  template <message Command>
  scenario& then_decided(const Command& command) {
    check<Command>();
    return did([&](auto& on) { on.expect_decided(detail::write(command)); });
  }
  scenario& then_decided_nothing_more() {
    return did([](auto& on) { on.expect_decided_nothing_more(); });
  }

  /// @}

 private:
  template <class Command, class Other = Actor>
  static constexpr void check() {
    static_assert(Other::commands::template contains<Command>,
                  "this command is not listed in the actor's `commands`");
  }
  template <class Other>
  static std::string address(std::string_view id) {
    return std::string{Other::type_name} + '/' + std::string{id};
  }
  scenario& did(auto&& what) {
    what(*stage_);
    return *this;
  }

  std::unique_ptr<detail::stage> stage_;
};

/// A default-constructed `Actor`, with the id "test", whose history is `events`.
template <class Actor, message... Events>
[[nodiscard]] scenario<Actor> given(const Events&... events) {
  scenario<Actor> made{[] { return Actor{}; }};
  made.and_event(events...);
  return made;
}

}  // namespace aether::testing
