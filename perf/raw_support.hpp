#pragma once

#include <nats/nats.h>

#include <stdexcept>
#include <string>

/// What the sources of `raw_connection` share.
namespace aether::perf {

inline void check(natsStatus status, const char* what) {
  if (status != NATS_OK)
    throw std::runtime_error{std::string{what} + ": " + natsStatus_GetText(status)};
}

/// A JetStream context, destroyed with this.
struct raw_context {
  raw_context(natsConnection* connection, jsOptions* options) {
    check(natsConnection_JetStream(&handle, connection, options), "JetStream");
  }
  ~raw_context() { jsCtx_Destroy(handle); }
  raw_context(const raw_context&) = delete;
  raw_context& operator=(const raw_context&) = delete;
  jsCtx* handle = nullptr;
};

}  // namespace aether::perf
