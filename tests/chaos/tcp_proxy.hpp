#pragma once

#include "examples/flights/child_process.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace aether::chaos {

/// What a proxy does with what comes.
enum class flow : std::uint8_t {
  open,         ///< passes it on, both ways
  blocked,      ///< holds it back, both ways; connections stay, new ones get nowhere
  no_upward,    ///< holds back what clients send; new connections get nowhere
  no_downward,  ///< holds back what the server sends; new connections get nowhere
  cut,          ///< resets every connection, and every new one
};

/// A TCP proxy on 127.0.0.1 in front of one port of 127.0.0.1, whose traffic can be disturbed. What
/// was held back passes when it is open again, as after a partition that TCP has survived; nothing
/// is lost from within a connection.
///
/// Threads: all members from any thread. It has one of its own.
class tcp_proxy {
 public:
  /// Listens on a port that was free.
  /// @throws std::system_error where there is none, or no thread.
  explicit tcp_proxy(std::uint16_t target = 0);
  tcp_proxy(const tcp_proxy&) = delete;
  tcp_proxy& operator=(const tcp_proxy&) = delete;
  /// Resets every connection.
  ~tcp_proxy();

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// For connections that come from now on; until there is a target, they wait.
  void lead_to(std::uint16_t target);
  /// Returns at once; holds for what comes from a few milliseconds later on.
  void set(flow how);

 private:
  static constexpr std::size_t buffer_bytes = 65'536;

  /// What goes from one socket to another.
  struct lane {
    std::array<char, buffer_bytes> data;
    std::size_t begin = 0, end = 0;
    bool source_ended = false, passed_on = false;
    [[nodiscard]] bool empty() const noexcept { return begin == end; }
    [[nodiscard]] bool wants_input() const noexcept { return empty() && !source_ended; }
  };
  struct link {
    flights::owned_fd client, server;
    lane upward, downward;
    bool broken = false;
  };

  void run();
  void wait(flow how);
  void welcome(flow how);
  void open_link(flights::owned_fd client);
  void move_all(flow how);
  static void move(link& on, lane& from, int source, int sink);
  static void reset(link& one);

  std::uint16_t port_ = 0;  // before the listener, which finds it
  flights::owned_fd listener_;
  flights::owned_fd wake_;
  std::atomic<std::uint16_t> target_;
  std::atomic<flow> flow_{flow::open};
  std::atomic<bool> ended_{false};
  std::list<link> links_;
  std::thread thread_;
};

/// A listener on a free port of 127.0.0.1, which is put into `port`.
/// @throws std::system_error where there is none.
[[nodiscard]] flights::owned_fd listen_on_free_port(std::uint16_t& port);

/// A connection to a port of 127.0.0.1; -1 when nobody listens.
[[nodiscard]] flights::owned_fd connect_to_port(std::uint16_t port);

}  // namespace aether::chaos
