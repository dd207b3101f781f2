#pragma once

#include <arpa/inet.h>
#include <cstdint>
#include <netinet/in.h>
#include <random>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace aether::testing_support {

/// A port of 127.0.0.1 that was free, kept for one server until this object ends. The server says
/// SO_REUSEADDR, as all that are written in Go do: it may listen there, end and come back; nobody
/// else is given the port meanwhile.
class held_port {
 public:
  /// Below the ports that systems hand out by themselves, of which they ask nobody.
  held_port() {
    std::random_device random;
    std::uniform_int_distribution<int> any{10'000, 30'000};
    for (int tries = 0; tries < 1'000; ++tries)
      if (hold(static_cast<std::uint16_t>(any(random)))) return;
    throw std::runtime_error("no free port below 30000");
  }
  held_port(const held_port&) = delete;
  held_port& operator=(const held_port&) = delete;
  ~held_port() { ::close(fd_); }
  [[nodiscard]] std::uint16_t number() const noexcept { return number_; }

 private:
  bool hold(std::uint16_t port) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    number_ = port;
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int yes = 1;
    // Said only now: the port that another holds is not to be had.
    if (::bind(fd_, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0 &&
        ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0)
      return true;
    ::close(fd_);
    return false;
  }

  int fd_ = -1;
  std::uint16_t number_ = 0;
};

}  // namespace aether::testing_support
