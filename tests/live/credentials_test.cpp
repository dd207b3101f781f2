// Whom a server lets in, and over what: passwords, tokens, NKeys, creds, TLS.

#include <aether/aether.hpp>
#include "support/bank.hpp"
#include "support/nats_talk.hpp"
#include "support/temp_files.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace {

using namespace aether;
using namespace std::chrono_literals;
using testing_support::nats_server;
using testing_support::temp_files;

// A key for this test alone.
constexpr const char* nkey = "UCB2SFM3WBV4O6HHHGULT4CJZRHT3HPAGCN4LRMM4TENC4WY327KPYAA";
constexpr const char* seed = "SUAPECVKQPJNM7GHTDMHTKIJ7PWRQ7524UMB5VP6VO354B3TCKGPJN5FNI";

std::string content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream{path}.rdbuf();
  return text.str();
}

/// A node with these credentials joins and stores something.
void check_usable(const options& with) {
  node one{with};
  one.host<bank::account>();
  const auto joined = one.join();
  REQUIRE_MESSAGE(joined.has_value(), joined.error().message());
  CHECK(one.actor<bank::account>("alice").ask(bank::deposit{5}, 10s).get().has_value());
  CHECK(one.leave());
}

error refusal_of(const options& with) {
  node one{with};
  const auto joined = one.join();
  REQUIRE_FALSE(joined.has_value());
  return joined.error();
}

options to(const nats_server& server) {
  options made;
  made.nats = server.url();
  made.node = "n1";
  made.shards = 8;
  made.streams = 1;
  return made;
}

bool has_openssl() { return std::system("openssl version >/dev/null 2>&1") == 0; }

/// A CA, and a certificate of it for `127.0.0.1` and `localhost`, below `files`.
void make_certificates(const temp_files& files, const std::string& ca, const std::string& names) {
  files.write("extensions", "subjectAltName=" + names + "\n");
  const std::string at = files.path("");
  const std::string script = "cd '" + at +
                             "' && exec >/dev/null 2>&1 && "
                             "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=" +
                             ca + "' -keyout " + ca + ".key -out " + ca +
                             ".pem && "
                             "openssl req -newkey rsa:2048 -nodes -subj '/CN=server' -keyout " +
                             ca +
                             "-server.key -out r.csr && "
                             "openssl x509 -req -in r.csr -days 2 -CA " +
                             ca + ".pem -CAkey " + ca +
                             ".key -CAcreateserial -extfile extensions -out " + ca + "-server.pem";
  REQUIRE(std::system(script.c_str()) == 0);
}

std::string tls_config(const temp_files& files, const std::string& ca, const std::string& more) {
  return "tls { cert_file: \"" + files.path(ca + "-server.pem") + "\", key_file: \"" +
         files.path(ca + "-server.key") + "\"" + more + " }\n";
}

}  // namespace

TEST_CASE("credentials: a wrong password is named as refused, without the password") {
  const nats_server server{{.config = "authorization { user: \"u\", password: \"right\" }"}};
  const temp_files files;
  options with = to(server);
  with.nats_user = "u";
  with.nats_password_file = files.write("password", "right\nsecond line\n");
  check_usable(with);
  files.write("password", "hunter2");
  const error no = refusal_of(with);
  CHECK(no.code() == errc::not_permitted);
  CHECK(no.text().find("refused the credentials") != std::string::npos);
  CHECK(no.text().find("hunter2") == std::string::npos);
  options in_url = to(server);
  in_url.nats = "nats://u:hunter2@127.0.0.1:" + std::to_string(server.port());
  const error same = refusal_of(in_url);
  CHECK(same.code() == errc::not_permitted);
  CHECK(same.text().find("hunter2") == std::string::npos);
}

TEST_CASE("credentials: a token opens, another one does not") {
  const nats_server server{{.config = "authorization { token: \"t0ken\" }"}};
  const temp_files files;
  options with = to(server);
  CHECK(refusal_of(with).code() == errc::not_permitted);
  with.nats_token_file = files.write("token", "t0ken\n");
  check_usable(with);
  files.write("token", "hunter2");
  CHECK(refusal_of(with).code() == errc::not_permitted);
  with.nats_token_file = files.path("nothing here");
  const error no = refusal_of(with);
  CHECK(no.code() == errc::invalid_options);
  CHECK(no.text().find("nats-token-file: '") == 0);
}

TEST_CASE("credentials: an NKey opens with its seed") {
  const nats_server server{
      {.config = "authorization { users: [ { nkey: \"" + std::string{nkey} + "\" } ] }"}};
  const temp_files files;
  options with = to(server);
  with.nats_nkey = nkey;
  with.nats_nkey_seed = files.write("seed", std::string{seed} + "\n");
  check_usable(with);
  files.write("seed", "SUAnoseed\n");
  const error no = refusal_of(with);
  CHECK(no.text().find("noseed") == std::string::npos);
}

TEST_CASE("credentials: a creds file opens a server with an operator") {
  const std::string at = AETHER_TESTS_DIR "/security/";
  const nats_server server{{.config = content(at + "operator.conf")}};
  options with = to(server);
  CHECK(refusal_of(with).code() == errc::not_permitted);
  with.nats_creds = at + "user.creds";
  check_usable(with);
}

TEST_CASE("tls: the server is believed when the CA vouches for it and for its name, else not") {
  if (!has_openssl()) {
    MESSAGE("SKIPPED: there is no program openssl, so TLS is not tested");
    return;
  }
  const temp_files files;
  make_certificates(files, "good", "IP:127.0.0.1,DNS:localhost");
  make_certificates(files, "other", "DNS:elsewhere.example");
  const nats_server server{{.config = tls_config(files, "good", "")}};
  options with = to(server);
  with.nats_tls_ca = files.path("good.pem");
  check_usable(with);
  with.nats = "tls://localhost:" + std::to_string(server.port());
  check_usable(with);

  with.nats_tls_ca = files.path("other.pem");
  const error untrusted = refusal_of(with);
  CHECK(untrusted.code() == errc::unavailable);
  CHECK(untrusted.text().find("TLS") != std::string::npos);
  CHECK(untrusted.text().find("certificate") != std::string::npos);

  with.nats_tls_ca = files.write("no.pem", "no certificate\n");
  CHECK(refusal_of(with).code() == errc::invalid_options);

  const nats_server elsewhere{{.config = tls_config(files, "other", "")}};
  options misnamed = to(elsewhere);
  misnamed.nats_tls_ca = files.path("other.pem");
  CHECK(refusal_of(misnamed).code() == errc::unavailable);
  misnamed.nats_tls_name = "elsewhere.example";
  check_usable(misnamed);
}

TEST_CASE("tls: a server that wants certificates gets them, and one without TLS is refused") {
  if (!has_openssl()) {
    MESSAGE("SKIPPED: there is no program openssl, so TLS is not tested");
    return;
  }
  const temp_files files;
  make_certificates(files, "good", "IP:127.0.0.1,DNS:localhost");
  const nats_server strict{
      {.config = tls_config(files, "good",
                            ", ca_file: \"" + files.path("good.pem") + "\", verify: true")}};
  options with = to(strict);
  with.nats_tls_ca = files.path("good.pem");
  CHECK(refusal_of(with).code() == errc::unavailable);
  with.nats_tls_cert = files.path("good-server.pem");
  with.nats_tls_key = files.path("good-server.key");
  check_usable(with);

  const nats_server plain;
  options demanding = to(plain);
  demanding.nats_tls = true;
  const error no = refusal_of(demanding);
  CHECK(no.code() == errc::unavailable);
  CHECK(no.text().find("has no TLS") != std::string::npos);
}
