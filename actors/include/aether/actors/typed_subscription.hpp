#pragma once

#include <aether/actors/event_reader.hpp>
#include <aether/persistence/event_bus.hpp>
#include <aether/runtime/log.hpp>

#include <concepts>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace aether {

/// What a typed subscription is told besides its events. Empty ones: goes to the log as a warning.
struct typed_troubles {
  std::function<void(const event_gap&)> gap{};
  /// A commit that cannot be read, as in `event_handlers`; and an event that this build does not
  /// know (`unknown_message`), cannot decode (`decode_failed`), or whose `upcast` threw
  /// (`handler_failed`). Of one that is upcast to several, some may have been handled before.
  std::function<void(const event_place&, const error&)> unreadable{};
};

namespace detail {

template <class... Handlers>
struct event_overloads : Handlers... {
  explicit event_overloads(Handlers... all) : Handlers{std::move(all)}... {}
  using Handlers::operator()...;
};

template <class Handler, class Event>
inline constexpr bool handles_event = std::invocable<Handler&, const Event&> ||
                                      std::invocable<Handler&, const Event&, const bus_event&>;

template <class Handler, class Events>
inline constexpr bool handles_any_event = false;
template <class Handler, message... Events>
inline constexpr bool handles_any_event<Handler, messages<Events...>> =
    (handles_event<Handler, Events> || ...);

template <class Handler, message Event>
void handle_event(Handler& handler, const Event& event, const bus_event& where) {
  if constexpr (std::invocable<Handler&, const Event&, const bus_event&>)
    handler(event, where);
  else if constexpr (std::invocable<Handler&, const Event&>)
    handler(event);
}

inline void tell_unreadable(const typed_troubles& who, const std::string& subscription,
                            const event_place& place, const error& why) {
  if (who.unreadable) return who.unreadable(place, why);
  log::warn("bus", "unreadable",
            {{"subscription", subscription},
             {"stream", place.stream->name},
             {"sequence", place.sequence.value()},
             {"why", why.message()}});
}

}  // namespace detail

/// Shows the events of `Actor` as they are today, retired ones upcast, to the overload that takes
/// them; those that none takes are passed over.
///
///     auto sees = aether::subscribe_to<account>(
///         *node.bus(), {}, {}, {},
///         [](const deposited& event) { ... },
///         [](const withdrawn& event, const aether::bus_event& where) { ... });
///
/// @param filter its `type` is set to the actor's. `event_types` are names as stored: leave it
///        empty where events of the past may become what is wanted.
/// @param handlers function objects that take `const Event&`, and a `const bus_event&` behind it if
///        they want; run as all handlers of a subscription, and may throw as they do.
/// @errors as `event_bus::subscribe`.
template <class Actor, class... Handlers>
[[nodiscard]] result<event_subscription> subscribe_to(event_bus& bus, event_filter filter,
                                                      subscription_options options,
                                                      typed_troubles troubles,
                                                      Handlers... handlers) {
  static_assert(sizeof...(Handlers) > 0, "a subscription needs a handler");
  static_assert((detail::handles_any_event<Handlers, typename Actor::events> && ...),
                "each handler takes an event of the actor: (const Event&) or (const Event&, const "
                "aether::bus_event&)");
  auto type = actor_type::parse(Actor::type_name);
  if (!type) return std::unexpected(std::move(type).error());
  filter.type = *std::move(type);
  auto told = std::make_shared<const typed_troubles>(std::move(troubles));
  auto unreadable = [told, name = options.name](const event_place& place, const error& why) {
    detail::tell_unreadable(*told, name, place, why);
  };
  auto event = [unreadable, call = detail::event_overloads<Handlers...>{std::move(handlers)...}](
                   const bus_event& one) mutable {
    auto done = event_reader<Actor>::each(one.recorded.event, [&]<message Event>(Event& today) {
      detail::handle_event(call, std::as_const(today), one);
    });
    if (!done) unreadable(one.place, done.error());
  };
  return bus.subscribe(std::move(filter), std::move(options),
                       {std::move(event), told->gap, std::move(unreadable)});
}

}  // namespace aether
