#include <aether/runtime/nats_options.hpp>
#include <aether/runtime/options.hpp>
#include <aether/runtime/subjects.hpp>

#include <algorithm>
#include <string_view>
#include <vector>

namespace aether {
namespace {

std::unexpected<error> refuse(std::string text) {
  return fail(errc::invalid_options, std::move(text));
}

/// The kinds of credentials that are given, by the option that gives them.
std::vector<std::string_view> given_credentials(const nats_options& from) {
  std::vector<std::string_view> given;
  if (from.url.find('@') != std::string::npos) given.emplace_back("a user in the address");
  if (!from.user.empty()) given.emplace_back("nats-user");
  if (!from.token_file.empty()) given.emplace_back("nats-token-file");
  if (!from.creds_file.empty()) given.emplace_back("nats-creds");
  if (!from.nkey.empty()) given.emplace_back("nats-nkey");
  return given;
}

result<void> both_or_none(std::string_view first, const std::string& one, std::string_view second,
                          const std::string& other) {
  if (one.empty() == other.empty()) return {};
  const auto [has, lacks] = one.empty() ? std::pair{second, first} : std::pair{first, second};
  return refuse(std::string{has} + " needs " + std::string{lacks} + " as well");
}

/// Encryption is asked of the whole connection, not of one server.
result<void> check_schemes(std::string_view urls) {
  std::size_t encrypted = 0;
  std::size_t all = 1;
  for (std::size_t at = 0; (at = urls.find(',', at)) != std::string_view::npos; ++at) ++all;
  for (std::size_t at = 0; (at = urls.find("tls://", at)) != std::string_view::npos; ++at)
    encrypted += at == 0 || urls[at - 1] == ',' || urls[at - 1] == ' ' ? 1 : 0;
  if (encrypted == 0 || encrypted == all) return {};
  return refuse("nats: either all addresses begin with tls:// or none");
}

}  // namespace

nats_options nats_options::of(const options& from) {
  nats_options made;
  made.url = from.nats;
  made.client_name = from.node;
  made.inbox_prefix =
      subjects{*namespace_name::parse(from.prefix), *namespace_name::parse(from.ns)}.inboxes();
  made.user = from.nats_user;
  made.password_file = from.nats_password_file;
  made.token_file = from.nats_token_file;
  made.creds_file = from.nats_creds;
  made.nkey = from.nats_nkey;
  made.nkey_seed_file = from.nats_nkey_seed;
  made.tls = from.nats_tls;
  made.tls_ca_file = from.nats_tls_ca;
  made.tls_cert_file = from.nats_tls_cert;
  made.tls_key_file = from.nats_tls_key;
  made.tls_name = from.nats_tls_name;
  return made;
}

result<void> nats_options::check() const {
  if (const auto given = given_credentials(*this); given.size() > 1)
    return refuse(std::string{given[0]} + " and " + std::string{given[1]} +
                  " exclude each other: a connection has one kind of credentials");
  if (auto ok = both_or_none("nats-user", user, "nats-password-file", password_file); !ok)
    return ok;
  if (auto ok = both_or_none("nats-nkey", nkey, "nats-nkey-seed", nkey_seed_file); !ok) return ok;
  if (auto ok = both_or_none("nats-tls-cert", tls_cert_file, "nats-tls-key", tls_key_file); !ok)
    return ok;
  return check_schemes(url);
}

}  // namespace aether
