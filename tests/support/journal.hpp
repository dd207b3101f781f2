#pragma once

#include <aether/actors/event_sourced_actor.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

/// An actor that notes what it is told, and whether each sender's notes came in order.
namespace journal {

struct entries {
  /// The number of the last note of each sender.
  std::map<std::string, std::int64_t> last;
  std::int64_t count = 0;
  /// Notes that did not follow the one before of their sender.
  std::int64_t astray = 0;
  AETHER_MESSAGE("journal.entries", last, count, astray)
};
struct note {
  std::string sender;
  /// 1, 2 ... of each sender.
  std::int64_t number = 0;
  using reply = entries;
  AETHER_MESSAGE("journal.note", sender, number)
};
struct read {
  using reply = entries;
  AETHER_MESSAGE("journal.read")
};
struct noted {
  std::string sender;
  std::int64_t number = 0;
  AETHER_MESSAGE("journal.noted", sender, number)
};

class book : public aether::event_sourced_actor<book> {
 public:
  static constexpr std::string_view type_name = "book";
  using state = entries;
  using commands = aether::messages<note, read>;
  using events = aether::messages<noted>;

  static aether::effect<entries> on(const note& command, const state&) {
    return persist(noted{command.sender, command.number}).reply([](const state& now) {
      return now;
    });
  }
  static aether::effect<entries> on(const read&, const state& now) { return reply(now); }

  static void apply(state& now, const noted& event) {
    auto& last = now.last[event.sender];
    if (event.number != last + 1) ++now.astray;
    last = event.number;
    ++now.count;
  }
};

}  // namespace journal
