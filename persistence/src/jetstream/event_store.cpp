#include <aether/persistence/jetstream_store.hpp>
#include <aether/runtime/timers.hpp>
#include "../commit_format.hpp"
#include "../commit_rules.hpp"
#include "append_operation.hpp"
#include "place.hpp"
#include "read_operation.hpp"

namespace aether {

namespace {

/// Batched direct gets came with this API level, server 2.11.
constexpr int paged_reads_level = 1;
/// What the server counts against its payload limit besides the payload.
constexpr std::size_t headers_bytes_max = 2'048;

append_timing timing_of(const jetstream_timing& timing) {
  return {timing.request_timeout, timing.append_deadline, timing.backoff_min, timing.backoff_max};
}

std::size_t payload_bytes_max(const nats_connection& connection) {
  const std::size_t server = connection.server().payload_bytes_max;
  if (server == 0) return commit_bytes_max;
  return std::min(commit_bytes_max, server - std::min(server, headers_bytes_max));
}

}  // namespace

struct jetstream_event_store::impl {
  std::shared_ptr<nats_connection> connection;
  subjects names;
  jetstream_layout layout;
  jetstream_timing timing;
  std::size_t bytes_max;
  std::shared_ptr<timers> clock = std::make_shared<timers>();

  [[nodiscard]] result<append_operation::request> prepare(const actor_address& address,
                                                          const log_position& expected,
                                                          const commit& next) const {
    if (auto valid = validate(next, expected); !valid) return std::unexpected(valid.error());
    bytes payload = encode_commit(next);
    if (auto fits = check_size(payload.size(), bytes_max); !fits)
      return std::unexpected(fits.error());
    auto headers = commit_headers(next);
    headers.add("Nats-Expected-Last-Subject-Sequence", expected.sequence.value());
    return append_operation::request{place_of(names, layout, address), std::move(payload),
                                     std::move(headers)};
  }
};

jetstream_event_store::jetstream_event_store(std::shared_ptr<nats_connection> connection,
                                             subjects names, jetstream_layout layout,
                                             jetstream_timing timing)
    : impl_{std::make_shared<impl>(connection, std::move(names), layout, timing,
                                   payload_bytes_max(*connection))} {}

jetstream_event_store::~jetstream_event_store() { impl_->clock->stop(); }

void jetstream_event_store::append(const actor_address& address, log_position expected, commit next,
                                   append_handler handler) {
  auto prepared = impl_->prepare(address, expected, next);
  if (!prepared) {
    const std::string who = to_string(address) + ": ";
    handler(fail(prepared.error().code(), who + prepared.error().text()));
    return;
  }
  append_machine machine{next.id, expected, next.last(), timing_of(impl_->timing)};
  std::make_shared<append_operation>(impl_->connection, impl_->clock, std::move(machine),
                                     std::move(*prepared), std::move(handler))
      ->start();
}

void jetstream_event_store::read(const actor_address& address, event_version from,
                                 stream_sequence after, std::size_t commits_max,
                                 read_handler handler) {
  const bool pages = impl_->connection->server().api_level >= paged_reads_level;
  read_machine machine{from, after, commits_max, pages, impl_->layout.replicas > 1};
  std::make_shared<read_operation>(
      impl_->connection, place_of(impl_->names, impl_->layout, address), std::move(machine),
      impl_->timing.request_timeout, std::move(handler))
      ->start();
}

void jetstream_event_store::latest(const actor_address& address, latest_handler handler) {
  auto place = place_of(impl_->names, impl_->layout, address);
  const auto query = last_query(place.subject);
  const auto stream = place.stream;
  auto answered = [place = std::move(place), handler = std::move(handler)](
                      result<std::optional<stored_record>> read) mutable {
    if (!read) return handler(std::unexpected(at_place(place, read.error())));
    if (!*read) return handler(std::nullopt);
    auto found = decode_record(**read, place);
    if (!found) return handler(std::unexpected(std::move(found).error()));
    handler(std::optional{std::move(*found)});
  };
  // A replica may lag behind; with one replica there is no other.
  const auto get = impl_->layout.replicas > 1 ? &leader_get : &direct_get;
  get(*impl_->connection, stream, query, impl_->timing.request_timeout, std::move(answered));
}

}  // namespace aether
