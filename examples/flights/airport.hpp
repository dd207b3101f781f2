#pragma once

#include <aether/actors/event_sourced_actor.hpp>
#include <aether/runtime/message.hpp>

#include <cstdint>
#include <string_view>

namespace flights {

/// What one airport counts. A flight's delay and miles count at its origin, with the departure.
struct stats {
  std::int64_t departures = 0;
  std::int64_t arrivals = 0;
  std::int64_t delay_minutes = 0;
  std::int64_t distance_miles = 0;
  AETHER_MESSAGE("flights.stats", departures, arrivals, delay_minutes, distance_miles)
};

// Commands. The first two have no reply: asking them returns when what happened is stored.
struct record_departure {
  std::int32_t delay_minutes = 0;
  std::int32_t distance_miles = 0;
  AETHER_MESSAGE("flights.record_departure", delay_minutes, distance_miles)
};
struct record_arrival {
  AETHER_MESSAGE("flights.record_arrival")
};
struct get_stats {
  using reply = stats;
  AETHER_MESSAGE("flights.get_stats")
};

// Events.
struct departed {
  std::int32_t delay_minutes = 0;
  std::int32_t distance_miles = 0;
  AETHER_MESSAGE("flights.departed", delay_minutes, distance_miles)
};
struct arrived {
  AETHER_MESSAGE("flights.arrived")
};

/// An airport, addressed by its code: `node.actor<airport>("ORD")`.
class airport : public aether::event_sourced_actor<airport> {
 public:
  static constexpr std::string_view type_name = "airport";
  using state = stats;
  using commands = aether::messages<record_departure, record_arrival, get_stats>;
  using events = aether::messages<departed, arrived>;

  aether::effect<void> on(const record_departure& cmd, const stats&) {
    if (cmd.distance_miles < 0) return reject("a flight cannot be of negative length");
    return persist(departed{cmd.delay_minutes, cmd.distance_miles});
  }
  aether::effect<void> on(const record_arrival&, const stats&) { return persist(arrived{}); }
  aether::effect<stats> on(const get_stats&, const stats& now) { return reply(now); }

  static void apply(stats& now, const departed& event) {
    ++now.departures;
    now.delay_minutes += event.delay_minutes;
    now.distance_miles += event.distance_miles;
  }
  static void apply(stats& now, const arrived&) { ++now.arrivals; }
};

}  // namespace flights
