#pragma once

#include <aether/runtime/nats.hpp>
#include "session.hpp"

#include <memory>

namespace aether {

struct nats_connection::impl {
  std::shared_ptr<nats::session> session;
};

/// Unsubscribes when destroyed.
struct nats_connection::subscription::impl {
  explicit impl(std::shared_ptr<nats::listener> which) : listener{std::move(which)} {}
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;
  ~impl() { nats::session::drain(*listener); }

  std::shared_ptr<nats::listener> listener;
};

}  // namespace aether
