#include "credentials.hpp"

#include <algorithm>
#include <fstream>
#include <string>
#include <string_view>

namespace aether::nats {
namespace {

constexpr std::size_t secret_bytes_max = 64 * 1024;

std::unexpected<error> refuse(std::string_view option, const std::string& path,
                              std::string_view why) {
  return fail(errc::invalid_options, std::string{option} + ": '" + path + "' " + std::string{why});
}

/// The first line of a file that holds a secret.
result<std::string> first_line(std::string_view option, const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  std::string line;
  if (!file.is_open() || file.peek() == std::ifstream::traits_type::eof())
    return refuse(option, path, "cannot be read, or is empty");
  for (char c = 0; line.size() <= secret_bytes_max && file.get(c) && c != '\n';) line += c;
  if (!line.empty() && line.back() == '\r') line.pop_back();
  if (line.empty()) return refuse(option, path, "has an empty first line");
  if (line.size() > secret_bytes_max || line.find('\0') != std::string::npos)
    return refuse(option, path, "does not hold one line of text");
  return line;
}

/// The client library opens these itself, and says less when it cannot.
result<void> readable(std::string_view option, const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  if (file.is_open() && file.peek() != std::ifstream::traits_type::eof()) return {};
  return refuse(option, path, "cannot be read, or is empty");
}

result<void> taken(natsStatus status, std::string_view option, const std::string& path) {
  if (status == NATS_OK) return {};
  return refuse(option, path,
                std::string{"is not what it should be: "} + natsStatus_GetText(status));
}

result<void> apply_password(natsOptions* options, const nats_options& from) {
  const auto password = first_line("nats-password-file", from.password_file);
  if (!password) return std::unexpected(password.error());
  return taken(natsOptions_SetUserInfo(options, from.user.c_str(), password->c_str()),
               "nats-password-file", from.password_file);
}

result<void> apply_token(natsOptions* options, const nats_options& from) {
  const auto token = first_line("nats-token-file", from.token_file);
  if (!token) return std::unexpected(token.error());
  return taken(natsOptions_SetToken(options, token->c_str()), "nats-token-file", from.token_file);
}

result<void> apply_creds(natsOptions* options, const nats_options& from) {
  if (auto ok = readable("nats-creds", from.creds_file); !ok) return ok;
  return taken(natsOptions_SetUserCredentialsFromFiles(options, from.creds_file.c_str(), nullptr),
               "nats-creds", from.creds_file);
}

result<void> apply_nkey(natsOptions* options, const nats_options& from) {
  if (auto ok = readable("nats-nkey-seed", from.nkey_seed_file); !ok) return ok;
  return taken(natsOptions_SetNKeyFromSeed(options, from.nkey.c_str(), from.nkey_seed_file.c_str()),
               "nats-nkey-seed", from.nkey_seed_file);
}

result<void> apply_identity(natsOptions* options, const nats_options& from) {
  if (!from.user.empty()) return apply_password(options, from);
  if (!from.token_file.empty()) return apply_token(options, from);
  if (!from.creds_file.empty()) return apply_creds(options, from);
  if (!from.nkey.empty()) return apply_nkey(options, from);
  return {};
}

bool wants_tls(const nats_options& from) {
  return from.tls || !from.tls_ca_file.empty() || !from.tls_cert_file.empty() ||
         from.url.starts_with("tls://");
}

result<void> apply_tls(natsOptions* options, const nats_options& from) {
  if (wants_tls(from)) {
    if (natsOptions_SetSecure(options, true) != NATS_OK)
      return fail(errc::invalid_options, "nats-tls: this build of the client library has no TLS");
  }
  if (!from.tls_ca_file.empty()) {
    if (auto ok = readable("nats-tls-ca", from.tls_ca_file); !ok) return ok;
    const auto status = natsOptions_LoadCATrustedCertificates(options, from.tls_ca_file.c_str());
    if (auto ok = taken(status, "nats-tls-ca", from.tls_ca_file); !ok) return ok;
  }
  if (!from.tls_cert_file.empty()) {
    if (auto ok = readable("nats-tls-cert", from.tls_cert_file); !ok) return ok;
    if (auto ok = readable("nats-tls-key", from.tls_key_file); !ok) return ok;
    const auto status = natsOptions_LoadCertificatesChain(options, from.tls_cert_file.c_str(),
                                                          from.tls_key_file.c_str());
    if (auto ok = taken(status, "nats-tls-cert", from.tls_cert_file); !ok) return ok;
  }
  if (from.tls_name.empty()) return {};
  return taken(natsOptions_SetExpectedHostname(options, from.tls_name.c_str()), "nats-tls-name",
               from.tls_name);
}

}  // namespace

result<void> apply_credentials(natsOptions* options, const nats_options& from) {
  if (auto ok = apply_identity(options, from); !ok) return ok;
  return apply_tls(options, from);
}

}  // namespace aether::nats
