#include "session.hpp"

namespace aether::nats {
namespace {

constexpr std::int64_t drain_timeout_ms = 5'000;

}  // namespace

result<std::shared_ptr<listener>> session::subscribe(std::string_view subject,
                                                     nats_connection::message_handler handler,
                                                     std::string_view queue) {
  if (!is_subject(subject) || (!queue.empty() && !is_queue(queue))) {
    return fail(errc::invalid_argument, "cannot subscribe to \"" + std::string{subject} +
                                            "\" with queue \"" + std::string{queue} + "\"");
  }
  auto made = std::make_shared<listener>(shared_from_this(), std::move(handler));
  {
    const std::lock_guard guard{mutex_};
    if (closing_ || ended_) return fail(errc::not_running, "the connection to NATS is closed");
    listeners_.emplace(made.get(), made);
  }
  auto started = listen(*made, std::string{subject}, std::string{queue});
  if (started) return made;
  const std::lock_guard guard{mutex_};
  listeners_.erase(made.get());
  return std::unexpected(std::move(started).error());
}

result<void> session::listen(listener& which, const std::string& subject,
                             const std::string& queue) {
  const std::lock_guard guard{which.mutex};
  const char* const group = queue.empty() ? nullptr : queue.c_str();
  const natsStatus status =
      group == nullptr ? natsConnection_Subscribe(&which.handle, connection_, subject.c_str(),
                                                  &on_message, &which)
                       : natsConnection_QueueSubscribe(&which.handle, connection_, subject.c_str(),
                                                       group, &on_message, &which);
  if (status != NATS_OK) {
    const errc code = status == NATS_INVALID_SUBJECT ? errc::invalid_argument : errc::not_running;
    return fail(code, "cannot subscribe to " + subject + ": " + natsStatus_GetText(status));
  }
  // What is not read in time waits in memory: dropping it would lose commands silently.
  natsSubscription_SetPendingLimits(which.handle, -1, -1);
  natsSubscription_SetOnCompleteCB(which.handle, &on_complete, &which);
  return {};
}

// A drain, never a destruction: before 3.6.1 a message that arrives for a subscription while it is
// destroyed crashes the client. `on_complete` follows once what had arrived is handled.
void session::drain(listener& which) {
  const std::lock_guard guard{which.mutex};
  if (which.handle != nullptr) natsSubscription_DrainTimeout(which.handle, drain_timeout_ms);
}

void session::on_message(natsConnection*, natsSubscription*, natsMsg* message, void* closure) {
  auto& which = *static_cast<listener*>(closure);
  // Made outside the gate: it owns the message even when no handler may run any more.
  nats_message owned{message};
  which.owner->gate_.run([&] { which.handler(std::move(owned)); });
}

// The library's last call for this subscription, on the delivery thread.
void session::on_complete(void* closure) {
  auto* const which = static_cast<listener*>(closure);
  const std::shared_ptr<session> owner = which->owner;
  {
    const std::lock_guard guard{which->mutex};
    owner->loop_.reap(std::exchange(which->handle, nullptr));
  }
  owner->forget(which);
}

void session::forget(listener* which) {
  std::shared_ptr<listener> last;  // released after the lock: it may hold what the handler holds
  const std::lock_guard guard{mutex_};
  last = std::move(listeners_.extract(which).mapped());
  changed_.notify_all();
}

}  // namespace aether::nats
