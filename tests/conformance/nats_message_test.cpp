#include "support/nats_talk.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace aether;
using namespace std::literals;
using testing_support::answers;
using testing_support::await;
using testing_support::await_limit;
using testing_support::connect;
using testing_support::listen;
using testing_support::nats_server;
using testing_support::say;
using testing_support::text_of;

TEST_CASE("headers and empty payloads arrive as sent") {
  const nats_server server;
  const auto nats = connect(server);
  answers seen;
  const auto listener = listen(nats, "headers", [&](nats_message message) {
    CHECK(message.subject() == "headers");
    CHECK(message.reply_to() == "back");
    CHECK(message.payload().empty());
    CHECK(message.header("A") == "one");
    CHECK(message.header("B") == "two: words");
    CHECK_FALSE(message.header("a").has_value());
    seen.once()(std::move(message));
  });
  REQUIRE(nats->publish({.subject = "headers", .headers = {{"A", "one"}, {"B", "two: words"}}},
                        "back", nats_flush::now));
  CHECK(seen.reach(1));
}

TEST_CASE("messages of one publisher arrive in order, however they are flushed") {
  const nats_server server;
  const auto sender = connect(server);
  const auto receiver = connect(server);
  constexpr int count = 20'000;
  std::vector<int> seen;
  std::atomic<int> arrived{0};
  const auto listener = listen(receiver, "order.>", [&](nats_message message) {
    seen.push_back(std::stoi(text_of(message)));
    ++arrived;
  });
  for (int i = 0; i < count; ++i) {
    const std::string text = std::to_string(i);
    const auto flush = i % 7 == 0 ? nats_flush::now : nats_flush::soon;
    REQUIRE(sender->publish({.subject = "order.x", .payload = as_bytes_view(text)}, flush));
  }
  REQUIRE(await([&] { return arrived == count; }));
  std::vector<int> expected(count);
  std::iota(expected.begin(), expected.end(), 0);
  CHECK(seen == expected);
}

TEST_CASE("each message goes to one member of a queue group") {
  const nats_server server;
  const auto nats = connect(server);
  std::atomic<int> first{0};
  std::atomic<int> second{0};
  std::atomic<int> outside{0};
  const auto one = listen(
      nats, "work", [&](nats_message) { ++first; }, "group");
  const auto two = listen(
      nats, "work", [&](nats_message) { ++second; }, "group");
  const auto all = listen(nats, "work", [&](nats_message) { ++outside; });
  for (int i = 0; i < 1'000; ++i) say(nats, "work", "x");
  REQUIRE(await([&] { return outside == 1'000 && first + second == 1'000; }));
  CHECK(first > 0);
  CHECK(second > 0);
}

TEST_CASE("a destroyed subscription handles what had arrived and then no more") {
  const nats_server server;
  const auto nats = connect(server);
  const auto other = connect(server);
  std::atomic<int> seen{0};
  {
    const auto listener = listen(nats, "drained", [&](nats_message) { ++seen; });
    for (int i = 0; i < 1'000; ++i) say(other, "drained", "x");
    REQUIRE(other->flush(await_limit));
    REQUIRE(nats->flush(await_limit));
  }
  CHECK(await([&] { return seen == 1'000; }));
  REQUIRE(nats->flush(await_limit));
  const auto unheard = other->request_wait({.subject = "drained"}, await_limit);
  REQUIRE_FALSE(unheard);
  CHECK(unheard.error().code() == errc::unavailable);
  CHECK(seen == 1'000);
}

TEST_CASE("subscriptions come and go by the thousand while messages arrive for them") {
  const nats_server server;
  const auto nats = connect(server);
  const auto other = connect(server);
  std::atomic<bool> stop{false};
  std::jthread traffic{[&] {
    while (!stop) {
      // A full buffer is no fault here: the point is that messages keep coming.
      static_cast<void>(other->publish({.subject = "churn"}));
    }
  }};
  std::atomic<int> seen{0};
  for (int i = 0; i < 3'000; ++i) {
    auto listener = nats->subscribe("churn", [&](nats_message) { ++seen; });
    if (!listener) FAIL_CHECK(listener.error().message());
  }
  stop = true;
  traffic.join();
  CHECK(nats->flush(await_limit));
  nats->close();
}

TEST_CASE("a subscription may be destroyed by its own handler") {
  const nats_server server;
  const auto nats = connect(server);
  std::mutex mutex;
  std::optional<nats_connection::subscription> self;
  std::atomic<int> seen{0};
  {
    const std::lock_guard guard{mutex};
    self = listen(nats, "once", [&](nats_message) {
      const std::lock_guard inner{mutex};
      self.reset();
      ++seen;
    });
  }
  say(nats, "once", "x");
  CHECK(await([&] { return seen >= 1; }));
  const auto later = await([&] {
    const auto answer = nats->request_wait({.subject = "once"}, 100ms);
    return !answer && answer.error().code() == errc::unavailable;
  });
  CHECK(later);
}

TEST_CASE("what is published while the server is away arrives in order when it is back") {
  nats_server server;
  const auto nats = connect(server);
  answers seen;
  const auto listener =
      listen(nats, "kept", [&](nats_message message) { seen.once()(std::move(message)); });
  server.kill();
  REQUIRE(await([&] { return !nats->connected(); }));
  const std::vector<std::string> texts{"1", "2", "3"};
  for (const std::string& text : texts) say(nats, "kept", text);
  server.restart();
  REQUIRE(nats->flush(await_limit));
  say(nats, "kept", "4");
  REQUIRE(seen.reach(4));
  CHECK(seen.all() == std::vector<std::string>{"1", "2", "3", "4"});
}

TEST_CASE("the buffer for a server that is away is bounded") {
  nats_server server;
  const auto nats = connect(server);
  server.kill();
  REQUIRE(await([&] { return !nats->connected(); }));
  const std::string megabyte(1'000'000, 'x');
  const nats_outgoing message{.subject = "big", .payload = as_bytes_view(megabyte)};
  for (int i = 0; i < 8; ++i) CHECK(nats->publish(message));
  const auto refused = nats->publish(message);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == errc::unavailable);
}

TEST_CASE("the buffer for a server that does not read is bounded, and publishing does not block") {
  nats_server server;
  const auto nats = connect(server);
  server.pause();
  const std::string megabyte(1'000'000, 'x');
  const nats_outgoing message{.subject = "big", .payload = as_bytes_view(megabyte)};
  result<void> published;
  const bool refused =
      await([&] { return !(published = nats->publish(message, nats_flush::now)); });
  server.resume();
  REQUIRE(refused);
  CHECK(published.error().code() == errc::unavailable);
  CHECK(await([&] { return nats->publish(message).has_value(); }));
  CHECK(nats->flush(await_limit));
}

TEST_CASE("what was published before close arrives") {
  const nats_server server;
  const auto nats = connect(server);
  const auto other = connect(server);
  std::atomic<int> seen{0};
  const auto listener = listen(other, "last", [&](nats_message) { ++seen; });
  for (int i = 0; i < 10'000; ++i) say(nats, "last", "x");
  nats->close();
  CHECK(await([&] { return seen == 10'000; }));
}

TEST_CASE("a message over the server's limit is refused with both sizes") {
  const nats_server server{{.config = "max_payload: 2000"}};
  const auto nats = connect(server);
  CHECK(nats->server().payload_bytes_max == 2'000);
  const std::string fits(2'000, 'x');
  const std::string over(2'001, 'x');
  CHECK(nats->publish({.subject = "x", .payload = as_bytes_view(fits)}));
  const auto refused = nats->publish({.subject = "x", .payload = as_bytes_view(over)});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == errc::invalid_argument);
  CHECK(refused.error().text().contains("2001"));
  CHECK(refused.error().text().contains("2000"));
  // Headers count too, exactly: "NATS/1.0\r\n" "A: b\r\n" "\r\n" are 18 bytes.
  const auto with_header = [&](std::size_t size) {
    return nats->publish(
        {.subject = "x", .payload = as_bytes_view({fits.data(), size}), .headers = {{"A", "b"}}});
  };
  CHECK(with_header(2'000 - 18));
  CHECK_FALSE(with_header(2'000 - 17));
  CHECK(nats->flush(await_limit));
  CHECK(nats->connected());
}

TEST_CASE("what would break out of its line in the protocol, or arrive changed, is refused") {
  const nats_server server;
  const auto nats = connect(server);
  const auto code_of = [&](const nats_outgoing& message) {
    const auto published = nats->publish(message);
    const auto answer = nats->request_wait(message, await_limit);
    CHECK(answer.error().code() == published.error().code());
    return published.error().code();
  };
  for (const std::string_view subject :
       {"", " ", "a b", "a\r\nPUB b 0\r\n", "a\tb", ".a", "a.", "a..b"}) {
    CAPTURE(subject);
    CHECK(code_of({.subject = subject}) == errc::invalid_argument);
    const auto refused = nats->subscribe(subject, [](nats_message) {});
    CHECK(refused.error().code() == errc::invalid_argument);
  }
  for (const std::string_view value :
       {"a\r\nB: c"sv, "a\n"sv, "\r"sv, "a\0b"sv, ""sv, " a"sv, "a "sv}) {
    CAPTURE(value);
    CHECK(code_of({.subject = "x", .headers = {{"A", value}}}) == errc::invalid_argument);
  }
  for (const std::string_view name : {"", "A:", "A\r\nB", "A B"}) {
    CAPTURE(name);
    CHECK(code_of({.subject = "x", .headers = {{name, "v"}}}) == errc::invalid_argument);
  }
  CHECK(nats->connected());
}
