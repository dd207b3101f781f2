#pragma once

#include "outgoing.hpp"

#include <cstddef>
#include <deque>
#include <utility>

namespace aether::nats {

/// A message and what it costs of the buffer.
struct buffered_message {
  message_ptr message;
  std::size_t bytes = 0;
};

/// What was published while the connection was away, in order, at most `bytes_max`. The client
/// library has such a buffer too, but it holds its connection lock during each attempt to connect,
/// for up to the connect timeout, and every publisher would wait for it. Not thread-safe.
class outbox {
 public:
  static constexpr std::size_t bytes_max = 8 * 1024 * 1024;

  [[nodiscard]] bool has_room(std::size_t bytes) const noexcept {
    return bytes_ + bytes <= bytes_max;
  }
  [[nodiscard]] bool empty() const noexcept { return messages_.empty(); }

  void push(buffered_message message) {
    bytes_ += message.bytes;
    messages_.push_back(std::move(message));
  }
  /// @pre not `empty()`.
  [[nodiscard]] buffered_message take() {
    buffered_message taken = std::move(messages_.front());
    messages_.pop_front();
    bytes_ -= taken.bytes;
    return taken;
  }
  /// Undoes a `take`.
  void put_back(buffered_message message) {
    bytes_ += message.bytes;
    messages_.push_front(std::move(message));
  }

 private:
  std::deque<buffered_message> messages_;
  std::size_t bytes_ = 0;
};

}  // namespace aether::nats
