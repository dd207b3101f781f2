#include <aether/persistence/jetstream_store.hpp>
#include "../commit_rules.hpp"
#include "../snapshot_format.hpp"
#include "pub_ack.hpp"
#include "scans.hpp"
#include "server_features.hpp"
#include "stored_record.hpp"

namespace aether {

namespace {

result<void> saved(const result<nats_message>& answer) {
  if (!answer) return std::unexpected(answer.error());
  pub_ack ack = parse_pub_ack(answer->payload());
  switch (ack.what) {
    case pub_ack::kind::stored:
    case pub_ack::kind::duplicate:
      return {};
    case pub_ack::kind::busy:
      return fail(errc::unavailable, std::move(ack.text));
    case pub_ack::kind::unreadable:
      return fail(errc::timed_out, std::move(ack.text));
    case pub_ack::kind::conflict:
    case pub_ack::kind::refused:
    case pub_ack::kind::not_stored_here:
      break;
  }
  return fail(errc::store_failed, std::move(ack.text));
}

result<std::optional<snapshot>> loaded(const result<std::optional<stored_record>>& read,
                                       std::uint64_t owner) {
  if (!read) return std::unexpected(read.error());
  if (!*read) return std::nullopt;
  auto found = snapshot_of(**read, owner);
  if (!found) return std::unexpected(std::move(found).error());
  return std::optional{std::move(*found)};
}

}  // namespace

struct jetstream_snapshot_store::impl {
  std::shared_ptr<nats_connection> connection;
  subjects names;
  jetstream_layout layout;
  jetstream_timing timing;

  [[nodiscard]] std::string subject_of(const actor_address& address) const {
    return names.snapshot(shard_of(address, layout.shards), address);
  }

  void scan(scan_request what, std::unique_ptr<scan_sink> sink) const {
    std::make_shared<scan_operation>(connection, std::move(what), timing.request_timeout,
                                     std::move(sink))
        ->start();
  }

  [[nodiscard]] std::uint64_t owner_of(const actor_address& address) const {
    return owner_mark(names.name(), address);
  }

  [[nodiscard]] result<bytes> prepare(const actor_address& address, const snapshot& taken) const {
    if (auto valid = validate(taken); !valid) return std::unexpected(valid.error());
    bytes payload = encode_snapshot(taken, owner_of(address));
    if (auto fits = check_size(payload.size(), storable_bytes_max(connection->server())); !fits)
      return std::unexpected(fits.error());
    return payload;
  }
};

jetstream_snapshot_store::jetstream_snapshot_store(std::shared_ptr<nats_connection> connection,
                                                   subjects names, jetstream_layout layout,
                                                   jetstream_timing timing)
    : impl_{std::make_shared<impl>(std::move(connection), std::move(names), layout, timing)} {}

jetstream_snapshot_store::~jetstream_snapshot_store() = default;

void jetstream_snapshot_store::save(const actor_address& address, snapshot taken,
                                    save_handler handler) {
  const auto payload = impl_->prepare(address, taken);
  if (!payload) return handler(std::unexpected(payload.error()));
  const auto subject = impl_->subject_of(address);
  const auto headers = snapshot_headers(taken);
  auto answered = [handler = std::move(handler)](result<nats_message> answer) mutable {
    handler(saved(answer));
  };
  impl_->connection->request({subject, *payload, headers.headers()}, impl_->timing.request_timeout,
                             std::move(answered), nats_flush::soon);
}

void jetstream_snapshot_store::load(const actor_address& address, event_version at_most,
                                    load_handler handler) {
  auto named = [who = to_string(address),
                handler = std::move(handler)](result<std::optional<snapshot>> found) mutable {
    if (!found)
      found = fail(found.error().code(), "snapshot of " + who + ": " + found.error().text());
    handler(std::move(found));
  };
  auto answered = [self = impl_, subject = impl_->subject_of(address),
                   owner = impl_->owner_of(address), at_most,
                   named = std::move(named)](result<std::optional<stored_record>> read) mutable {
    auto newest = loaded(read, owner);
    const bool unreadable = !newest && newest.error().code() == errc::corrupt_history;
    const bool too_new = newest && *newest && (*newest)->position.version > at_most;
    if (!unreadable && !too_new) return named(std::move(newest));
    if (self->layout.snapshots_kept == 1 && unreadable) return named(std::move(newest));
    self->scan({self->names.snapshot_stream(), {subject}},
               snapshot_sink(at_most, owner, std::move(named)));
  };
  direct_get(*impl_->connection, impl_->names.snapshot_stream(),
             last_query(impl_->subject_of(address)), impl_->timing.request_timeout,
             std::move(answered));
}

void jetstream_snapshot_store::load_shards(shard_range which, shard_handler handler) {
  const shard_range all{shard_id{0}, impl_->layout.shards};
  if (!which.within(all))
    return handler(fail(errc::invalid_argument, "there is no " + to_string(which)));
  scan_request what{.stream = impl_->names.snapshot_stream(), .filters = {}, .newest_only = true};
  if (which != all)
    what.filters = filters_of(which, features_of(impl_->connection->server()).several_filters,
                              [&](shard_id one) { return impl_->names.shard_snapshots(one); });
  // "The newest of each subject" is refused without a filter.
  if (what.filters.empty()) what.filters.push_back(impl_->names.all_snapshots());
  impl_->scan(std::move(what),
              snapshots_sink(impl_->names, which, impl_->layout.shards, std::move(handler)));
}

}  // namespace aether
