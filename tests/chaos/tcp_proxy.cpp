#include "tcp_proxy.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <random>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace aether::chaos {

namespace {

using flights::owned_fd;

/// So often a thread looks about itself, should it miss a wake-up.
constexpr int look_about_ms = 200;
constexpr int backlog = 128;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  where.sin_port = htons(port);
  return where;
}

owned_fd make_socket() { return owned_fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}; }

bool bind_to(const owned_fd& socket, std::uint16_t port) {
  const sockaddr_in where = loopback(port);
  return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0;
}

/// The next `close` sends RST.
void reset_when_closed(const owned_fd& socket) {
  const linger abruptly{1, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &abruptly, sizeof abruptly);
}

void prepare(const owned_fd& socket) {
  const int yes = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  ::fcntl(socket.get(), F_SETFL, ::fcntl(socket.get(), F_GETFL) | O_NONBLOCK);
}

bool passes_upward(flow how) { return how == flow::open || how == flow::no_downward; }
bool passes_downward(flow how) { return how == flow::open || how == flow::no_upward; }

}  // namespace

owned_fd listen_on_free_port(std::uint16_t& port) {
  // Below the ports that systems hand out by themselves, so that nobody gets one of them by chance
  // while its owner is away.
  std::random_device random;
  std::uniform_int_distribution<int> any{10'000, 30'000};
  for (int tries = 0; tries < 1'000; ++tries) {
    owned_fd made = make_socket();
    port = static_cast<std::uint16_t>(any(random));
    if (bind_to(made, port) && ::listen(made.get(), backlog) == 0) return made;
  }
  throw std::system_error(errno, std::generic_category(), "no free port below 30000");
}

owned_fd connect_to_port(std::uint16_t port) {
  owned_fd made = make_socket();
  const sockaddr_in where = loopback(port);
  if (::connect(made.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0)
    return owned_fd{};
  return made;
}

tcp_proxy::tcp_proxy(std::uint16_t target)
    : listener_{listen_on_free_port(port_)},
      wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)},
      target_{target} {
  prepare(listener_);
  thread_ = std::thread{[this] { run(); }};
}

tcp_proxy::~tcp_proxy() {
  ended_ = true;
  ::eventfd_write(wake_.get(), 1);
  thread_.join();
  for (link& one : links_) reset(one);
}

void tcp_proxy::lead_to(std::uint16_t target) {
  target_ = target;
  ::eventfd_write(wake_.get(), 1);
}

void tcp_proxy::set(flow how) {
  flow_ = how;
  ::eventfd_write(wake_.get(), 1);
}

void tcp_proxy::run() {
  while (!ended_) {
    const flow how = flow_;
    wait(how);
    if (how == flow::cut)
      for (link& one : links_) one.broken = true;
    else
      move_all(how);
    for (link& one : links_)
      if (one.broken) reset(one);
    links_.remove_if([](const link& one) { return one.broken; });
    welcome(how);
  }
}

/// Until there is something to do. A socket of which nothing is wanted is not watched: an end or an
/// error of its peer would be told over and over.
void tcp_proxy::wait(flow how) {
  const bool welcomes = (how == flow::open && target_ != 0) || how == flow::cut;
  std::vector<pollfd> watched{{wake_.get(), POLLIN, 0},
                              {welcomes ? listener_.get() : -1, POLLIN, 0}};
  const auto watch = [&](bool passes, const lane& on, const owned_fd& source,
                         const owned_fd& sink) {
    if (!passes) return;
    if (on.wants_input()) watched.push_back({source.get(), POLLIN, 0});
    if (!on.empty()) watched.push_back({sink.get(), POLLOUT, 0});
  };
  for (const link& one : links_) {
    watch(passes_upward(how), one.upward, one.client, one.server);
    watch(passes_downward(how), one.downward, one.server, one.client);
  }
  ::poll(watched.data(), watched.size(), look_about_ms);
  eventfd_t ignored = 0;
  ::eventfd_read(wake_.get(), &ignored);
}

void tcp_proxy::welcome(flow how) {
  if (how != flow::cut && (how != flow::open || target_ == 0)) return;
  for (;;) {
    owned_fd client{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    if (client.get() < 0) return;
    if (how == flow::cut)
      reset_when_closed(client);
    else
      open_link(std::move(client));
  }
}

void tcp_proxy::open_link(owned_fd client) {
  owned_fd server = connect_to_port(target_);
  if (server.get() < 0) return reset_when_closed(client);
  prepare(client);
  prepare(server);
  link& made = links_.emplace_back();
  made.client = std::move(client);
  made.server = std::move(server);
}

void tcp_proxy::move_all(flow how) {
  for (link& one : links_) {
    if (passes_upward(how)) move(one, one.upward, one.client.get(), one.server.get());
    if (passes_downward(how)) move(one, one.downward, one.server.get(), one.client.get());
    if (one.upward.passed_on && one.downward.passed_on) one.broken = true;
  }
}

void tcp_proxy::move(link& on, lane& from, int source, int sink) {
  const auto later = [] { return errno == EAGAIN || errno == EINTR; };
  if (from.wants_input()) {
    const auto got = ::recv(source, from.data.data(), from.data.size(), 0);
    from.begin = 0;
    from.end = got > 0 ? static_cast<std::size_t>(got) : 0;
    from.source_ended = got == 0;
    if (got < 0 && !later()) on.broken = true;
  }
  if (!from.empty()) {
    const auto sent =
        ::send(sink, from.data.data() + from.begin, from.end - from.begin, MSG_NOSIGNAL);
    if (sent > 0) from.begin += static_cast<std::size_t>(sent);
    if (sent < 0 && !later()) on.broken = true;
  }
  if (from.source_ended && from.empty() && !from.passed_on) {
    ::shutdown(sink, SHUT_WR);
    from.passed_on = true;
  }
}

void tcp_proxy::reset(link& one) {
  reset_when_closed(one.client);
  reset_when_closed(one.server);
}

}  // namespace aether::chaos
