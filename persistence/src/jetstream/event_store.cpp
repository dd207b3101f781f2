#include <aether/persistence/jetstream_store.hpp>
#include <aether/runtime/timers.hpp>
#include "../commit_format.hpp"
#include "../commit_rules.hpp"
#include "append_operation.hpp"
#include "fetch_operation.hpp"
#include "list_actors.hpp"
#include "place.hpp"
#include "read_operation.hpp"
#include "scans.hpp"
#include "server_features.hpp"
#include "stream_watch.hpp"

namespace aether {

namespace {

append_timing timing_of(const jetstream_timing& timing, std::uint32_t replicas) {
  return {timing.request_timeout, timing.append_deadline, timing.backoff_min, timing.backoff_max,
          replicas > 1 ? stream_watch::replica_patience : std::chrono::milliseconds{0}};
}

std::vector<std::string> event_streams(const subjects& names, const jetstream_layout& layout) {
  std::vector<std::string> all;
  for (std::uint32_t k = 0; k < layout.streams; ++k) all.push_back(names.event_stream(k));
  return all;
}

}  // namespace

struct jetstream_event_store::impl {
  std::shared_ptr<nats_connection> connection;
  subjects names;
  jetstream_layout layout;
  jetstream_timing timing;
  std::shared_ptr<stream_watch> watch = std::make_shared<stream_watch>(
      connection, event_streams(names, layout), timing.stream_check, layout.replicas > 1);
  std::shared_ptr<timers> clock = std::make_shared<timers>();

  [[nodiscard]] commit_place place(const actor_address& address) const {
    return place_of(names, layout, address);
  }

  [[nodiscard]] result<append_operation::request> prepare(const actor_address& address,
                                                          const log_position& expected,
                                                          const commit& next) const {
    if (auto valid = validate(next, expected); !valid) return std::unexpected(valid.error());
    auto where = place(address);
    bytes payload = encode_commit(next, {where.owner, expected.commit});
    // Asked for each time: after a reconnect it may be another server's.
    if (auto fits = check_size(payload.size(), storable_bytes_max(connection->server())); !fits)
      return std::unexpected(fits.error());
    return append_operation::request{std::move(where), std::move(payload), commit_header(next),
                                     std::to_string(expected.sequence.value())};
  }

  [[nodiscard]] result<void> check(const shard_range& which) const {
    if (!which.within({shard_id{0}, layout.shards}))
      return fail(errc::invalid_argument, "there is no " + to_string(which));
    const auto stream = stream_of(which.first, layout.shards, layout.streams);
    if (which.within(shards_of_stream(stream, layout.shards, layout.streams))) return {};
    return fail(errc::invalid_argument,
                to_string(which) + " are not stored together; ask for the part of each stream");
  }
  [[nodiscard]] std::string stream(shard_id shard) const {
    return names.event_stream(stream_of(shard, layout.shards, layout.streams));
  }

  void scan(scan_request what, std::unique_ptr<scan_sink> sink) const {
    std::make_shared<scan_operation>(connection, std::move(what), timing.request_timeout,
                                     std::move(sink))
        ->start();
  }
};

jetstream_event_store::jetstream_event_store(std::shared_ptr<nats_connection> connection,
                                             subjects names, jetstream_layout layout,
                                             jetstream_timing timing)
    : impl_{std::make_shared<impl>(std::move(connection), std::move(names), layout, timing)} {}

jetstream_event_store::~jetstream_event_store() { impl_->clock->stop(); }

void jetstream_event_store::append(const actor_address& address, log_position expected, commit next,
                                   append_handler handler) {
  auto prepared = impl_->prepare(address, expected, next);
  if (!prepared) {
    const std::string who = to_string(address) + ": ";
    handler(fail(prepared.error().code(), who + prepared.error().text()));
    return;
  }
  append_machine machine{next.id, expected, next.last(),
                         timing_of(impl_->timing, impl_->layout.replicas)};
  auto appending = std::make_shared<append_operation>(impl_->connection, impl_->watch, impl_->clock,
                                                      std::move(machine), std::move(*prepared),
                                                      std::move(handler));
  // The server's condition is the sequence alone. Who names the commit there knows its version.
  const bool vouched = expected.version.value() == 0 || !expected.commit.is_nil();
  vouched ? appending->start() : appending->start_after_check();
}

void jetstream_event_store::read(const actor_address& address, event_version from,
                                 stream_sequence after, std::size_t commits_max,
                                 read_handler handler) {
  const bool pages = features_of(impl_->connection->server()).paged_reads;
  read_machine machine{from, after, commits_max, pages, impl_->layout.replicas > 1};
  std::make_shared<read_operation>(impl_->connection, impl_->place(address), std::move(machine),
                                   impl_->timing.request_timeout, std::move(handler))
      ->start();
}

void jetstream_event_store::fetch(const actor_address& address,
                                  std::vector<stream_sequence> sequences, read_handler handler) {
  std::make_shared<fetch_operation>(impl_->connection, impl_->place(address), std::move(sequences),
                                    impl_->timing.request_timeout, std::move(handler))
      ->start();
}

void jetstream_event_store::latest(const actor_address& address, latest_handler handler) {
  auto place = impl_->place(address);
  if (auto behind = impl_->watch->verdict(place.stream_index); !behind)
    return handler(std::unexpected(at_place(place, behind.error())));
  const auto query = last_query(place.subject);
  const auto stream = place.stream;
  auto answered = [place = std::move(place), watch = impl_->watch, handler = std::move(handler)](
                      result<std::optional<stored_record>> read) mutable {
    if (!read) return handler(std::unexpected(at_place(place, read.error())));
    if (!*read) return handler(std::nullopt);
    auto found = decode_record(**read, place);
    watch->saw(place.stream_index, {(*read)->sequence, found ? found->commit.id : commit_id{}});
    if (!found) return handler(std::unexpected(std::move(found).error()));
    handler(std::optional{std::move(*found)});
  };
  // A replica may lag behind; with one replica there is no other.
  const auto get = impl_->layout.replicas > 1 ? &leader_get : &direct_get;
  get(*impl_->connection, stream, query, impl_->timing.request_timeout, std::move(answered),
      nats_flush::now);
}

void jetstream_event_store::records(const actor_address& address, records_handler handler) {
  auto place = impl_->place(address);
  scan_request what{place.stream, {place.subject}};
  impl_->scan(std::move(what), records_sink(std::move(place), std::move(handler)));
}

std::uint32_t jetstream_event_store::shards() const noexcept { return impl_->layout.shards; }

void jetstream_event_store::actors(const actor_type& type, shard_id shard, actors_handler handler) {
  if (auto valid = impl_->check(shard); !valid) return handler(std::unexpected(valid.error()));
  actor_names found{impl_->names, shard, impl_->layout.shards};
  std::make_shared<list_actors>(impl_->connection, std::move(found), impl_->stream(shard),
                                impl_->names.type_commits(shard, type),
                                impl_->timing.request_timeout, std::move(handler))
      ->start();
}

shard_range jetstream_event_store::stored_together(shard_id shard) const noexcept {
  const auto& layout = impl_->layout;
  const auto stream = stream_of(shard, layout.shards, layout.streams);
  return shards_of_stream(stream, layout.shards, layout.streams);
}

bool jetstream_event_store::forgets() const noexcept {
  return impl_->layout.events_max_age.count() > 0;
}

void jetstream_event_store::read_shards(shard_range which, stream_sequence after,
                                        shard_handler handler) {
  const auto& layout = impl_->layout;
  if (auto valid = impl_->check(which); !valid) {
    (void)handler(std::unexpected(valid.error()));
    return;
  }
  const auto k = stream_of(which.first, layout.shards, layout.streams);
  if (auto behind = impl_->watch->verdict(k); !behind) {
    (void)handler(std::unexpected(behind.error()));
    return;
  }
  scan_request what{impl_->names.event_stream(k), {}, after};
  if (which != stored_together(which.first))
    what.filters = filters_of(which, features_of(impl_->connection->server()).several_filters,
                              [&](shard_id one) { return impl_->names.shard_commits(one); });
  wanted_shards wanted{which, layout.shards, what.stream, k, layout.replicas == 1};
  impl_->scan(std::move(what),
              shards_sink(impl_->names, std::move(wanted), impl_->watch, std::move(handler)));
}

}  // namespace aether
