#include <aether/persistence/jetstream_store.hpp>
#include "../commit_rules.hpp"
#include "../snapshot_format.hpp"
#include "pub_ack.hpp"
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
      break;
  }
  return fail(errc::store_failed, std::move(ack.text));
}

result<std::optional<snapshot>> loaded(const result<std::optional<stored_record>>& read) {
  if (!read) return std::unexpected(read.error());
  if (!*read) return std::nullopt;
  auto found = decode_snapshot((*read)->payload, (*read)->format);
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

  [[nodiscard]] result<bytes> prepare(const snapshot& taken) const {
    if (auto valid = validate(taken); !valid) return std::unexpected(valid.error());
    bytes payload = encode_snapshot(taken);
    if (auto fits = check_size(payload.size(), commit_bytes_max); !fits)
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
  const auto payload = impl_->prepare(taken);
  if (!payload) return handler(std::unexpected(payload.error()));
  const auto subject = impl_->subject_of(address);
  const auto headers = snapshot_headers(taken);
  auto answered = [handler = std::move(handler)](result<nats_message> answer) mutable {
    handler(saved(answer));
  };
  impl_->connection->request({subject, *payload, headers.headers()}, impl_->timing.request_timeout,
                             std::move(answered), nats_flush::soon);
}

void jetstream_snapshot_store::load(const actor_address& address, load_handler handler) {
  auto answered = [who = to_string(address), handler = std::move(handler)](
                      result<std::optional<stored_record>> read) mutable {
    auto found = loaded(read);
    if (!found)
      found = fail(found.error().code(), "snapshot of " + who + ": " + found.error().text());
    handler(std::move(found));
  };
  direct_get(*impl_->connection, impl_->names.snapshot_stream(),
             last_query(impl_->subject_of(address)), impl_->timing.request_timeout,
             std::move(answered));
}

}  // namespace aether
