// A commit as stored: damaged ones are refused, what is read can be written and read again.

#include "fuzz.hpp"
#include "persistence/src/commit_format.hpp"

using namespace aether;
using namespace aether::fuzz;

namespace {

// 256 events and 256 commands at once for each array, however small.
constexpr allowance commit_allowance{.fixed = 128 * 1024, .per_byte = 256};

result<commit> read(bytes_view payload, std::optional<std::string_view> format) {
  return within(commit_allowance, payload,
                [&](bytes_view data) { return decode_commit(data, format); });
}

void check_sound(const commit& found) {
  require(!found.events.empty() && found.events.size() <= commit_events_max, "1..256 events");
  require(found.commands.size() <= commit_commands_max, "at most 256 commands");
  require(found.first.value() >= 1, "versions begin with 1");
  require(found.last() >= found.first, "the last version is not before the first");
  const auto again = decode_commit(encode_commit(found), std::nullopt);
  require(again.has_value(), "what was written can be read");
  require(*again == found, "what was written reads as the same commit");
}

/// The header alone decides on a sound payload.
void check_header(std::string_view header) {
  commit sound;
  sound.id = commit_id::make();
  sound.first = event_version{1};
  sound.events = {{"x", {}}};
  const auto known = decode_commit(encode_commit(sound), header);
  if (!known) return require_documented(known.error(), {errc::corrupt_history});
  require(header.substr(std::min(header.find_first_not_of('0'), header.size())) == "1",
          "only format 1 is accepted");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto payload = as_input(data, size);
  const auto found = read(payload, std::nullopt);
  require(found == read(payload, "1"), "the header of format 1 changes nothing");
  if (found)
    check_sound(*found);
  else
    require_documented(found.error(), {errc::corrupt_history});
  if (size <= 24) check_header(as_text(payload));
  return 0;
}
