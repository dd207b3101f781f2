// A command window as a snapshot holds it, read into windows of several capacities.

#include "actors/src/core/command_window.hpp"
#include "fuzz.hpp"

using namespace aether;
using namespace aether::fuzz;

namespace {

void check(bytes_view input, std::size_t capacity) {
  command_window window{capacity};
  const auto read = within({}, input, [&](bytes_view data) { return window.decode(data); });
  require(window.size() <= capacity, "a window never exceeds its capacity");
  if (!read) {
    require_documented(read.error(), {errc::decode_failed});
    require(window.size() == 0 && window.encode().empty(), "an unreadable window is empty");
    return;
  }
  const bytes written = window.encode();
  command_window again{capacity};
  require(again.decode(written).has_value(), "what was written can be read");
  require(again.size() == window.size(), "what was written has as many commands");
  require(again.encode() == written, "what was written reads as the same window");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const std::size_t capacity : {1U, 3U, 1024U}) check(as_input(data, size), capacity);
  return 0;
}
