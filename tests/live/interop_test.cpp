// A client in another language, against a node: examples/interop/bank.py.

#include <aether/aether.hpp>
#include "support/bank.hpp"
#include "support/nats_server.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

using namespace aether;
using namespace std::chrono_literals;

/// A Python that has msgpack; empty when there is none.
std::string python() {
  for (const char* which : {"python3", "/usr/bin/python3"})
    if (std::system((std::string{which} + " -c 'import msgpack' 2>/dev/null").c_str()) == 0)
      return which;
  return {};
}

std::string output_of(const std::string& command) {
  FILE* const pipe = ::popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string out;
  std::array<char, 4096> part{};
  while (const std::size_t count = std::fread(part.data(), 1, part.size(), pipe))
    out.append(part.data(), count);
  CHECK_MESSAGE(::pclose(pipe) == 0, out);
  return out;
}

}  // namespace

TEST_CASE("interop: a Python script commands an actor, hears its event and reads its history") {
  const std::string interpreter = python();
  if (interpreter.empty()) {
    MESSAGE("SKIPPED: no python3 with msgpack (Debian: python3-msgpack), so no other language");
    return;
  }
  const testing_support::nats_server server;
  options settings;
  settings.nats = server.url();
  settings.node = "n1";
  settings.ns = "shop_1";
  settings.shards = 32;
  settings.streams = 3;
  node one{settings};
  one.host<bank::account>();
  REQUIRE(one.join().has_value());
  const std::string id = "a.b *> \u00e4=1";
  REQUIRE(one.actor<bank::account>(id).ask(bank::deposit{500}, 10s).get());
  const std::string said =
      output_of(interpreter + " " AETHER_EXAMPLES_DIR "/interop/bank.py 127.0.0.1:" +
                std::to_string(server.port()) + " shop_1 '" + id + "' 70000");
  CHECK(said ==
        "reply {\"cents\": 70500}\n"
        "event bank.deposited {\"cents\": 70000}\n"
        "history 1 bank.deposited {\"cents\": 500}\n"
        "history 2 bank.deposited {\"cents\": 70000}\n");
  CHECK(one.actor<bank::account>(id).ask(bank::get_balance{}, 10s).get()->cents == 70'500);
  CHECK(one.leave());
}
