#pragma once

#include "child_process.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace flights {

struct nats_server_options {
  /// The program; empty: `AETHER_NATS_SERVER`, else `nats-server` of PATH, /usr/sbin or
  /// /usr/local/sbin.
  std::filesystem::path program;
  /// 0: one that is free.
  std::uint16_t port = 0;
  /// For its data, log and ports file. It exists and is nobody else's.
  std::filesystem::path directory;
};

/// A nats-server of our own: JetStream on, loopback only, data in its directory. It ends with its
/// object.
class nats_server {
 public:
  /// Returns when clients can connect.
  /// @errors not installed (the text says what to install), the port is taken, or it ended or
  ///         hung while starting (the text has the end of its log).
  [[nodiscard]] static or_error<nats_server> start(const nats_server_options& options);

  nats_server(nats_server&&) = default;
  nats_server& operator=(nats_server&&) = delete;
  /// Asks it to end, and kills it when it has not after a few seconds.
  ~nats_server();

  [[nodiscard]] const std::string& url() const noexcept { return url_; }

 private:
  nats_server(child_process process, std::string url)
      : process_{std::move(process)}, url_{std::move(url)} {}
  child_process process_;
  std::string url_;
};

}  // namespace flights
