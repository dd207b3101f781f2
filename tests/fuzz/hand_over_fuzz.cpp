// What a taker asks of a giver, and what that answers.

#include "cluster/src/core/hand_over.hpp"
#include "fuzz.hpp"

using namespace aether;
using namespace aether::cluster;
using namespace aether::fuzz;

namespace {

void check_request(bytes_view input) {
  const auto request = within({}, input, decode_hand_request);
  if (!request) return require_documented(request.error(), {errc::decode_failed});
  require(!request->taker.incarnation.is_nil(), "a request names its process");
  require(request->slots.size() <= hand_request::slots_max, "no more slots than there may be");
  const bytes written = encode_hand_request(*request);
  const auto again = decode_hand_request(written);
  require(again.has_value(), "what was written can be read");
  require(encode_hand_request(*again) == written, "what was written reads as the same request");
}

void check_answer(bytes_view input) {
  const auto answer = within({}, input, decode_hand_answer);
  if (!answer) return require_documented(answer.error(), {errc::decode_failed});
  const bytes written = encode_hand_answer(answer->step, answer->done);
  const auto again = decode_hand_answer(written);
  require(again.has_value(), "what was written can be read");
  require(encode_hand_answer(again->step, again->done) == written,
          "what was written reads as the same answer");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_request(as_input(data, size));
  check_answer(as_input(data, size));
  return 0;
}
