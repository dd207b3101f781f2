#include <aether/aether.hpp>
#include "support/await.hpp"
#include "support/bank.hpp"
#include "support/nats_server.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

namespace {

using namespace aether;
using namespace std::chrono_literals;

options options_of(const std::string& name, const testing_support::nats_server& server) {
  options made;
  made.nats = server.url();
  made.node = name;
  made.shards = 16;
  made.streams = 2;
  return made;
}

}  // namespace

TEST_CASE("warm up: a node that takes shards over brings their actors to life, when told to") {
  constexpr std::size_t people = 20;
  const testing_support::nats_server server;
  {
    node before{options_of("before", server)};
    before.host<bank::account>();
    REQUIRE(before.join().has_value());
    for (std::size_t i = 0; i < people; ++i)
      REQUIRE(before.actor<bank::account>(std::to_string(i)).ask(bank::deposit{7}, 10s).get());
    REQUIRE(before.leave());
  }
  options settings = options_of("after", server);
  SUBCASE("on") { settings.warm_up = true; }
  SUBCASE("off") {}
  node after{settings};
  after.host<bank::account>();
  REQUIRE(after.join().has_value());
  if (settings.warm_up)
    CHECK(testing_support::await([&] { return after.status().actors.activations == people; }));
  else
    CHECK(after.status().actors.activations == 0);
  CHECK(after.actor<bank::account>("3").ask(bank::get_balance{}, 10s).get()->cents == 7);
  CHECK(after.status().actors.activations == (settings.warm_up ? people : 1));
  CHECK(after.leave());
}
