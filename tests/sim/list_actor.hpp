#pragma once

#include <aether/actors/event_sourced_actor.hpp>

#include <cstdint>
#include <string_view>

/// The actor of the simulation: a list to which unique numbers are appended. Its state is how many
/// there are and a digest of them in order, so a reply says exactly which beginning of the log it
/// was made from.
namespace aether::sim {

/// A list after its first `count` numbers.
struct list {
  std::uint64_t count = 0;
  std::uint64_t digest = 0;
  AETHER_MESSAGE("sim.list", count, digest)
  friend bool operator==(const list&, const list&) = default;
};

[[nodiscard]] constexpr list with(const list& before, std::uint64_t number) noexcept {
  std::uint64_t mixed = (before.digest ^ number) * 0x9E3779B97F4A7C15U;
  mixed ^= mixed >> 32;
  return {before.count + 1, mixed + before.count};
}

struct append {
  std::uint64_t number = 0;
  using reply = list;
  AETHER_MESSAGE("sim.append", number)
};
/// Rejected unless the list has `count` numbers.
struct append_after {
  std::uint64_t number = 0;
  std::uint64_t count = 0;
  using reply = list;
  AETHER_MESSAGE("sim.append_after", number, count)
};
/// And then leaves memory.
struct append_and_stop {
  std::uint64_t number = 0;
  using reply = list;
  AETHER_MESSAGE("sim.append_and_stop", number)
};
/// In its turn, behind what was sent before.
struct look {
  using reply = list;
  AETHER_MESSAGE("sim.look")
};
/// At once, from what is stored.
struct peek {
  using reply = list;
  AETHER_MESSAGE("sim.peek")
};
struct appended {
  std::uint64_t number = 0;
  AETHER_MESSAGE("sim.appended", number)
};

enum class list_kind { roomy, narrow, busy };

/// The narrow one remembers few commands and takes many snapshots, the busy one only does the
/// latter.
template <list_kind Kind>
class list_actor : public event_sourced_actor<list_actor<Kind>> {
 public:
  static constexpr bool narrow = Kind == list_kind::narrow;
  static constexpr std::string_view type_name = narrow                     ? "narrow"
                                                : Kind == list_kind::roomy ? "roomy"
                                                                           : "busy";
  static constexpr auto snapshots = snapshot_policy::every(Kind == list_kind::roomy ? 20 : 5);
  static constexpr std::size_t command_window = narrow ? 8 : 1024;
  using state = list;
  using commands = messages<append, append_after, append_and_stop, look, peek>;
  using events = messages<appended>;

  static effect<list> on(const append& command, const list&) {
    return list_actor::persist(appended{command.number}).reply(&now);
  }
  static effect<list> on(const append_after& command, const list& current) {
    if (current.count != command.count) return list_actor::reject(current);
    return list_actor::persist(appended{command.number}).reply(&now);
  }
  static effect<list> on(const append_and_stop& command, const list&) {
    return list_actor::persist(appended{command.number}).reply(&now).stop();
  }
  static effect<list> on(const look&, const list& current) { return list_actor::reply(current); }
  static read_only_effect<list> on(const peek&, const list& current) {
    return list_actor::reply(current);
  }
  static void apply(list& current, const appended& event) { current = with(current, event.number); }

 private:
  static list now(const list& current) { return current; }
};

}  // namespace aether::sim
