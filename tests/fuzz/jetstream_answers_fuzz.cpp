// JetStream's answers: to a publish, to a read through the leader, of how far streams reach; and
// where a message from a consumer is.

#include <aether/runtime/nats_delivery.hpp>
#include "fuzz.hpp"
#include "persistence/src/jetstream/pub_ack.hpp"
#include "persistence/src/jetstream/stored_record.hpp"
#include "persistence/src/jetstream/stream_ends.hpp"

using namespace aether;
using namespace aether::fuzz;

namespace {

/// A sequence is one of the input's numbers, neither rounded nor wrapped.
void check_sequence(stream_sequence found, std::string_view text) {
  require(found.value() != 0, "stream sequences begin with 1");
  require(text.find(std::to_string(found.value())) != text.npos,
          "the sequence " + std::to_string(found.value()) + " stands in the answer");
}

void check_ack(bytes_view input) {
  const auto ack = within({}, input, parse_pub_ack);
  const bool acknowledged =
      ack.what == pub_ack::kind::stored || ack.what == pub_ack::kind::duplicate;
  if (acknowledged) return check_sequence(ack.sequence, as_text(input));
  require(ack.sequence.value() == 0, "only an acknowledgement has a sequence");
  require(!ack.text.empty(), "whatever is no acknowledgement says why");
}

void check_leader_answer(bytes_view input) {
  const auto answer = within({}, input, leader_answer::parse);
  if (!answer)
    return require_documented(answer.error(), {errc::unavailable, errc::corrupt_history});
  if (!*answer) return;
  const auto record = (*answer)->record();
  check_sequence(record.sequence, as_text(input));
  require(record.payload.size() + record.format.value_or("").size() < input.size(),
          "the message is part of the answer");
}

void check_ends(bytes_view input) {
  if (const auto end = within({}, input, parse_stream_end); !end)
    require_documented(end.error(), {errc::unavailable, errc::decode_failed});
  if (const auto page = within({}, input, parse_stream_ends); !page)
    require_documented(page.error(), {errc::unavailable, errc::decode_failed});
}

void check_delivery(bytes_view input) {
  const auto found = nats_delivery::parse(as_text(input));
  if (!found) return;
  check_sequence(found->sequence, as_text(input));
  require(found->number != 0 && found->times != 0, "deliveries are counted from 1");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_ack(as_input(data, size));
  check_leader_answer(as_input(data, size));
  check_ends(as_input(data, size));
  check_delivery(as_input(data, size));
  return 0;
}
