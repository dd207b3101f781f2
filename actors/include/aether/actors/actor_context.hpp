#pragma once

#include <aether/actors/actor_ref.hpp>
#include <aether/actors/command.hpp>
#include <aether/actors/command_context.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace caf {
class event_based_actor;
}  // namespace caf

namespace aether {

namespace detail {

/// What an actor's side effects reach; behind it stands a host, or a test. Used within a side
/// effect only, except for what `self_sender` returns.
class effect_runtime {
 public:
  using to_self = std::function<void(envelope)>;
  using caf_work = std::move_only_function<void(caf::event_based_actor&)>;

  virtual ~effect_runtime() = default;
  [[nodiscard]] virtual command_router& router() noexcept = 0;
  [[nodiscard]] virtual std::shared_ptr<const actor_address> self() = 0;
  /// Sends to this actor, from any thread and at any time, even where its mailbox is full. What
  /// cannot be delivered is a dead letter.
  [[nodiscard]] virtual to_self self_sender() = 0;
  virtual void start_timer(std::string name, std::chrono::milliseconds delay, envelope command) = 0;
  virtual void cancel_timer(std::string_view name) = 0;
  virtual void in_caf(caf_work work) = 0;
};

}  // namespace detail

/// The longest delay of a timer.
inline constexpr std::chrono::milliseconds timer_max = std::chrono::hours{24 * 365};

/// What a side effect, the argument of an effect's `.then(...)`, has to act with. It is there for
/// the time of the call; what outlives the call is what was copied out of it.
///
///     return persist(ordered{command.item}).then([item = command.item](auto& self) {
///       self.ask(self.template actor<stock>(item), reserve{1}, 2s, [](aether::result<reserved>
///       got) {
///         return got ? confirm{} : cancel{got.error().text()};   // a command to itself
///       });
///     }).reply(accepted{});
///
/// Everything it does is at most once and lost in a crash: a process that must go on after one
/// reads from its own state what is still to be done (docs/effects.md).
template <class Actor>
class actor_context : public command_context {
 public:
  actor_context(const command_context& known, detail::effect_runtime& with)
      : command_context{known}, with_{&with} {}

  /// Another actor, or this one, by id. What is sent through it names this actor as its sender and
  /// continues the story of this command.
  template <class Other>
  [[nodiscard]] actor_ref<Other> actor(std::string_view id) const {
    static const actor_type type = actor_type::parse(Other::type_name).value();
    return actor_ref<Other>{with_->router(), type, id}
        .on_behalf_of(correlation())
        .sent_by(with_->self());
  }

  /// Sends itself a command, behind those that wait already; never `overloaded`.
  template <message Command>
  void tell_self(Command command) const {
    check<Command>();
    with_->self_sender()(wrap(correlation(), with_->self(), std::move(command)));
  }

  /// Asks without waiting: `then` gets the answer, as `actor_ref::ask` does, and returns the
  /// command that this actor is to decide next; or void.
  /// @param then called once, on any thread of the runtime, apart from this actor's handlers: it
  ///        captures by value and touches nothing of the actor. What it throws is logged.
  template <class Other, message Command, class Then>
    requires std::invocable<Then&, result<reply_of<Command>>>
  void ask(const actor_ref<Other>& whom, Command command, std::chrono::milliseconds timeout,
           Then then) const {
    whom.ask(std::move(command), timeout,
             [to_self = with_->self_sender(), story = correlation(), self = with_->self(),
              then = std::move(then)](result<reply_of<Command>> answer) mutable {
               using next = std::invoke_result_t<Then&, result<reply_of<Command>>>;
               if constexpr (std::is_void_v<next>) {
                 then(std::move(answer));
               } else {
                 check<next>();
                 to_self(wrap(story, self, then(std::move(answer))));
               }
             });
  }

  /// Sends itself `command` after `delay`, unless it has left memory by then; of two timers of one
  /// name the later counts. While a timer runs, the actor counts as idle all the same: it may leave
  /// memory, and its timers with it.
  /// @param delay 0 or less: soon; at most `timer_max`, longer ones are cut to it.
  template <message Command>
  void start_timer(std::string_view name, std::chrono::milliseconds delay, Command command) const {
    check<Command>();
    with_->start_timer(std::string{name}, delay,
                       wrap(correlation(), with_->self(), std::move(command)));
  }
  /// Does nothing when there is none of that name, or it has gone off.
  void cancel_timer(std::string_view name) const { with_->cancel_timer(name); }

  /// For `aether/actors/caf.hpp`.
  [[nodiscard]] detail::effect_runtime& runtime() const noexcept { return *with_; }

 private:
  template <class Command>
  static constexpr void check() {
    static_assert(message<Command> && Actor::commands::template contains<Command>,
                  "what an actor sends itself is listed in its `commands`");
  }

  template <class Command>
  static envelope wrap(const command_id& story, std::shared_ptr<const actor_address> self,
                       Command command) {
    envelope made;
    made.id = command_id::make();
    made.correlation = story;
    made.command = any_message::of<Command>(std::move(command));
    made.sender = std::move(self);
    return made;
  }

  detail::effect_runtime* with_;
};

}  // namespace aether
