#pragma once

#include <aether/persistence/event_store.hpp>
#include <aether/runtime/nats.hpp>
#include <aether/runtime/subjects.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace aether {

/// Asks a stream for its subjects under a filter, page by page, and takes the actors' ids from
/// them. Owned by the request it waits for.
class list_actors final : public std::enable_shared_from_this<list_actors> {
 public:
  list_actors(std::shared_ptr<nats_connection> connection, subjects names, std::string stream,
              std::string filter, std::chrono::milliseconds timeout,
              event_store::actors_handler handler)
      : connection_{std::move(connection)},
        names_{std::move(names)},
        stream_{std::move(stream)},
        filter_{std::move(filter)},
        timeout_{timeout},
        handler_{std::move(handler)} {}

  void start() { ask(); }

 private:
  void ask();
  void answered(const result<nats_message>& answer);
  void finish();

  std::shared_ptr<nats_connection> connection_;
  subjects names_;
  std::string stream_;
  std::string filter_;
  std::chrono::milliseconds timeout_;
  event_store::actors_handler handler_;
  std::size_t subjects_seen_ = 0;
  std::vector<actor_id> found_;
};

}  // namespace aether
