#include "support/nats_talk.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

using namespace aether;
using namespace std::literals;
using testing_support::answers;
using testing_support::await;
using testing_support::await_limit;
using testing_support::connect;
using testing_support::echo;
using testing_support::listen;
using testing_support::nats_server;
using testing_support::text_of;

TEST_CASE("a killed server fails open requests promptly and everything works after its return") {
  nats_server server;
  const auto nats = connect(server);
  std::vector<bool> states;
  std::mutex mutex;
  nats->on_state([&](bool connected) {
    const std::lock_guard guard{mutex};
    states.push_back(connected);
  });
  const auto silent = listen(nats, "silent", [](nats_message) {});
  const auto responder = echo(nats, "echo");
  answers open;
  for (int i = 0; i < 100; ++i) nats->request({.subject = "silent"}, 10min, open.once());
  REQUIRE(nats->flush(await_limit));
  server.kill();
  REQUIRE(open.reach(100));
  CHECK(open.all() == std::vector<std::string>(100, "timed_out"));

  REQUIRE(await([&] { return !nats->connected(); }));
  const auto refused = nats->request_wait({.subject = "echo"}, await_limit);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == errc::unavailable);

  server.restart();
  REQUIRE(await([&] { return nats->connected(); }));
  const auto answer =
      nats->request_wait({.subject = "echo", .payload = as_bytes_view("again")}, await_limit);
  REQUIRE(answer);
  CHECK(text_of(*answer) == "again");
  CHECK(await([&] {
    const std::lock_guard guard{mutex};
    return states == std::vector{false, true};
  }));
}

TEST_CASE("close answers open requests and later calls, and no handler runs afterwards") {
  const nats_server server;
  const auto nats = connect(server);
  const auto other = connect(server);
  std::atomic<int> seen{0};
  const auto silent = listen(nats, "silent", [&](nats_message) { ++seen; });
  answers open;
  for (int i = 0; i < 100; ++i) nats->request({.subject = "silent"}, 10min, open.once());
  nats->close();
  CHECK(open.all() == std::vector<std::string>(100, "not_running"));
  const int at_close = seen;

  static_cast<void>(other->publish({.subject = "silent"}));
  REQUIRE(other->flush(await_limit));
  CHECK(seen == at_close);
  CHECK_FALSE(nats->connected());
  CHECK(nats->publish({.subject = "x"}).error().code() == errc::unavailable);
  CHECK(nats->subscribe("x", [](nats_message) {}).error().code() == errc::not_running);
  CHECK(nats->request_wait({.subject = "x"}, 1s).error().code() == errc::not_running);
  CHECK_FALSE(nats->flush(10ms));
  nats->close();
}

TEST_CASE("close returns while the server is away or does not answer") {
  nats_server server;
  SUBCASE("away") {
    const auto nats = connect(server);
    server.kill();
    REQUIRE(await([&] { return !nats->connected(); }));
    nats->close();
  }
  SUBCASE("not answering") {
    const auto nats = connect(server);
    const auto listener = listen(nats, "x", [](nats_message) {});
    server.pause();
    nats->close();
    server.resume();
  }
}

TEST_CASE("the last reference to a connection may go inside its own handler") {
  const nats_server server;
  std::atomic<bool> done{false};
  auto nats = connect(server);
  const auto responder = echo(nats, "echo");
  auto* const raw = nats.get();
  raw->request({.subject = "echo"}, await_limit,
               [&done, last = std::move(nats)](result<nats_message>) mutable {
                 last.reset();
                 done = true;
               });
  CHECK(await([&] { return done.load(); }));
}

TEST_CASE("open says what the server is, or why it cannot be used") {
  SUBCASE("usable") {
    const nats_server server;
    const auto info = connect(server)->server();
    CHECK_FALSE(info.version.empty());
    CHECK(info.at_least(2, 9, 10));
    CHECK(info.payload_bytes_max == 1024 * 1024);
    CHECK((info.api_level > 0) == info.at_least(2, 11, 0));
  }
  SUBCASE("without JetStream") {
    const nats_server server{{.jetstream = false}};
    const auto opened = nats_connection::open({.url = server.url()});
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code() == errc::unsupported_server);
    CHECK(opened.error().text().contains("-js"));
  }
  SUBCASE("no server") {
    nats_server server;
    server.kill();
    const auto opened =
        nats_connection::open({.url = "nats://me:secret@" + server.url().substr(7)});
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code() == errc::unavailable);
    CHECK(opened.error().text().contains(server.url().substr(7)));
    CHECK_FALSE(opened.error().text().contains("secret"));
  }
  SUBCASE("not an address") {
    for (const char* url : {"", "nats://", "http://x:1", "nats://h:0", "nats://h:x", "h:1,,h:2"}) {
      CAPTURE(url);
      const auto opened = nats_connection::open({.url = url});
      REQUIRE_FALSE(opened);
      CHECK(opened.error().code() == errc::invalid_options);
    }
  }
}

TEST_CASE("open uses whichever of several addresses answers, with its credentials") {
  nats_server gone;
  gone.kill();
  const nats_server server{{.config = "authorization { user: me, password: secret }"}};
  const std::string host_port = server.url().substr(7);
  const auto opened =
      nats_connection::open({.url = gone.url() + ", nats://me:secret@" + host_port});
  if (!opened) FAIL(opened.error().message());
  CHECK((*opened)->connected());
  CHECK((*opened)->server().at_least(2, 9, 10));
  CHECK(nats_connection::open({.url = server.url()}).error().code() == errc::not_permitted);
}
