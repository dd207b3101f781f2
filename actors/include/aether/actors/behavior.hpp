#pragma once

#include <aether/actors/event_reader.hpp>
#include <aether/actors/event_sourced_actor.hpp>
#include <aether/actors/snapshot_policy.hpp>
#include <aether/persistence/commit.hpp>
#include <aether/runtime/any_message.hpp>
#include <aether/runtime/ids.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string_view>
#include <vector>

namespace aether {

/// What the runtime must know of an actor type without its C++ type. One object per type.
struct actor_traits {
  actor_type type;
  std::vector<const message_type*> commands;
  std::vector<const message_type*> events;
  /// Read and upcast, never written.
  std::vector<const message_type*> retired_events;
  std::string_view state_type;
  std::uint32_t state_schema;
  snapshot_policy snapshots;
  std::size_t command_window;
  std::size_t deferred_max;
  failure_policy on_failure;
  bool singleton;
  /// Those of `commands` that only read.
  std::vector<const message_type*> read_only;

  /// The command of that wire name, or nullptr.
  [[nodiscard]] const message_type* find_command(std::string_view wire_name) const noexcept {
    for (const auto* known : commands)
      if (known->wire_name == wire_name) return known;
    return nullptr;
  }
  /// Whether the command only reads.
  [[nodiscard]] bool only_reads(const any_message& command) const noexcept {
    return std::ranges::find(read_only, &command.type()) != read_only.end();
  }
};

/// One actor's state and handlers behind an interface: what `model` makes of a user's class. Not
/// thread-safe. Handlers' exceptions become errors; `reset` and `encode_state` may throw what the
/// state's own code throws.
class behavior {
 public:
  virtual ~behavior() = default;
  /// Back to the state of an actor without events.
  virtual void reset() = 0;
  /// @errors `unknown_message`: not one of the actor's commands. `handler_failed`: `on` threw.
  virtual result<detail::decision> decide(const any_message& command,
                                          const command_context& context) = 0;
  /// From now on events are applied that are not stored yet: what is, is kept for `look`.
  virtual void begin_tentative() = 0;
  /// They are stored now, or will be read back.
  virtual void end_tentative() noexcept = 0;
  /// Decides a command that only reads, and makes its reply, from what is stored.
  /// @errors as of `decide`, and what the handler rejects it with.
  virtual result<any_message> look(const any_message& command, const command_context& context) = 0;
  /// The 0..n events that a stored one stands for today, in order; applies none.
  /// @errors `unknown_message`: its type, which the text names, is not one of the actor's.
  ///         `decode_failed`. `handler_failed`: an `upcast` threw.
  [[nodiscard]] virtual result<std::vector<any_message>> read(const event_record& event) const = 0;
  /// Applies what a stored event stands for today.
  /// @errors as `read`, and `handler_failed`: `apply` threw; the state is now unusable.
  virtual result<void> replay(const event_record& event) = 0;
  /// Asks the actor's own `take_snapshot`; false where it has none.
  /// @errors `handler_failed`: it threw.
  [[nodiscard]] virtual result<bool> wants_snapshot(std::uint64_t events_since) const = 0;
  [[nodiscard]] virtual void* state() noexcept = 0;
  /// About how many bytes of memory actor and state take.
  [[nodiscard]] virtual std::size_t footprint() const noexcept = 0;
  virtual void encode_state(bytes& out) const = 0;
  /// @errors `decode_failed`, `handler_failed`: the state is now unusable.
  virtual result<void> decode_state(bytes_view data) = 0;
};

/// Makes one actor's behaviour; the address outlives it. May throw what the actor's constructor
/// does.
using behavior_factory = std::function<std::unique_ptr<behavior>(const actor_address& self)>;

/// Turns a user's actor class into a `behavior`, and checks it with readable errors.
template <class Actor>
class model final : public behavior {
 public:
  using state_type = typename Actor::state;

  model(Actor actor, const actor_address& self) : actor_{std::move(actor)} {
    actor_.aether_bind(self);
  }

  void reset() override {
    state_ = state_type{};
    stored_.reset();
  }

  result<detail::decision> decide(const any_message& command,
                                  const command_context& context) override {
    return decide_as(command, state_, context, typename Actor::commands{});
  }

  void begin_tentative() override {
    if constexpr (reads_only(typename Actor::commands{})) {
      static_assert(std::is_copy_constructible_v<state_type>,
                    "the `state` of an actor with a read_only_effect can be copied");
      if (!stored_) stored_ = std::make_unique<state_type>(state_);
    }
  }
  void end_tentative() noexcept override { stored_.reset(); }

  result<any_message> look(const any_message& command, const command_context& context) override {
    const state_type& seen = stored_ ? *stored_ : state_;
    auto made = decide_as(command, seen, context, typename Actor::commands{});
    if (!made) return std::unexpected(std::move(made).error());
    if (made->rejection) return std::unexpected(std::move(*made->rejection));
    try {
      return made->reply(&seen);
    } catch (...) {
      return fail(errc::handler_failed, "making the reply threw");
    }
  }

  [[nodiscard]] result<std::vector<any_message>> read(const event_record& event) const override {
    return event_reader<Actor>::read(event);
  }

  result<void> replay(const event_record& event) override {
    try {
      return event_reader<Actor>::each(event, [this]<message Event>(const Event& typed) {
        if constexpr (has_apply<Event>) Actor::apply(state_, typed);
      });
    } catch (const std::exception& thrown) {
      return fail(errc::handler_failed, std::string{"apply threw: "} + thrown.what());
    } catch (...) {
      return fail(errc::handler_failed, "apply threw");
    }
  }

  [[nodiscard]] result<bool> wants_snapshot(
      [[maybe_unused]] std::uint64_t events_since) const override {
    if constexpr (has_take_snapshot) {
      try {
        return Actor::take_snapshot(state_, events_since);
      } catch (const std::exception& thrown) {
        return fail(errc::handler_failed, std::string{"take_snapshot threw: "} + thrown.what());
      } catch (...) {
        return fail(errc::handler_failed, "take_snapshot threw");
      }
    }
    return false;
  }

  [[nodiscard]] void* state() noexcept override { return &state_; }
  [[nodiscard]] std::size_t footprint() const noexcept override {
    return sizeof(*this) + aether::footprint(state_) - sizeof(state_);
  }
  void encode_state(bytes& out) const override { encode_to(out, state_); }

  result<void> decode_state(bytes_view data) override {
    try {
      auto decoded_state = decode<state_type>(data);
      if (!decoded_state) return std::unexpected(std::move(decoded_state).error());
      state_ = std::move(*decoded_state);
      return {};
    } catch (...) {
      return fail(errc::handler_failed, "decoding the state threw");
    }
  }

  [[nodiscard]] static const actor_traits& traits() {
    static const actor_traits made =
        make_traits(typename Actor::commands{}, typename Actor::events{}, retired{});
    return made;
  }

 private:
  using retired = typename retired_events_of<Actor>::type;

  template <class... Commands, class... Events, class... Retired>
  static actor_traits make_traits(messages<Commands...>, messages<Events...> events,
                                  messages<Retired...> retired_events) {
    static_assert(std::is_base_of_v<event_sourced_actor<Actor>, Actor>,
                  "an actor derives publicly from aether::event_sourced_actor<itself>");
    static_assert(actor_type::allows(Actor::type_name),
                  "the actor's `type_name` has 1-64 characters of [A-Za-z0-9_-]");
    static_assert(message<state_type>, "the actor's `state` is an AETHER_MESSAGE");
    static_assert(Actor::command_window > 0, "an actor's `command_window` is at least 1");
    static_assert(distinct({Commands::aether_wire_name...}),
                  "two commands in the actor's `commands` have the same wire name");
    static_assert(
        (has_on<Commands> && ...),
        "a command in the actor's `commands` has no on(const Command&, const state&) that "
        "returns aether::effect<Command::reply> (effect<void> without a `reply`)");
    static_assert(std::is_same_v<decltype(Actor::on_failure), const failure_policy>,
                  "the actor's `on_failure` is a static constexpr aether::failure_policy");
    static_assert(std::is_same_v<decltype(Actor::snapshots), const snapshot_policy>,
                  "the actor's `snapshots` is a static constexpr aether::snapshot_policy");
    static_assert(std::is_same_v<decltype(Actor::singleton), const bool>,
                  "the actor's `singleton` is a static constexpr bool");
    static_assert(has_take_snapshot || !names_take_snapshot,
                  "the actor's `take_snapshot` is no static bool take_snapshot(const state&, "
                  "std::uint64_t events_since)");
    check_events(events, retired_events);
    std::vector<const message_type*> read_only;
    ((has_look<Commands> ? read_only.push_back(&message_type_of<Commands>()) : void()), ...);
    return {actor_type::parse(Actor::type_name).value(),
            {&message_type_of<Commands>()...},
            {&message_type_of<Events>()...},
            {&message_type_of<Retired>()...},
            state_type::aether_wire_name,
            Actor::state_schema,
            Actor::snapshots,
            Actor::command_window,
            Actor::deferred_max,
            Actor::on_failure,
            Actor::singleton,
            std::move(read_only)};
  }

  template <class... Events, class... Retired>
  static constexpr void check_events(messages<Events...>, messages<Retired...>) {
    static_assert(distinct({Events::aether_wire_name...}),
                  "two events in the actor's `events` have the same wire name");
    static_assert(distinct({Events::aether_wire_name..., Retired::aether_wire_name...}),
                  "an event in the actor's `retired_events` has the wire name of another event");
    static_assert(!(detail::is_reserved(Events::aether_wire_name) || ...) &&
                      !(detail::is_reserved(Retired::aether_wire_name) || ...),
                  "wire names of events that begin with \"aether.\" are the runtime's own");
    static_assert((has_apply<Events> && ...),
                  "an event in the actor's `events` has no static apply(state&, const Event&)");
    static_assert((detail::upcasts<Actor, Retired> && ...),
                  "an event in the actor's `retired_events` has no static upcast(const Event&)");
    static_assert(
        (detail::upcast_of<Actor, Retired>::valid && ...),
        "an `upcast` returns an event, a std::optional, std::vector or std::tuple of events, or "
        "void");
    static_assert(
        (detail::all_known<messages<Events...>, retired,
                           typename detail::upcast_of<Actor, Retired>::types> &&
         ...),
        "an `upcast` makes an event that is in neither `events` nor `retired_events` of the actor");
    static_assert(detail::upcasts_end<Actor>(messages<Retired...>{}),
                  "the actor's upcasts go in a circle: an event would be upcast for ever");
  }

  static constexpr bool distinct(std::initializer_list<std::string_view> names) {
    for (auto it = names.begin(); it != names.end(); ++it)
      if (std::find(names.begin(), it, *it) != it) return false;
    return true;
  }

  template <class Event>
  static constexpr bool has_apply = requires(state_type& s, const Event& e) {
    Actor::apply(s, e);
  };
  // With the context, or without.
  template <class Command, class Effect>
  static constexpr bool plain_on = requires(Actor& a, const Command& c, const state_type& s) {
    { a.on(c, s) } -> std::same_as<Effect>;
  };
  template <class Command, class Effect>
  static constexpr bool context_on = requires(Actor& a, const Command& c, const state_type& s,
                                              const command_context& x) {
    { a.on(c, s, x) } -> std::same_as<Effect>;
  };
  template <class Command, class Effect>
  static constexpr bool returns = plain_on<Command, Effect> || context_on<Command, Effect>;
  template <class Command>
  static constexpr bool has_look = returns<Command, read_only_effect<reply_of<Command>>>;
  template <class Command>
  static constexpr bool has_on = returns<Command, effect<reply_of<Command>>> || has_look<Command>;

  template <class... Commands>
  static constexpr bool reads_only(messages<Commands...>) {
    return (has_look<Commands> || ...);
  }

  static constexpr bool has_take_snapshot = requires(const state_type& s) {
    { Actor::take_snapshot(s, std::uint64_t{}) } -> std::same_as<bool>;
  };
  static constexpr bool names_take_snapshot = requires { &Actor::take_snapshot; };

  template <class... Commands>
  result<detail::decision> decide_as(const any_message& command, const state_type& seen,
                                     const command_context& context, messages<Commands...>) {
    try {
      detail::decision made;
      if ((decide_if<Commands>(command, seen, context, made) || ...)) return made;
    } catch (const std::exception& thrown) {
      return fail(errc::handler_failed, std::string{"the command handler threw: "} + thrown.what());
    } catch (...) {
      return fail(errc::handler_failed, "the command handler threw");
    }
    return fail(errc::unknown_message, "not a command of this actor");
  }

  template <class Command>
  bool decide_if(const any_message& command, const state_type& seen, const command_context& context,
                 detail::decision& made) {
    const auto* typed = command.get_if<Command>();
    if (typed == nullptr) return false;
    if constexpr (requires { actor_.on(*typed, seen, context); })
      made = actor_.on(*typed, seen, context).release();
    else if constexpr (has_on<Command>)
      made = actor_.on(*typed, seen).release();
    return true;
  }

  Actor actor_;
  state_type state_{};
  /// What is stored, while `state_` is ahead of it and somebody may look.
  std::unique_ptr<state_type> stored_;
};

}  // namespace aether
