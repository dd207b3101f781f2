#include "wire_item.hpp"

#include "../commit_format.hpp"
#include "../core/bus_match.hpp"
#include "stored_record.hpp"

#include <utility>

namespace aether {

namespace {

/// What an item costs besides its payload: headers, and what refers to them.
constexpr std::size_t item_overhead_bytes = 512;

}  // namespace

wire_item::wire_item(event_place place, std::uint64_t owner, nats_message message)
    : bus_item{std::move(place), message.payload().size() + item_overhead_bytes},
      owner_{owner},
      message_{std::move(message)},
      commit_header_{message_.header(commit_header_name).value_or("")},
      condition_{condition_of(message_.header(condition_header))} {
  const auto announced = format_of([this](const char* name) { return message_.header(name); });
  if (announced) format_.emplace(*announced);
}

// `<format> <id> <first>-<last> <types>`, types with commas between, `*` where some were left out.
bool wire_item::may_hold(const bus_match& wanted) const {
  if (wanted.any_type()) return true;
  std::string_view rest = commit_header_;
  for (int words = 0; words < 3; ++words) {
    const auto blank = rest.find(' ');
    if (blank == rest.npos) return true;
    rest.remove_prefix(blank + 1);
  }
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    const auto type = rest.substr(0, comma);
    if (type == "*" || wanted.takes_type(type)) return true;
    rest = comma == rest.npos ? std::string_view{} : rest.substr(comma + 1);
  }
  return false;
}

result<recorded_commit> wire_item::decode() const {
  auto read = decode_framed(message_.payload(), format_, owner_);
  if (!read) return std::unexpected(std::move(read).error());
  return recorded_commit{std::move(read->commit), place().sequence, read->frame.previous,
                         condition_};
}

}  // namespace aether
