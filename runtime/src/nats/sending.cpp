#include "session.hpp"

#include <string>

namespace aether::nats {
namespace {

// Several strings must not live in one buffer, and no publish may allocate for its names.
const char* c_string(std::string& buffer, std::string_view text) {
  buffer.assign(text);
  return buffer.c_str();
}

}  // namespace

result<void> session::publish(const nats_outgoing& message, std::string_view reply_to,
                              nats_flush flush) {
  if (auto sound = check(message, payload_bytes_max_); !sound) return sound;
  if (!connected_) {
    const std::lock_guard guard{mutex_};
    // Looked at again under the lock: `send_held_back` connects under it, once nothing is held.
    if (!connected_) return hold_back(message, reply_to);
  }
  return send(message, reply_to, flush);
}

// With `mutex_` held.
result<void> session::hold_back(const nats_outgoing& message, std::string_view reply_to) {
  if (closing_ || ended_) return fail(errc::unavailable, "the connection to NATS is closed");
  const std::size_t bytes = encoded_bytes(message) + message.subject.size() + reply_to.size();
  if (!outbox_.has_room(bytes)) {
    return fail(errc::unavailable, "not connected to NATS, and the buffer of " +
                                       std::to_string(outbox::bytes_max) + " bytes is full");
  }
  auto copy = to_message(message, reply_to);
  if (!copy) return std::unexpected(std::move(copy).error());
  outbox_.push({*std::move(copy), bytes});
  return {};
}

// False when the connection is gone again: the rest waits for its next return.
bool session::send_held_back() {
  while (true) {
    buffered_message next;
    {
      const std::lock_guard guard{mutex_};
      if (outbox_.empty()) {
        connected_ = true;
        return true;
      }
      next = outbox_.take();
    }
    if (natsConnection_PublishMsg(connection_, next.message.get()) == NATS_OK) continue;
    if (!natsConnection_IsReconnecting(connection_)) continue;  // this message cannot be sent
    const std::lock_guard guard{mutex_};
    outbox_.put_back(std::move(next));
    return false;
  }
}

result<void> session::send(const nats_outgoing& message, std::string_view reply_to,
                           nats_flush flush) {
  if (loop_.congested() &&
      natsConnection_Buffered(connection_) > static_cast<int>(outbox::bytes_max)) {
    return fail(errc::unavailable, "the NATS server reads too slowly: the buffer of " +
                                       std::to_string(outbox::bytes_max) + " bytes is full");
  }
  natsStatus status = NATS_OK;
  if (flush == nats_flush::now) {
    const event_loop::quiet_scope quiet;
    status = hand_over(message, reply_to);
    loop_.write_now();
  } else {
    status = hand_over(message, reply_to);
  }
  if (status == NATS_OK) return {};
  const errc code = status == NATS_MAX_PAYLOAD ? errc::invalid_argument : errc::unavailable;
  return fail(code, "cannot publish on " + std::string{message.subject} + ": " +
                        natsStatus_GetText(status));
}

natsStatus session::hand_over(const nats_outgoing& message, std::string_view reply_to) {
  if (!message.headers.empty()) {
    const auto copy = to_message(message, reply_to);
    return copy ? natsConnection_PublishMsg(connection_, copy->get()) : NATS_NO_MEMORY;
  }
  thread_local std::string subject_buffer;
  thread_local std::string reply_buffer;
  const char* const subject = c_string(subject_buffer, message.subject);
  const auto size = static_cast<int>(message.payload.size());
  if (reply_to.empty()) {
    return natsConnection_Publish(connection_, subject, message.payload.data(), size);
  }
  return natsConnection_PublishRequest(connection_, subject, c_string(reply_buffer, reply_to),
                                       message.payload.data(), size);
}

}  // namespace aether::nats
