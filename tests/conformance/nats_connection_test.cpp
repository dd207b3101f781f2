#include <aether/runtime/nats.hpp>
#include "support/await.hpp"
#include "support/nats_server.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace aether;
using namespace std::literals;
using testing_support::await;
using testing_support::await_limit;
using testing_support::nats_server;
using connection = std::shared_ptr<nats_connection>;

connection connect(const nats_server& server) {
  auto opened = nats_connection::open({.url = server.url()});
  if (!opened) FAIL(opened.error().message());
  return *std::move(opened);
}

nats_connection::subscription listen(const connection& nats, std::string_view subject,
                                     nats_connection::message_handler handler,
                                     std::string_view queue = {}) {
  auto made = nats->subscribe(subject, std::move(handler), queue);
  if (!made) FAIL(made.error().message());
  REQUIRE(nats->flush(await_limit));
  return *std::move(made);
}

// Answers every message with its own payload.
nats_connection::subscription echo(const connection& nats, std::string_view subject) {
  return listen(nats, subject, [raw = nats.get()](nats_message message) {
    static_cast<void>(raw->publish({.subject = message.reply_to(), .payload = message.payload()},
                                   nats_flush::now));
  });
}

void say(const connection& nats, std::string_view subject, std::string_view text) {
  REQUIRE(nats->publish({.subject = subject, .payload = as_bytes_view(text)}));
}

std::string text_of(const nats_message& message) { return std::string{as_text(message.payload())}; }

// What a handler was called with, from whatever thread. The handlers share it: a request that is
// still open at the end of a test is answered when its connection goes.
class answers {
 public:
  nats_connection::reply_handler once() {
    return [to = state_](result<nats_message> answer) { add(*to, answer); };
  }
  nats_connection::stream_handler until(std::size_t count) {
    return [to = state_, count](result<nats_message> answer) { return add(*to, answer) < count; };
  }
  [[nodiscard]] std::vector<std::string> all() const {
    const std::lock_guard guard{state_->mutex};
    return state_->all;
  }
  [[nodiscard]] bool reach(std::size_t count) const {
    return await([&] { return all().size() >= count; });
  }

 private:
  struct state {
    std::mutex mutex;
    std::vector<std::string> all;
  };

  static std::size_t add(state& to, const result<nats_message>& answer) {
    const std::lock_guard guard{to.mutex};
    to.all.push_back(answer ? text_of(*answer) : std::string{to_string(answer.error().code())});
    return to.all.size();
  }

  std::shared_ptr<state> state_ = std::make_shared<state>();
};

}  // namespace

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
  CHECK(nats_connection::open({.url = server.url()}).error().code() == errc::unavailable);
}

TEST_CASE("a refused permission is told by the request that waits in vain") {
  const nats_server server{{.config = "authorization { users: [ { user: me, password: pw, "
                                      "permissions: { publish: { deny: \"no.>\" } } } ] }"}};
  const auto nats =
      nats_connection::open({.url = "nats://me:pw@" + server.url().substr(7)}).value();
  const auto listener = listen(nats, "no.way", [](nats_message) {});
  const auto answer = nats->request_wait({.subject = "no.way"}, 200ms);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code() == errc::timed_out);
  CHECK(answer.error().text().contains("no.way"));
  CHECK(answer.error().text().contains("ermission"));
}
