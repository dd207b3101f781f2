// A command or an answer as it comes over the network. The input is lines of `name: value`, an
// empty line, and the payload.

#include "cluster/src/command_format.hpp"
#include "fuzz.hpp"
#include "tests/support/bank.hpp"
#include "tests/support/received_message.hpp"

using namespace aether;
using namespace aether::cluster;
using namespace aether::fuzz;
using testing::header_list;
using testing::received_message;

namespace {

const subjects names{namespace_name::parse("aether").value(),
                     namespace_name::parse("fuzz").value()};
constexpr std::chrono::steady_clock::time_point now{};

nats_message message_of(std::string_view input) {
  header_list headers;
  while (!input.empty()) {
    const std::string_view line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(line.size() + 1, input.size()));
    if (line.empty()) break;
    const auto colon = line.find(": ");
    if (colon != line.npos) headers.emplace_back(line.substr(0, colon), line.substr(colon + 2));
  }
  return received_message(headers, input);
}

const actor_traits* find_traits(const actor_type& type) {
  const auto& bank = model<bank::account>::traits();
  return type == bank.type ? &bank : nullptr;
}

bool same_sender(const envelope& a, const envelope& b) {
  return a.sender && b.sender ? *a.sender == *b.sender : a.sender == b.sender;
}

nats_message sent_again(const incoming_command& command) {
  const bool limited = command.command.deadline != envelope{}.deadline;
  const auto left = limited ? command.command.deadline - now : std::chrono::nanoseconds::zero();
  outgoing_command out{names, 256, command.to, command.command};
  const auto message = out.message(command.command.repeated,
                                   std::chrono::duration_cast<std::chrono::milliseconds>(left));
  header_list headers;
  for (const auto& [name, value] : message.headers) headers.emplace_back(name, value);
  return received_message(headers, as_text(message.payload));
}

void check_accepted(const incoming_command& command) {
  const auto& is = command.command;
  require(!is.id.is_nil(), "a command has an id");
  require(is.deadline >= now, "no command's deadline is before its arrival");
  const auto again = parse_command(sent_again(command), &find_traits, now);
  require(again.has_value(), "what was written can be read");
  const auto& was = again->command;
  bytes payload;
  bytes payload_again;
  is.command.encode_to(payload);
  was.command.encode_to(payload_again);
  require(again->to == command.to && was.id == is.id && was.correlation == is.correlation &&
              was.repeated == is.repeated && was.stale_read == is.stale_read &&
              same_sender(was, is) && &was.command.type() == &is.command.type() &&
              payload_again == payload,
          "what was written reads as the same command");
  require(was.deadline == is.deadline || is.deadline == now, "with the same deadline");
}

void check_answer(const nats_message& message) {
  const auto answer = parse_answer(message);
  if (answer)
    require(std::get<bytes>(*answer).size() == message.payload().size(), "all of the payload");
  else
    require(answer.error().code() != errc{}, "a bad answer has an error code");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = as_input(data, size);
  const auto message = message_of(as_text(input));
  const auto command =
      within({}, input, [&](bytes_view) { return parse_command(message, &find_traits, now); });
  if (command)
    check_accepted(*command);
  else
    require_documented(command.error(), {errc::decode_failed, errc::unknown_message});
  check_answer(message);
  return 0;
}
