#pragma once

#include <aether/persistence/event_store.hpp>
#include <aether/runtime/nats.hpp>
#include "place.hpp"

#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

namespace aether {

/// Fetches the messages at given sequences, many requests under way at once, and keeps those that
/// are commits of the actor. Owned by the requests it waits for.
/// How many, is `first_window` until the first answer, then as many of its size as make
/// `bytes_in_flight`: a server gives up on a client that is too far behind.
class fetch_operation final : public std::enable_shared_from_this<fetch_operation> {
 public:
  static constexpr std::size_t first_window = 32;
  static constexpr std::size_t bytes_in_flight = 4 << 20;

  fetch_operation(std::shared_ptr<nats_connection> connection, commit_place place,
                  std::vector<stream_sequence> sequences, std::chrono::milliseconds timeout,
                  event_store::read_handler handler)
      : connection_{std::move(connection)},
        place_{std::move(place)},
        sequences_{std::move(sequences)},
        found_(sequences_.size()),
        missing_{sequences_.size()},
        timeout_{timeout},
        handler_{std::move(handler)} {}

  void start();

 private:
  /// A part of `sequences_`.
  struct range {
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  void ask(range some);
  /// What may be asked for now that an answer of that size has come.
  [[nodiscard]] range next_after(std::size_t size);
  void answered(std::size_t nth, const result<std::optional<stored_record>>& read);
  void finish();

  std::shared_ptr<nats_connection> connection_;
  commit_place place_;
  std::vector<stream_sequence> sequences_;
  /// Requests that fail at once answer on the caller's thread, the others on the connection's.
  std::mutex mutex_;
  std::vector<std::optional<recorded_commit>> found_;
  std::optional<error> failed_;
  std::size_t missing_;
  std::size_t asked_ = 0;
  const std::chrono::milliseconds timeout_;
  event_store::read_handler handler_;
};

}  // namespace aether
