#pragma once

#include <aether/runtime/error.hpp>

#include <chrono>
#include <string>

namespace aether {

struct options;

/// How to reach NATS, and as whom. At most one kind of credentials: `user`, `token_file`,
/// `creds_file`, `nkey`, or those in `url`. Files are read when the connection is opened; the
/// client library reads creds and seed again at each reconnect.
struct nats_options {
  /// One or more of `nats://[user:password@]host:port`, separated by commas; with `tls://` the
  /// connection is encrypted, to all of them or to none.
  std::string url = "nats://127.0.0.1:4222";
  /// Shown by the server's monitoring.
  std::string client_name = "aether";
  /// Answers come to subjects below it, `<inbox_prefix>.<random>.<number>`: the user must be
  /// allowed to subscribe there, and nobody of another namespace should be.
  std::string inbox_prefix = "_INBOX";

  /// A user, and the file whose first line is the password.
  std::string user = {};
  std::string password_file = {};
  /// The file whose first line is the token.
  std::string token_file = {};
  /// A credentials file, JWT and seed, as `nsc` writes it.
  std::string creds_file = {};
  /// A public NKey of a user, `U...`, and the file with its seed, `SU...`.
  std::string nkey = {};
  std::string nkey_seed_file = {};

  /// Refuse a server without TLS. One that demands it gets it anyway.
  bool tls = false;
  /// Who vouches for the server, PEM; empty: whom the system trusts. Given, it implies `tls`.
  std::string tls_ca_file = {};
  /// This client's certificate and its private key, PEM; both or none. Given, they imply `tls`.
  std::string tls_cert_file = {};
  std::string tls_key_file = {};
  /// The name that the server's certificate must have; empty: the host of the address.
  std::string tls_name = {};

  /// One attempt to connect.
  std::chrono::milliseconds connect_timeout{2'000};
  /// How often the server is pinged; of two that it does not answer, the connection counts as lost.
  std::chrono::milliseconds ping_interval{5'000};
  /// Between two attempts to connect again, for ever.
  std::chrono::milliseconds reconnect_wait{100};

  /// The address, the credentials and the inboxes of the namespace that `from` says, under the
  /// client name `from.node`.
  /// @pre `from.check()` succeeds and `from.nats` is not empty.
  [[nodiscard]] static nats_options of(const options& from);

  /// Whether what belongs together is given together, and nothing that excludes the other. Reads no
  /// file.
  /// @errors `invalid_options`: the text names the options as on the command line.
  [[nodiscard]] result<void> check() const;
};

}  // namespace aether
