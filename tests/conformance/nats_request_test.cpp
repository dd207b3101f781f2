#include "support/nats_talk.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
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
using testing_support::say;
using testing_support::text_of;

TEST_CASE("a request is answered") {
  const nats_server server;
  const auto nats = connect(server);
  const auto responder = echo(nats, "echo");
  const auto answer =
      nats->request_wait({.subject = "echo", .payload = as_bytes_view("hello")}, await_limit);
  REQUIRE(answer);
  CHECK(text_of(*answer) == "hello");
  CHECK(answer->status() == 0);
}

TEST_CASE("a request that no one listens to is unavailable at once") {
  const nats_server server;
  const auto nats = connect(server);
  const auto answer = nats->request_wait({.subject = "nobody"}, await_limit * 10);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code() == errc::unavailable);
  CHECK(answer.error().text().contains("nobody"));
}

TEST_CASE("a request without an answer times out, and the late answer is dropped") {
  const nats_server server;
  const auto nats = connect(server);
  std::mutex mutex;
  std::string reply_to;
  const auto silent = listen(nats, "silent", [&](nats_message message) {
    const std::lock_guard guard{mutex};
    reply_to = message.reply_to();
  });
  answers seen;
  nats->request({.subject = "silent"}, 20ms, seen.once());
  REQUIRE(seen.reach(1));
  const std::lock_guard guard{mutex};
  say(nats, reply_to, "late");
  REQUIRE(nats->flush(await_limit));
  CHECK(seen.all() == std::vector<std::string>{"timed_out"});
}

TEST_CASE("short timeouts expire in order although a longer one was asked for first") {
  const nats_server server;
  const auto nats = connect(server);
  const auto silent = listen(nats, "silent", [](nats_message) {});
  answers longer;
  answers shorter;
  nats->request({.subject = "silent"}, 10min, longer.once());
  nats->request({.subject = "silent"}, 10ms, shorter.once());
  CHECK(shorter.reach(1));
  CHECK(longer.all().empty());
}

TEST_CASE("a stream of answers goes on until the handler has enough") {
  const nats_server server;
  const auto nats = connect(server);
  const auto source = listen(nats, "numbers", [raw = nats.get()](nats_message message) {
    for (const char* number : {"1", "2", "3", "4", "5"}) {
      static_cast<void>(
          raw->publish({.subject = message.reply_to(), .payload = as_bytes_view(number)}));
    }
  });
  answers seen;
  nats->request_stream({.subject = "numbers"}, await_limit, seen.until(3));
  REQUIRE(seen.reach(3));
  // The fourth and fifth have been delivered too when an answer to a later request has.
  REQUIRE(nats->request_wait({.subject = "numbers"}, await_limit));
  CHECK(seen.all() == std::vector<std::string>{"1", "2", "3"});
}

TEST_CASE("a stream that falls silent ends with an error after its last answer") {
  const nats_server server;
  const auto nats = connect(server);
  const auto source = echo(nats, "one");
  answers seen;
  nats->request_stream({.subject = "one", .payload = as_bytes_view("only")}, 50ms, seen.until(9));
  REQUIRE(seen.reach(2));
  CHECK(seen.all() == std::vector<std::string>{"only", "timed_out"});

  answers unheard;
  nats->request_stream({.subject = "nobody"}, await_limit, unheard.until(9));
  REQUIRE(unheard.reach(1));
  CHECK(unheard.all() == std::vector<std::string>{"unavailable"});
}

TEST_CASE("every one of many concurrent requests is answered exactly once with its own answer") {
  const nats_server server;
  const auto asker = connect(server);
  const auto other = connect(server);
  const auto responder = echo(other, "echo");
  constexpr int threads = 4;
  constexpr int each = 5'000;
  std::array<std::atomic<int>, threads * each> answered{};
  std::atomic<int> wrong{0};
  std::vector<std::jthread> askers;
  for (int t = 0; t < threads; ++t) {
    askers.emplace_back([&, t] {
      for (int i = t * each; i < (t + 1) * each; ++i) {
        const std::string text = std::to_string(i);
        asker->request(
            {.subject = "echo", .payload = as_bytes_view(text)}, await_limit * 4,
            [&, i, text](result<nats_message> answer) {
              if (!answer || text_of(*answer) != text) ++wrong;
              ++answered[static_cast<std::size_t>(i)];
            },
            i % 2 == 0 ? nats_flush::now : nats_flush::soon);
      }
    });
  }
  askers.clear();
  const auto done = [&] {
    return std::ranges::all_of(answered, [](const auto& count) { return count >= 1; });
  };
  REQUIRE(await(done, await_limit * 4));
  CHECK(std::ranges::all_of(answered, [](const auto& count) { return count == 1; }));
  CHECK(wrong == 0);
}

TEST_CASE("a pull hears stored messages, which keep their subjects; a plain request does not") {
  const nats_server server;
  const auto nats = connect(server);
  const auto ask = [&](std::string_view subject, std::string_view body) {
    const auto answer =
        nats->request_wait({.subject = subject, .payload = as_bytes_view(body)}, await_limit);
    REQUIRE(answer);
    REQUIRE(text_of(*answer).find("\"error\"") == std::string::npos);
  };
  ask("$JS.API.STREAM.CREATE.S", R"({"name": "S", "subjects": ["s", "t.u"]})");
  ask("$JS.API.CONSUMER.DURABLE.CREATE.S.c",
      R"({"stream_name": "S", "config": {"durable_name": "c", "ack_policy": "none"}})");
  for (const char* text : {"one", "three"}) ask("s", text);
  ask("t.u", "two");
  const nats_outgoing next{.subject = "$JS.API.CONSUMER.MSG.NEXT.S.c",
                           .payload = as_bytes_view(R"({"batch": 2})")};
  answers heard, unheard, closed;
  nats->pull(next, await_limit, heard.until(2));
  REQUIRE(heard.reach(2));
  CHECK(heard.all() == std::vector<std::string>{"one", "three"});
  nats->request_stream(next, 200ms, unheard.until(1));
  REQUIRE(unheard.reach(1));
  CHECK(unheard.all() == std::vector<std::string>{"timed_out"});
  nats->pull(next, 10min, closed.until(1));
  nats->close();
  CHECK(closed.all() == std::vector<std::string>{"not_running"});
}

TEST_CASE("a refused permission ends the request at once, with the subject") {
  const nats_server server{{.config = "authorization { users: [ { user: me, password: pw, "
                                      "permissions: { publish: { deny: \"no.>\" } } } ] }"}};
  const auto nats =
      nats_connection::open({.url = "nats://me:pw@" + server.url().substr(7)}).value();
  const auto listener = listen(nats, "no.way", [](nats_message) {});
  const auto answer = nats->request_wait({.subject = "no.way"}, await_limit);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code() == errc::not_permitted);
  CHECK(answer.error().text().contains("not publish on \"no.way\""));
}
