#include "stored_record.hpp"

#include <aether/runtime/base64.hpp>
#include "json_number.hpp"

#include <charconv>

namespace aether {

namespace {

using json = nlohmann::json;

constexpr int no_message_found = 10037;

/// One value out of a raw header block, `NATS/1.0\r\nName: value\r\n...`.
std::optional<std::string_view> raw_header(std::string_view block, std::string_view name) {
  for (auto at = block.find("\r\n"); at != block.npos; at = block.find("\r\n", at + 2)) {
    const auto line = block.substr(at + 2, block.find("\r\n", at + 2) - at - 2);
    if (!line.starts_with(name) || !line.substr(name.size()).starts_with(':')) continue;
    const auto value = line.substr(name.size() + 1);
    return value.substr(std::min(value.find_first_not_of(' '), value.size()));
  }
  return std::nullopt;
}

std::unexpected<error> odd_answer(std::string what) {
  return fail(errc::corrupt_history, "odd answer from the server: " + std::move(what));
}

std::string text_of(const bytes& raw) { return std::string{as_text(raw)}; }

}  // namespace

std::optional<stream_sequence> condition_of(std::optional<std::string_view> text) {
  if (!text) return std::nullopt;
  std::uint64_t sequence = 0;
  const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), sequence);
  if (failed != std::errc{} || end != text->data() + text->size()) return std::nullopt;
  return stream_sequence{sequence};
}

result<stored_record> record_of(const nats_message& answer) {
  const auto digits = answer.header("Nats-Sequence");
  if (!digits) return odd_answer("no Nats-Sequence header");
  std::uint64_t sequence = 0;
  const auto parsed = std::from_chars(digits->data(), digits->data() + digits->size(), sequence);
  if (parsed.ec != std::errc{} || sequence == 0) return odd_answer("Nats-Sequence is no number");
  return stored_record{stream_sequence{sequence}, format_of(header_lookup{answer}),
                       answer.header("Nats-Subject").value_or(""), answer.payload(),
                       header_lookup{answer}};
}

result<std::optional<leader_answer>> leader_answer::parse(bytes_view payload) try {
  const json document = json::parse(as_text(payload), nullptr, false);
  if (!document.is_object()) return odd_answer("no JSON object");
  if (const auto refusal = document.find("error"); refusal != document.end()) {
    const auto code = number_of(*refusal, "err_code");
    if (code == no_message_found) return std::nullopt;
    return fail(errc::unavailable, refusal->value("description", std::string{"refused"}) + " (" +
                                       std::to_string(code) + ")");
  }
  const json& message = document.at("message");
  auto headers = decode_base64(message.value("hdrs", std::string{}));
  auto data = decode_base64(message.value("data", std::string{}));
  if (!headers || !data) return odd_answer("bad base64");
  const auto sequence = number_of(message, "seq");
  if (sequence == 0) return odd_answer("the message has no sequence");
  leader_answer answer;
  answer.sequence_ = stream_sequence{sequence};
  answer.subject_ = message.value("subject", std::string{});
  answer.headers_ = text_of(*headers);
  answer.payload_ = std::move(*data);
  return answer;
} catch (const json::exception& odd) {
  return odd_answer(odd.what());
}

stored_record leader_answer::record() const {
  const header_lookup header{*this};
  return {sequence_, format_of(header), subject_, payload_, header};
}

std::optional<std::string_view> leader_answer::header(const char* name) const {
  return raw_header(headers_, name);
}

std::string next_query(std::string_view subject, stream_sequence from) {
  return "{\"seq\":" + std::to_string(from.value()) + ",\"next_by_subj\":\"" +
         std::string{subject} + "\"}";
}

std::string last_query(std::string_view subject) {
  return "{\"last_by_subj\":\"" + std::string{subject} + "\"}";
}

std::string sequence_query(stream_sequence at) {
  return "{\"seq\":" + std::to_string(at.value()) + "}";
}

void direct_get(nats_connection& connection, std::string_view stream, std::string_view query,
                std::chrono::milliseconds timeout, record_handler handler, nats_flush flush) {
  const std::string subject = "$JS.API.DIRECT.GET." + std::string{stream};
  auto answered = [handler = std::move(handler)](result<nats_message> answer) mutable {
    if (!answer) return handler(std::unexpected(std::move(answer).error()));
    if (answer->status() == 404) return handler(std::nullopt);
    if (answer->status() != 0)
      return handler(fail(errc::unavailable,
                          "the server answered status " + std::to_string(answer->status())));
    handler(record_of(*answer));
  };
  connection.request({subject, as_bytes_view(query)}, timeout, std::move(answered), flush);
}

void leader_get(nats_connection& connection, std::string_view stream, std::string_view query,
                std::chrono::milliseconds timeout, record_handler handler, nats_flush flush) {
  const std::string subject = "$JS.API.STREAM.MSG.GET." + std::string{stream};
  auto answered = [handler = std::move(handler)](result<nats_message> answer) mutable {
    if (!answer) return handler(std::unexpected(std::move(answer).error()));
    auto message = leader_answer::parse(answer->payload());
    if (!message) return handler(std::unexpected(std::move(message).error()));
    handler(*message ? std::optional{(*message)->record()} : std::nullopt);
  };
  connection.request({subject, as_bytes_view(query)}, timeout, std::move(answered), flush);
}

}  // namespace aether
