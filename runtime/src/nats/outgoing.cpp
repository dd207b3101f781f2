#include "outgoing.hpp"

#include <algorithm>
#include <string>

namespace aether::nats {
namespace {

bool is_blank_or_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte <= ' ' || byte == 0x7f;
}

bool is_header_name(std::string_view name) {
  return !name.empty() &&
         std::ranges::none_of(name, [](char c) { return c == ':' || is_blank_or_control(c); });
}

// The client library takes values as C strings, trims them when it reads them, and before 3.11 an
// empty one makes all headers of the message unreadable.
bool is_header_value(std::string_view value) {
  if (value.empty() || is_blank_or_control(value.front()) || is_blank_or_control(value.back())) {
    return false;
  }
  return std::ranges::none_of(value, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

}  // namespace

bool is_subject(std::string_view text) noexcept {
  if (text.empty() || text.front() == '.' || text.back() == '.') return false;
  return text.find("..") == std::string_view::npos &&
         std::ranges::none_of(text, is_blank_or_control);
}

bool is_queue(std::string_view text) noexcept {
  return !text.empty() && std::ranges::none_of(text, is_blank_or_control);
}

std::size_t encoded_bytes(const nats_outgoing& message) noexcept {
  if (message.headers.empty()) return message.payload.size();
  constexpr std::size_t frame = sizeof("NATS/1.0\r\n\r\n") - 1;
  constexpr std::size_t per_line = sizeof(": \r\n") - 1;
  std::size_t total = frame + message.payload.size();
  for (const auto& [name, value] : message.headers) total += name.size() + value.size() + per_line;
  return total;
}

result<void> check(const nats_outgoing& message, std::size_t payload_bytes_max) {
  if (!is_subject(message.subject)) {
    return fail(errc::invalid_argument,
                "\"" + std::string{message.subject} + "\" is not a subject to publish on");
  }
  for (const auto& [name, value] : message.headers) {
    if (is_header_name(name) && is_header_value(value)) continue;
    return fail(errc::invalid_argument,
                "header \"" + std::string{name} +
                    "\" is not a name without blanks and a value of one line, not empty, "
                    "without blanks around it");
  }
  if (const std::size_t bytes = encoded_bytes(message); bytes > payload_bytes_max) {
    return fail(errc::invalid_argument, "a message of " + std::to_string(bytes) + " bytes for " +
                                            std::string{message.subject} +
                                            " is over the server's limit of " +
                                            std::to_string(payload_bytes_max) + " bytes");
  }
  return {};
}

result<message_ptr> to_message(const nats_outgoing& message, std::string_view reply_to) {
  // The library copies all of them: no allocation for what only ends with a zero.
  thread_local std::string subject, reply, name_buffer, value_buffer;
  subject.assign(message.subject);
  reply.assign(reply_to);
  natsMsg* handle = nullptr;
  natsStatus status =
      natsMsg_Create(&handle, subject.c_str(), reply.empty() ? nullptr : reply.c_str(),
                     reinterpret_cast<const char*>(message.payload.data()),
                     static_cast<int>(message.payload.size()));
  message_ptr created{handle};
  for (const auto& [name, value] : message.headers) {
    if (status != NATS_OK) break;
    name_buffer.assign(name);
    value_buffer.assign(value);
    status = natsMsgHeader_Add(handle, name_buffer.c_str(), value_buffer.c_str());
  }
  if (status != NATS_OK) {
    return fail(errc::unavailable,
                std::string{"cannot make a message: "} + natsStatus_GetText(status));
  }
  return created;
}

}  // namespace aether::nats
