#pragma once

#include <aether/persistence/commit.hpp>
#include <aether/runtime/any_message.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace aether {

/// The events that `Actor` can read and does not write any more; none where it declares none.
template <class Actor>
struct retired_events_of {
  using type = messages<>;
};
template <class Actor>
  requires requires { typename Actor::retired_events; }
struct retired_events_of<Actor> {
  using type = typename Actor::retired_events;
};

namespace detail {

/// What an `upcast` may return: the event types in it, and each of its events in order.
template <class Result>
struct upcast_result {
  static constexpr bool valid = false;
  using types = messages<>;
};
template <>
struct upcast_result<void> {
  static constexpr bool valid = true;
  using types = messages<>;
};
template <message Event>
struct upcast_result<Event> {
  static constexpr bool valid = true;
  using types = messages<Event>;
  static void for_each(Event& made, auto&& to) { to(made); }
};
template <message Event>
struct upcast_result<std::optional<Event>> {
  static constexpr bool valid = true;
  using types = messages<Event>;
  static void for_each(std::optional<Event>& made, auto&& to) {
    if (made) to(*made);
  }
};
template <message... Events>
struct upcast_result<std::tuple<Events...>> {
  static constexpr bool valid = true;
  using types = messages<Events...>;
  static void for_each(std::tuple<Events...>& made, auto&& to) {
    std::apply([&](auto&... event) { (to(event), ...); }, made);
  }
};
template <message Event>
struct upcast_result<std::vector<Event>> {
  static constexpr bool valid = true;
  using types = messages<Event>;
  static void for_each(std::vector<Event>& made, auto&& to) {
    for (auto& event : made) to(event);
  }
};

template <class Actor, class Old>
concept upcasts = requires(const Old& old) {
  Actor::upcast(old);
};

/// What `Actor::upcast` makes of an `Old`; of one without an `upcast`, nothing valid.
template <class Actor, class Old>
struct upcast_of : upcast_result<int> {};
template <class Actor, class Old>
  requires upcasts<Actor, Old>
struct upcast_of<Actor, Old> : upcast_result<decltype(Actor::upcast(std::declval<const Old&>()))> {
};

/// Every event in `From` is in `Events` or in `Retired`.
template <class Events, class Retired, class From>
inline constexpr bool all_known = false;
template <class Events, class Retired, message... From>
inline constexpr bool all_known<Events, Retired, messages<From...>> =
    ((Events::template contains<From> || Retired::template contains<From>)&&...);

/// For each retired event, whether it is among those made.
template <message... Retired, message... Made>
constexpr std::array<bool, sizeof...(Retired)> leads_to(messages<Retired...>, messages<Made...>) {
  return {messages<Made...>::template contains<Retired>...};
}

/// No retired event comes back as itself, directly or by way of others (Warshall's closure).
template <class Actor, message... Retired>
constexpr bool upcasts_end([[maybe_unused]] messages<Retired...> all) {
  constexpr std::size_t count = sizeof...(Retired);
  std::array<std::array<bool, count>, count> leads{
      leads_to(all, typename upcast_of<Actor, Retired>::types{})...};
  for (std::size_t by = 0; by < count; ++by)
    for (std::size_t from = 0; from < count; ++from)
      for (std::size_t to = 0; to < count; ++to)
        leads[from][to] = leads[from][to] || (leads[from][by] && leads[by][to]);
  for (std::size_t i = 0; i < count; ++i)
    if (leads[i][i]) return false;
  return true;
}

/// Names that begin so are the runtime's own.
[[nodiscard]] constexpr bool is_reserved(std::string_view wire_name) noexcept {
  return wire_name.starts_with(reserved_names);
}

}  // namespace detail

/// Reads stored events of `Actor` as the events that it has today: an event in its `events` as
/// itself, one in its `retired_events` as what the actor's `upcast` makes of it (and of that, until
/// only events of today are left), the runtime's own marks (`skipped_event`, `skip_marker`) as
/// none. Needs no actor. Stateless; any thread.
template <class Actor>
class event_reader {
 public:
  using events = typename Actor::events;
  using retired = typename retired_events_of<Actor>::type;

  /// Hands each event that `record` stands for to `to`, in order, as an `Event&` that may be moved
  /// from. What `to` throws comes through.
  /// @errors `unknown_message`: neither list has that name. `decode_failed`. `handler_failed`: an
  ///         `upcast` threw. `to` may have got some events before.
  template <class To>
  static result<void> each(const event_record& record, To&& to) {
    result<void> done;
    if (take(record, to, done, events{}) || take(record, to, done, retired{})) return done;
    if (record.type == skipped_event || record.type == skip_marker) return {};
    return fail(errc::unknown_message,
                "event type '" + record.type + "' is not known to this build");
  }

  /// The same as a list, usually of one event, in which nothing is an event of the past.
  /// @errors as `each`; `handler_failed` also: the event's own code threw.
  [[nodiscard]] static result<std::vector<any_message>> read(const event_record& record) {
    try {
      std::vector<any_message> all;
      auto done = each(record, [&]<message Event>(Event& event) {
        all.push_back(any_message::of<Event>(std::move(event)));
      });
      if (!done) return std::unexpected(std::move(done).error());
      return all;
    } catch (const std::exception& thrown) {
      return fail(errc::handler_failed, "reading '" + record.type + "' threw: " + thrown.what());
    } catch (...) {
      return fail(errc::handler_failed, "reading '" + record.type + "' threw");
    }
  }

 private:
  template <class To, message... Events>
  static bool take([[maybe_unused]] const event_record& record, [[maybe_unused]] To& to,
                   [[maybe_unused]] result<void>& done, messages<Events...>) {
    return (take_if<Events>(record, to, done) || ...);
  }

  template <message Event, class To>
  static bool take_if(const event_record& record, To& to, result<void>& done) {
    if (record.type != Event::aether_wire_name) return false;
    auto typed = decode<Event>(record.data);
    if (typed)
      hand_on(*typed, to, done);
    else
      done = std::unexpected(std::move(typed).error());
    return true;
  }

  template <message Event, class To>
  static void hand_on(Event& event, To& to, result<void>& done) {
    if constexpr (events::template contains<Event>)
      to(event);
    else if constexpr (retired::template contains<Event> && detail::upcasts<Actor, Event>)
      upcast(std::as_const(event), to, done);
  }

  template <message Old, class To>
  static void upcast(const Old& old, To& to, result<void>& done) {
    using made_type = decltype(Actor::upcast(old));
    auto made = guarded<made_type>(old);
    if (!made) {
      done = std::unexpected(std::move(made).error());
    } else if constexpr (!std::is_void_v<made_type> && detail::upcast_result<made_type>::valid) {
      detail::upcast_result<made_type>::for_each(*made, [&](auto& next) {
        if (done) hand_on(next, to, done);
      });
    }
  }

  template <class Made, message Old>
  static result<Made> guarded(const Old& old) {
    const auto threw = [](const std::string& what) {
      return fail(errc::handler_failed,
                  "the upcast of '" + std::string{Old::aether_wire_name} + "' threw" + what);
    };
    try {
      if constexpr (std::is_void_v<Made>) {
        Actor::upcast(old);
        return {};
      } else {
        return Actor::upcast(old);
      }
    } catch (const std::exception& thrown) {
      return threw(std::string{": "} + thrown.what());
    } catch (...) {
      return threw("");
    }
  }
};

}  // namespace aether
