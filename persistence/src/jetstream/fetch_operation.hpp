#pragma once

#include <aether/persistence/event_store.hpp>
#include <aether/runtime/nats.hpp>
#include "place.hpp"

#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

namespace aether {

/// Fetches the messages at given sequences, `window` requests under way at once, and keeps those
/// that are commits of the actor. Owned by the requests it waits for.
/// The window bounds what a server sends unasked for: it gives up on a client that is too far
/// behind.
class fetch_operation final : public std::enable_shared_from_this<fetch_operation> {
 public:
  static constexpr std::size_t window = 32;

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
  void ask(std::size_t nth, nats_flush flush);
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
