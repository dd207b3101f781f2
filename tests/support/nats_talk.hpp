#pragma once

#include <aether/runtime/nats.hpp>
#include "support/await.hpp"
#include "support/nats_server.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Talking over a real server, for tests.
namespace aether::testing_support {

using connection = std::shared_ptr<nats_connection>;

inline connection connect(const nats_server& server) {
  auto opened = nats_connection::open({.url = server.url()});
  if (!opened) FAIL(opened.error().message());
  return *std::move(opened);
}

inline nats_connection::subscription listen(const connection& nats, std::string_view subject,
                                            nats_connection::message_handler handler,
                                            std::string_view queue = {}) {
  auto made = nats->subscribe(subject, std::move(handler), queue);
  if (!made) FAIL(made.error().message());
  REQUIRE(nats->flush(await_limit));
  return *std::move(made);
}

/// Answers every message with its own payload.
inline nats_connection::subscription echo(const connection& nats, std::string_view subject) {
  return listen(nats, subject, [raw = nats.get()](nats_message message) {
    static_cast<void>(raw->publish({.subject = message.reply_to(), .payload = message.payload()},
                                   nats_flush::now));
  });
}

inline void say(const connection& nats, std::string_view subject, std::string_view text) {
  REQUIRE(nats->publish({.subject = subject, .payload = as_bytes_view(text)}));
}

inline std::string text_of(const nats_message& message) {
  return std::string{as_text(message.payload())};
}

/// What a handler was called with, from whatever thread. The handlers share it: a request that is
/// still open at the end of a test is answered when its connection goes.
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

}  // namespace aether::testing_support
