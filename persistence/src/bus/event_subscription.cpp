#include <aether/persistence/event_bus.hpp>
#include "subscription_core.hpp"

#include <utility>

namespace aether {

std::string_view to_string(gap_reason why) noexcept {
  switch (why) {
    case gap_reason::buffer_full:
      return "buffer_full";
    case gap_reason::lost:
      return "lost";
    case gap_reason::another_stream:
      return "another_stream";
    case gap_reason::not_in_log:
      return "not_in_log";
  }
  return "unknown";
}

event_subscription::event_subscription(std::shared_ptr<detail::subscription_core> core) noexcept
    : core_{std::move(core)} {}

event_subscription& event_subscription::operator=(event_subscription&& other) noexcept {
  if (this != &other) {
    const event_subscription ended{std::exchange(core_, std::move(other.core_))};
    other.core_.reset();
  }
  return *this;
}

event_subscription::~event_subscription() {
  if (core_) core_->stop();
}

subscription_stats event_subscription::stats() const {
  return core_ ? core_->stats() : subscription_stats{};
}

}  // namespace aether
