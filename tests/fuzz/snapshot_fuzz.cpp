// A snapshot as stored: damaged ones are refused, what is read can be written and read again.

#include "fuzz.hpp"
#include "persistence/src/snapshot_format.hpp"

using namespace aether;
using namespace aether::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto payload = as_input(data, size);
  const auto found =
      within({}, payload, [](bytes_view input) { return decode_snapshot(input, std::nullopt); });
  require(found == decode_snapshot(payload, "1"), "the header of format 1 changes nothing");
  if (!found) {
    require_documented(found.error(), {errc::corrupt_history});
    return 0;
  }
  require(validate(*found).has_value(), "what is read could be saved");
  const auto again = decode_snapshot(encode_snapshot(*found), std::nullopt);
  require(again.has_value(), "what was written can be read");
  require(*again == *found, "what was written reads as the same snapshot");
  return 0;
}
