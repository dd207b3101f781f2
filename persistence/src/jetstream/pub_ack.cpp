#include "pub_ack.hpp"

#include "json_number.hpp"

#include <charconv>
#include <optional>
#include <string_view>

namespace aether {

namespace {

using json = nlohmann::json;

/// The ordinary acknowledgement, `{"stream":"S", "seq":1}`, without building a document: this is on
/// the path of every commit. None for anything that is not as plain.
std::optional<stream_sequence> plain_ack(std::string_view text) {
  if (!text.starts_with("{\"stream\":\"") || !text.ends_with('}')) return std::nullopt;
  if (text.find("\"duplicate\"") != text.npos || text.find("\"error\"") != text.npos)
    return std::nullopt;
  constexpr std::string_view key = "\"seq\":";
  const auto at = text.find(key);
  if (at == text.npos) return std::nullopt;
  std::uint64_t sequence = 0;
  const char* const begin = text.data() + at + key.size();
  const auto parsed = std::from_chars(begin, text.data() + text.size(), sequence);
  if (parsed.ec != std::errc{} || sequence == 0) return std::nullopt;
  return *parsed.ptr == '}' || *parsed.ptr == ',' ? std::optional{stream_sequence{sequence}}
                                                  : std::nullopt;
}

pub_ack::kind kind_of_error(std::uint64_t error_code) {
  switch (error_code) {
    case 10071:
      return pub_ack::kind::conflict;
    case 10008:  // JetStream temporarily unavailable: no leader yet
    case 10163:  // expected last sequence per subject temporarily unavailable
    case 10164:  // another conditional publish on that subject is under way
      return pub_ack::kind::busy;
    case 10077:  // storing failed
      return pub_ack::kind::not_stored_here;
    default:
      return pub_ack::kind::refused;
  }
}

pub_ack parse_document(std::string_view text) {
  const json document = json::parse(text, nullptr, false);
  if (!document.is_object()) return {.text = "the answer is no JSON object"};
  if (const auto error = document.find("error"); error != document.end() && error->is_object()) {
    const auto code = number_of(*error, "err_code");
    // A leader that is stopping or was voted out says so without an error code, of a message that
    // the other replicas may store all the same.
    if (code == 0 && number_of(*error, "code") == 503)
      return {.text = "503, " + error->value("description", std::string{"no reason given"})};
    return {
        kind_of_error(code),
        {},
        error->value("description", std::string{"refused"}) + " (" + std::to_string(code) + ")"};
  }
  const auto sequence = number_of(document, "seq");
  if (sequence == 0) return {.text = "the answer has no sequence"};
  const bool duplicate = document.value("duplicate", false);
  return {duplicate ? pub_ack::kind::duplicate : pub_ack::kind::stored, stream_sequence{sequence}};
}

}  // namespace

pub_ack parse_pub_ack(bytes_view payload) {
  const auto text = as_text(payload);
  if (const auto sequence = plain_ack(text)) return {pub_ack::kind::stored, *sequence};
  try {
    return parse_document(text);
  } catch (const json::exception& odd) {
    return {.text = std::string{"the answer is odd: "} + odd.what()};
  }
}

}  // namespace aether
