#include "runtime/src/nats/server_probe.hpp"

#include <doctest/doctest.h>

#include <string_view>

using namespace aether;
using nats::parse_jetstream_level;

namespace {

result<int> level(std::string_view answer) { return parse_jetstream_level(as_bytes_view(answer)); }

}  // namespace

TEST_CASE("server probe: the API level is what the server says, and 0 where it says none") {
  CHECK(level(R"({"api":{"level":4,"total":1}})") == 4);
  CHECK(level(R"({"api":{"total":1}})") == 0);
  CHECK(level(R"({})") == 0);
  CHECK(level("no JSON").error().code() == errc::decode_failed);
}

TEST_CASE("server probe: a server without JetStream is unsupported, one without a leader is not") {
  for (const auto* never :
       {R"({"error":{"code":503,"err_code":10076,"description":"jetstream not enabled"}})",
        R"({"error":{"code":503,"err_code":10039,"description":"not enabled for account"}})"})
    CHECK(level(never).error().code() == errc::unsupported_server);
  const auto now = level(
      R"({"error":{"code":503,"err_code":10008,"description":"system temporarily unavailable"}})");
  CHECK(now.error().code() == errc::unavailable);
  CHECK(now.error().text().find("system temporarily unavailable") != std::string::npos);
}
