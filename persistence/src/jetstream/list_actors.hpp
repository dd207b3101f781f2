#pragma once

#include <aether/persistence/event_store.hpp>
#include <aether/runtime/nats.hpp>
#include <aether/runtime/subjects.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace aether {

/// The actors of one shard, out of the subjects that a stream names, in any order and perhaps more
/// than once: a subject that comes or goes between two pages moves the others.
class actor_names {
 public:
  /// @param shards of how many.
  actor_names(subjects names, shard_id shard, std::uint32_t shards)
      : names_{std::move(names)}, shard_{shard}, shards_{shards} {}

  /// A subject that is no actor's, or of an actor of another shard, is left out: no store finds it
  /// there.
  void take(std::string_view subject);
  /// Each once.
  [[nodiscard]] std::vector<actor_id> sorted() &&;

 private:
  subjects names_;
  shard_id shard_;
  std::uint32_t shards_;
  std::vector<actor_id> found_;
};

/// Asks a stream for its subjects under a filter, page by page, and takes the actors' ids from
/// them. Owned by the request it waits for.
class list_actors final : public std::enable_shared_from_this<list_actors> {
 public:
  list_actors(std::shared_ptr<nats_connection> connection, actor_names found, std::string stream,
              std::string filter, std::chrono::milliseconds timeout,
              event_store::actors_handler handler)
      : connection_{std::move(connection)},
        found_{std::move(found)},
        stream_{std::move(stream)},
        filter_{std::move(filter)},
        timeout_{timeout},
        handler_{std::move(handler)} {}

  void start() { ask(); }

 private:
  void ask();
  void answered(const result<nats_message>& answer);

  std::shared_ptr<nats_connection> connection_;
  actor_names found_;
  std::string stream_;
  std::string filter_;
  std::chrono::milliseconds timeout_;
  event_store::actors_handler handler_;
  std::size_t subjects_seen_ = 0;
};

}  // namespace aether
