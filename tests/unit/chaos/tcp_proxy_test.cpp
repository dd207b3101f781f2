#include "chaos/tcp_proxy.hpp"

#include "support/await.hpp"

#include <doctest/doctest.h>

#include <poll.h>
#include <string>
#include <string_view>
#include <sys/socket.h>

namespace {

using namespace aether::chaos;
using namespace std::chrono_literals;
using aether::testing_support::await;
using flights::owned_fd;

/// So long nothing comes where nothing is to come.
constexpr int silence_ms = 60;

/// A server's side and a client's, with the proxy in between.
struct fixture {
  std::uint16_t port = 0;
  owned_fd listener = listen_on_free_port(port);
  tcp_proxy proxy{port};
  owned_fd client = connect_to_port(proxy.port());
  owned_fd server = accepted();

  owned_fd accepted(int limit_ms = 5'000) const {
    pollfd polled{listener.get(), POLLIN, 0};
    if (::poll(&polled, 1, limit_ms) != 1) return owned_fd{};
    return owned_fd{::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)};
  }
};

void send(const owned_fd& from, std::string_view text) {
  REQUIRE(::send(from.get(), text.data(), text.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(text.size()));
}

/// What comes within the limit; "<end>" and "<reset>" for the ends of connections.
std::string receive(const owned_fd& at, int limit_ms = 5'000) {
  pollfd polled{at.get(), POLLIN, 0};
  if (::poll(&polled, 1, limit_ms) != 1) return "";
  std::string text(1'000, '\0');
  const auto got = ::recv(at.get(), text.data(), text.size(), 0);
  if (got < 0) return "<reset>";
  text.resize(static_cast<std::size_t>(got));
  return got == 0 ? "<end>" : text;
}

}  // namespace

TEST_CASE("chaos proxy: it passes on both ways, ends too") {
  fixture all;
  send(all.client, "ping");
  CHECK(receive(all.server) == "ping");
  send(all.server, "pong");
  CHECK(receive(all.client) == "pong");
  ::shutdown(all.client.get(), SHUT_WR);
  CHECK(receive(all.server) == "<end>");
  send(all.server, "late");
  all.server = owned_fd{};
  CHECK(receive(all.client) == "late");
  CHECK(receive(all.client) == "<end>");
}

TEST_CASE("chaos proxy: what is held back in a black hole comes when it is open again") {
  fixture all;
  all.proxy.set(flow::blocked);
  receive(all.server, silence_ms);
  send(all.client, "ping");
  send(all.server, "pong");
  CHECK(receive(all.server, silence_ms) == "");
  CHECK(receive(all.client, silence_ms) == "");
  const owned_fd newcomer = connect_to_port(all.proxy.port());
  CHECK(all.accepted(silence_ms).get() < 0);
  all.proxy.set(flow::open);
  CHECK(receive(all.server) == "ping");
  CHECK(receive(all.client) == "pong");
  CHECK(all.accepted().get() >= 0);
}

TEST_CASE("chaos proxy: one direction can be a black hole alone") {
  fixture all;
  struct row {
    flow how;
    owned_fd fixture::*passes;
    owned_fd fixture::*is_held;
  };
  for (const row& one : {row{flow::no_upward, &fixture::server, &fixture::client},
                         row{flow::no_downward, &fixture::client, &fixture::server}}) {
    const owned_fd& sender = all.*one.passes;
    const owned_fd& receiver = all.*one.is_held;
    all.proxy.set(one.how);
    receive(all.client, silence_ms);
    send(sender, "passes");
    CHECK(receive(receiver) == "passes");
    send(receiver, "held");
    CHECK(receive(sender, silence_ms) == "");
    all.proxy.set(flow::open);
    CHECK(receive(sender) == "held");
  }
}

TEST_CASE("chaos proxy: a cut resets what is there and what comes") {
  fixture all;
  all.proxy.set(flow::cut);
  CHECK(receive(all.client) == "<reset>");
  CHECK(receive(all.server) == "<reset>");
  const owned_fd newcomer = connect_to_port(all.proxy.port());
  CHECK((newcomer.get() < 0 || receive(newcomer) == "<reset>"));
  all.proxy.set(flow::open);
  CHECK(await([&] {
    const owned_fd again = connect_to_port(all.proxy.port());
    return all.accepted(silence_ms).get() >= 0;
  }));
}

TEST_CASE("chaos proxy: where nobody listens behind it, connections are reset") {
  fixture all;
  all.listener = owned_fd{};
  const owned_fd newcomer = connect_to_port(all.proxy.port());
  CHECK((newcomer.get() < 0 || receive(newcomer) == "<reset>"));
}
