#pragma once

#include <aether/actors/event_sourced_actor.hpp>
#include <aether/runtime/codec.hpp>

#include <array>
#include <cstdint>

/// The actor that is measured: the smallest that decides and persists.
namespace aether::perf {

struct count {
  std::int64_t value = 0;
  AETHER_MESSAGE("perf.count", value)
};

struct add {
  std::int64_t by = 0;
  AETHER_MESSAGE("perf.add", by)
};

struct read_count {
  using reply = count;
  AETHER_MESSAGE("perf.read_count")
};

struct added {
  std::int64_t by = 0;
  AETHER_MESSAGE("perf.added", by)
};

class counter : public event_sourced_actor<counter> {
 public:
  static constexpr std::string_view type_name = "counter";
  using state = count;
  using commands = messages<add, read_count>;
  using events = messages<added>;

  effect<void> on(const add& command, const state&) { return persist(added{command.by}); }
  effect<count> on(const read_count&, const state& now) { return reply(now); }
  static void apply(state& now, const added& event) { now.value += event.by; }
};

/// A counter that always comes back from all of its events.
class replayer : public event_sourced_actor<replayer> {
 public:
  static constexpr std::string_view type_name = "replayer";
  static constexpr auto snapshots = snapshot_policy::never();
  using state = count;
  using commands = messages<add, read_count>;
  using events = messages<added>;

  effect<void> on(const add& command, const state&) { return persist(added{command.by}); }
  effect<count> on(const read_count&, const state& now) { return reply(now); }
  static void apply(state& now, const added& event) { now.value += event.by; }
};

/// A state of 64 bytes.
struct eight_numbers {
  std::array<std::int64_t, 8> values{};
  AETHER_MESSAGE("perf.eight_numbers", values)
};

class idler : public event_sourced_actor<idler> {
 public:
  static constexpr std::string_view type_name = "idler";
  using state = eight_numbers;
  using commands = messages<add>;
  using events = messages<added>;

  effect<void> on(const add& command, const state&) { return persist(added{command.by}); }
  static void apply(state& now, const added& event) { now.values[0] += event.by; }
};

}  // namespace aether::perf
