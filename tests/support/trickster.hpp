#pragma once

#include <aether/actors/event_sourced_actor.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// An actor that misbehaves on demand: throws in each of its functions, writes as much as it is
/// told.
namespace trick {

struct tally {
  std::uint64_t events = 0;
  AETHER_MESSAGE("trick.tally", events)
};
struct text {
  std::string content;
  AETHER_MESSAGE("trick.text", content)
};
/// Persists `count` events of `size` bytes each, and replies with `reply_size` bytes.
struct write {
  std::uint64_t count = 1;
  std::uint64_t size = 1;
  std::uint64_t reply_size = 0;
  using reply = text;
  AETHER_MESSAGE("trick.write", count, size, reply_size)
};
struct count {
  using reply = tally;
  AETHER_MESSAGE("trick.count")
};
/// Persists one event and has no reply.
struct note {
  AETHER_MESSAGE("trick.note")
};
/// Neither persists nor replies.
struct ignore {
  AETHER_MESSAGE("trick.ignore")
};
enum class place : std::uint8_t { nowhere, on, apply, reply };
struct blow_up {
  place where = place::nowhere;
  using reply = tally;
  AETHER_MESSAGE("trick.blow_up", where)
};
struct written {
  std::string content;
  AETHER_MESSAGE("trick.written", content)
};
struct blown_up {
  AETHER_MESSAGE("trick.blown_up")
};

class trickster : public aether::event_sourced_actor<trickster> {
 public:
  static constexpr std::string_view type_name = "trickster";
  static constexpr auto snapshots = aether::snapshot_policy::every(10);
  static constexpr std::uint32_t state_schema = 3;
  static constexpr std::size_t command_window = 8;
  using state = tally;
  using commands = aether::messages<write, count, note, ignore, blow_up>;
  using events = aether::messages<written, blown_up>;

  static aether::effect<text> on(const write& command, const state&) {
    const std::vector<written> all(command.count, written{std::string(command.size, 'x')});
    return persist_all(all).reply(text{std::string(command.reply_size, 'r')});
  }
  static aether::effect<tally> on(const count&, const state& now) { return reply(now); }
  static aether::effect<void> on(const note&, const state&) { return persist(written{"note"}); }
  static aether::effect<void> on(const ignore&, const state&) { return none(); }
  static aether::effect<tally> on(const blow_up& command, const state& now) {
    if (command.where == place::on) throw std::runtime_error{"boom in on"};
    if (command.where == place::apply) return persist(blown_up{}).reply(now);
    return persist(written{"about to reply"}).reply([](const state&) -> tally {
      throw std::runtime_error{"boom in reply"};
    });
  }

  static void apply(state& now, const written&) { ++now.events; }
  static void apply(state&, const blown_up&) { throw std::runtime_error{"boom in apply"}; }
};

}  // namespace trick
