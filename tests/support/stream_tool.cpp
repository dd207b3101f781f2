#include "support/stream_tool.hpp"

#include <aether/runtime/base64.hpp>
#include "support/await.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>

namespace aether::testing_support {
namespace {

using json = nlohmann::json;
using namespace std::chrono_literals;

constexpr std::size_t gets_at_once = 200;

[[noreturn]] void give_up(const std::string& what, const std::string& why) {
  throw std::runtime_error(what + ": " + why);
}

std::string text_of(const json& message, const char* field) {
  const auto raw = decode_base64(message.value(field, std::string{}));
  if (!raw) give_up(field, "bad base64");
  return std::string{as_text(*raw)};
}

std::map<std::string, std::string> headers_of(const std::string& block) {
  std::map<std::string, std::string> headers;
  for (auto at = block.find("\r\n"); at != block.npos;) {
    const auto end = block.find("\r\n", at + 2);
    const std::string line = block.substr(at + 2, end == block.npos ? end : end - at - 2);
    if (const auto colon = line.find(": "); colon != line.npos)
      headers.emplace(line.substr(0, colon), line.substr(colon + 2));
    at = end;
  }
  return headers;
}

raw_message message_of(const json& message) {
  const std::string data = text_of(message, "data");
  const auto payload = as_bytes_view(data);
  return {message.at("seq").get<std::uint64_t>(), message.at("subject").get<std::string>(),
          headers_of(text_of(message, "hdrs")), bytes(payload.begin(), payload.end())};
}

/// Answers of requests that were sent one after the other, in their order.
struct answers {
  std::mutex mutex;
  std::condition_variable arrived;
  std::size_t missing = 0;
  std::vector<result<json>> all;
};

/// Asks for messages `first`..`first + count - 1`, all at once.
std::vector<result<json>> get_all(nats_connection& connection, const std::string& stream,
                                  std::uint64_t first, std::size_t count) {
  const auto got = std::make_shared<answers>();
  got->missing = count;
  got->all.resize(count);
  const std::string subject = "$JS.API.STREAM.MSG.GET." + stream;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string query = json{{"seq", first + i}}.dump();
    connection.request(
        {.subject = subject, .payload = as_bytes_view(query)}, 5s,
        [got, i](result<nats_message> answer) {
          const std::lock_guard lock{got->mutex};
          if (answer)
            got->all[i] = json::parse(as_text(answer->payload()), nullptr, false);
          else
            got->all[i] = std::unexpected(std::move(answer).error());
          if (--got->missing == 0) got->arrived.notify_one();
        },
        nats_flush::soon);
  }
  std::unique_lock lock{got->mutex};
  got->arrived.wait(lock, [&] { return got->missing == 0; });
  return std::move(got->all);
}

/// The answers to `get_all` as messages; none when one of them did not come.
std::optional<std::vector<raw_message>> messages_of(const std::vector<result<json>>& answers) {
  constexpr int no_message_found = 10037;
  std::vector<raw_message> messages;
  for (const auto& one : answers) {
    if (!one || !one->is_object()) return std::nullopt;
    if (const auto found = one->find("message"); found != one->end())
      messages.push_back(message_of(*found));
    else if (one->value("error", json::object()).value("err_code", 0) != no_message_found)
      return std::nullopt;
  }
  return messages;
}

}  // namespace

result<json> stream_request(nats_connection& connection, const std::string& what, const json& body,
                            std::chrono::milliseconds timeout) {
  const std::string subject = "$JS.API.STREAM." + what;
  const std::string payload = body.is_null() ? std::string{} : body.dump();
  const auto answer =
      connection.request_wait({.subject = subject, .payload = as_bytes_view(payload)}, timeout);
  if (!answer) return std::unexpected(answer.error());
  json document = json::parse(as_text(answer->payload()), nullptr, false);
  if (!document.is_object()) return fail(errc::store_failed, what + " answered no JSON");
  return document;
}

std::vector<raw_message> whole_stream(nats_connection& connection, const std::string& stream) {
  json state;
  const bool known = await([&] {
    const auto info = stream_request(connection, "INFO." + stream, nullptr);
    if (info) state = info->value("state", json::object());
    return !state.empty();
  });
  if (!known) give_up("stream " + stream, "no information");
  const auto last = state.at("last_seq").get<std::uint64_t>();
  std::vector<raw_message> all;
  for (std::uint64_t next = 1; next <= last; next += gets_at_once) {
    std::optional<std::vector<raw_message>> part;
    const auto count = std::min<std::uint64_t>(gets_at_once, last - next + 1);
    const bool whole = await([&] {
      part = messages_of(get_all(connection, stream, next, count));
      return part.has_value();
    });
    if (!whole)
      give_up("stream " + stream, "sequence " + std::to_string(next) + " is not answered");
    std::ranges::move(*part, std::back_inserter(all));
  }
  if (all.size() != state.at("messages").get<std::uint64_t>())
    give_up("stream " + stream, "it has not as many messages as it says");
  return all;
}

std::uint64_t store_by_hand(nats_connection& connection, const std::string& subject,
                            bytes_view payload,
                            const std::vector<std::pair<std::string, std::string>>& headers) {
  nats_outgoing message{.subject = subject, .payload = payload};
  for (const auto& [name, value] : headers) message.headers.emplace_back(name, value);
  const auto answer = connection.request_wait(message, 5s);
  if (!answer) give_up(subject, answer.error().message());
  const json ack = json::parse(as_text(answer->payload()), nullptr, false);
  if (!ack.is_object() || !ack.contains("seq") || ack.contains("error"))
    give_up(subject, std::string{as_text(answer->payload())});
  return ack["seq"].get<std::uint64_t>();
}

void delete_by_hand(nats_connection& connection, const std::string& stream,
                    std::uint64_t sequence) {
  const auto answer = stream_request(connection, "MSG.DELETE." + stream, {{"seq", sequence}});
  if (!answer) give_up(stream, answer.error().message());
  if (!answer->value("success", false)) give_up(stream, answer->dump());
}

}  // namespace aether::testing_support
