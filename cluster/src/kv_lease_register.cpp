#include "kv_lease_register.hpp"

#include <aether/runtime/codec.hpp>
#include <aether/runtime/log.hpp>

#include <utility>

namespace aether::cluster {

namespace {

/// A replicated stream takes its servers a moment.
constexpr std::chrono::seconds create_timeout{5};

}  // namespace

lease_state lease_of(const kv_entry& entry) {
  if (entry.value.empty()) return {.revision = entry.revision};
  auto record = decode<lease_record>(entry.value);
  if (record) return {entry.revision, std::move(*record)};
  log::error("cluster", "lease_unreadable", {{"reason", record.error().message()}});
  lease_record unreadable;
  unreadable.holder = "?";
  return {entry.revision, unreadable};
}

kv_lease_register::kv_lease_register(std::shared_ptr<nats_connection> connection, subjects names,
                                     const std::string& name, std::uint32_t replicas,
                                     std::chrono::milliseconds request_timeout)
    : connection_{std::move(connection)},
      key_{"election." + name},
      subject_{names.election(name)},
      replicas_{replicas},
      bucket_{connection_, std::move(names), request_timeout} {}

void kv_lease_register::prepare(std::function<void()> announced, ready_handler ready) {
  if (!listening_) {
    auto listening = connection_->subscribe(
        subject_, [announced = std::move(announced)](const nats_message&) { announced(); });
    if (!listening) return ready(std::unexpected(std::move(listening).error()));
    announcements_ = std::move(*listening);
    listening_ = true;
  }
  bucket_.create(replicas_, std::move(ready), create_timeout);
}

void kv_lease_register::read(read_handler handler) {
  bucket_.read(key_, [handler = std::move(handler)](result<kv_entry> entry) mutable {
    if (!entry) return handler(std::unexpected(std::move(entry).error()));
    handler(lease_of(*entry));
  });
}

void kv_lease_register::write(std::uint64_t expected, const lease_record& record,
                              write_handler handler) {
  bucket_.write(key_, expected, encode(record), std::move(handler));
}

void kv_lease_register::announce() {
  // Whoever misses it finds out by reading, a quarter of a lease later.
  (void)connection_->publish({subject_}, nats_flush::now);
}

}  // namespace aether::cluster
