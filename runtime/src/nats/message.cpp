#include <aether/runtime/nats.hpp>
#include "discard.hpp"

#include <nats/nats.h>

#include <charconv>
#include <cstring>
#include <utility>

namespace aether {
namespace {

natsMsg* handle_of(void* handle) noexcept { return static_cast<natsMsg*>(handle); }

std::string_view or_empty(const char* text) noexcept { return text != nullptr ? text : ""; }

}  // namespace

nats_message::nats_message(nats_message&& other) noexcept
    : handle_{std::exchange(other.handle_, nullptr)} {}

nats_message& nats_message::operator=(nats_message&& other) noexcept {
  std::swap(handle_, other.handle_);
  return *this;
}

nats_message::~nats_message() { nats::discard(handle_of(handle_)); }

std::string_view nats_message::subject() const noexcept {
  return or_empty(natsMsg_GetSubject(handle_of(handle_)));
}

std::string_view nats_message::reply_to() const noexcept {
  return or_empty(natsMsg_GetReply(handle_of(handle_)));
}

bytes_view nats_message::payload() const noexcept {
  const char* const data = natsMsg_GetData(handle_of(handle_));
  const int size = natsMsg_GetDataLength(handle_of(handle_));
  return as_bytes_view({data, static_cast<std::size_t>(size)});
}

std::optional<std::string_view> nats_message::header(const char* name) const {
  const char* value = nullptr;
  const natsStatus found = natsMsgHeader_Get(handle_of(handle_), name, &value);
  if (found != NATS_OK || value == nullptr) return std::nullopt;
  return value;
}

int nats_message::status() const {
  if (natsMsg_GetDataLength(handle_of(handle_)) != 0) return 0;
  const std::string_view text = header("Status").value_or("");
  int code = 0;
  std::from_chars(text.data(), text.data() + text.size(), code);
  return code;
}

}  // namespace aether
