#include <aether/runtime/log.hpp>
#include "session.hpp"

#include <cstring>

namespace aether::nats {

// On the client library's callback thread.
void session::on_error(natsConnection*, natsSubscription*, natsStatus status, void* closure) {
  auto* self = static_cast<session*>(closure);
  // The library leaves the server's own words in the thread's last error for this call.
  const char* const words = nats_GetLastError(nullptr);
  const std::string text = words != nullptr && *words != '\0' ? words : natsStatus_GetText(status);
  if (const auto what = parse_violation(text)) self->refuse(*what);
  const std::lock_guard guard{self->mutex_};
  self->last_error_ = text;
  self->changed_.notify_all();
}

void session::refuse(const violation& what) {
  error why = not_permitted(what.what, what.cut ? what.subject + "..." : what.subject);
  if (what.what == violation::action::publish) {
    bool concerned = false;
    gate_.run([&] {
      auto refused = requests_.take_refused(what);
      concerned = refused.concerned;
      for (open_request& each : refused.taken)
        each.give_up(not_permitted(what.what, std::string{each.subject}));
    });
    if (concerned) return;
  }
  {
    const std::lock_guard guard{mutex_};
    // One line for each connection: a refused heartbeat comes again twice a second.
    if (refused_) return;
    refused_ = why;
  }
  log::warn("nats", "not_permitted", {{"client", options_.client_name}, {"why", why.text()}});
}

// The library knows of a refusal before it answers a flush, but tells it on another thread.
void session::await_refusals(clock::time_point deadline) {
  const char* words = nullptr;
  if (natsConnection_GetLastError(connection_, &words) != NATS_NOT_PERMITTED || words == nullptr)
    return;
  const std::string newest = words;
  std::unique_lock lock{mutex_};
  changed_.wait_until(lock, deadline, [&] { return last_error_ == newest || closing_ || ended_; });
}

std::optional<error> session::refused() const {
  const std::lock_guard guard{mutex_};
  return refused_;
}

}  // namespace aether::nats
