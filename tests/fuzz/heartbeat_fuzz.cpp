// What a node says of itself.

#include "cluster/src/core/heartbeat.hpp"
#include "fuzz.hpp"

using namespace aether;
using namespace aether::cluster;
using namespace aether::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto beat = within({}, as_input(data, size), decode_heartbeat);
  if (!beat) {
    require_documented(beat.error(), {errc::decode_failed});
    return 0;
  }
  require(to_string(beat->state) != "unknown", "the state is a known one");
  require(!beat->incarnation.is_nil(), "a heartbeat names its process");
  const bytes written = encode_heartbeat(*beat);
  const auto again = decode_heartbeat(written);
  require(again.has_value(), "what was written can be read");
  require(encode_heartbeat(*again) == written, "what was written reads as the same heartbeat");
  return 0;
}
