#include "commit_rules.hpp"

#include <aether/runtime/message.hpp>

#include <algorithm>
#include <functional>
#include <string>

namespace aether {

namespace {

std::unexpected<error> invalid(std::string text) {
  return fail(errc::invalid_argument, std::move(text));
}

std::unexpected<error> too_many(std::string_view what, std::size_t have, std::size_t most) {
  return fail(errc::commit_too_large, "a commit holds at most " + std::to_string(most) + " " +
                                          std::string{what} + ", this one " + std::to_string(have));
}

result<void> check_events(const commit& next) {
  if (next.events.empty()) return invalid("a commit holds at least 1 event, this one none");
  if (next.events.size() > commit_events_max)
    return too_many("events", next.events.size(), commit_events_max);
  for (const auto& event : next.events)
    if (!detail::valid_wire_name(event.type))
      return invalid("'" + event.type + "' is no wire name of an event: 1-128 of [A-Za-z0-9._-]");
  return {};
}

result<void> check_commands(const commit& next) {
  if (next.commands.size() > commit_commands_max)
    return too_many("commands", next.commands.size(), commit_commands_max);
  std::uint64_t owned = 0;
  for (const auto& command : next.commands) {
    owned += command.events;
    if (!command.reply_type.empty() && !detail::valid_wire_name(command.reply_type))
      return invalid("'" + command.reply_type +
                     "' is no wire name of a reply: 1-128 of [A-Za-z0-9._-]");
  }
  if (owned > next.events.size())
    return invalid("the commands own " + std::to_string(owned) + " events, the commit holds " +
                   std::to_string(next.events.size()));
  return {};
}

result<void> check_place(const commit& next, const log_position& expected) {
  // A marker may follow records of which none is a commit.
  const bool marks = next.events.front().type == skip_marker;
  if ((expected.version.value() == 0) != (expected.sequence.value() == 0) &&
      !(marks && expected.version.value() == 0))
    return invalid("expected version " + std::to_string(expected.version.value()) +
                   " does not go with expected sequence " +
                   std::to_string(expected.sequence.value()) + ": both are 0 or none is");
  if (next.first.value() != expected.version.value() + 1)
    return invalid("the commit's first version is " + std::to_string(next.first.value()) +
                   ", after version " + std::to_string(expected.version.value()) + " it must be " +
                   std::to_string(expected.version.value() + 1));
  return {};
}

result<void> check_back_pointers(const commit& next, const log_position& expected) {
  const auto& all = next.back_pointers;
  if (all.empty()) return {};
  if (all.size() > commit_back_pointers_max)
    return too_many("back-pointers", all.size(), commit_back_pointers_max);
  const bool ascending =
      std::ranges::adjacent_find(all, std::ranges::greater_equal{}) == all.end() &&
      all.front().value() > 0;
  if (!ascending) return invalid("back-pointers ascend from 1 on");
  if (all.back() != expected.sequence)
    return invalid("the last back-pointer is " + std::to_string(all.back().value()) +
                   ", the commit before is at " + std::to_string(expected.sequence.value()));
  return {};
}

}  // namespace

result<void> validate(const commit& next, const log_position& expected) {
  if (next.id.is_nil()) return invalid("a commit needs an id");
  if (!next.writer.empty() && !node_id::parse(next.writer))
    return invalid("'" + next.writer + "' is no node id");
  if (auto events = check_events(next); !events) return events;
  if (auto commands = check_commands(next); !commands) return commands;
  if (auto pointers = check_back_pointers(next, expected); !pointers) return pointers;
  return check_place(next, expected);
}

result<void> check_size(std::size_t encoded_bytes, std::size_t bytes_max) {
  if (encoded_bytes <= bytes_max) return {};
  return fail(errc::commit_too_large, "at most " + std::to_string(bytes_max) +
                                          " bytes can be stored at once, these are " +
                                          std::to_string(encoded_bytes));
}

}  // namespace aether
