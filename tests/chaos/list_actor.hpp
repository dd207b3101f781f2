#pragma once

#include <aether/actors/event_sourced_actor.hpp>
#include <aether/runtime/message.hpp>

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

namespace aether::chaos {

/// A whole list, in its order.
struct list_state {
  std::vector<std::int64_t> numbers;
  AETHER_MESSAGE("chaos.list", numbers)
};

// Commands; each is answered with the whole list.
struct append_number {
  std::int64_t value = 0;
  using reply = list_state;
  AETHER_MESSAGE("chaos.append", value)
};
/// Waits its turn.
struct read_list {
  using reply = list_state;
  AETHER_MESSAGE("chaos.read")
};
/// Is answered during an append, from what is stored.
struct peek_list {
  using reply = list_state;
  AETHER_MESSAGE("chaos.peek")
};

struct number_appended {
  std::int64_t value = 0;
  AETHER_MESSAGE("chaos.appended", value)
};

/// A list of numbers that only grows, and refuses nothing: whether a number is in it twice is for
/// the checker to say.
class list_actor : public event_sourced_actor<list_actor> {
 public:
  static constexpr std::string_view type_name = "list";
  using state = list_state;
  using commands = messages<append_number, read_list, peek_list>;
  using events = messages<number_appended>;
  /// Often, so that recoveries from snapshots are common.
  static constexpr auto snapshots = snapshot_policy::every(20);

  effect<list_state> on(const append_number& command, const state&) {
    return persist(number_appended{command.value}).reply([](const state& now) { return now; });
  }
  effect<list_state> on(const read_list&, const state& now) { return reply(now); }
  read_only_effect<list_state> on(const peek_list&, const state& now) { return reply(now); }

  static void apply(state& now, const number_appended& event) {
    now.numbers.push_back(event.value);
  }
};

}  // namespace aether::chaos
