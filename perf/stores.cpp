#include "stores.hpp"

#include "counter.hpp"

#include <stdexcept>
#include <thread>

namespace aether::perf {

namespace {

std::shared_ptr<nats_connection> connect(const std::string& url) {
  nats_options options;
  options.url = url;
  auto made = nats_connection::open(options);
  if (!made) throw std::runtime_error{made.error().message()};
  return *std::move(made);
}

event_record added_one() {
  static const bytes fields = encode(added{1});
  return {"perf.added", fields};
}

}  // namespace

stores::stores(const std::string& url)
    : names{*namespace_name::parse("aether"), *namespace_name::parse("perf")},
      connection{connect(url)} {
  const auto created = create_streams(*connection, names, layout);
  if (!created) throw std::runtime_error{created.error().message()};
  layout = *created;
  events = std::make_shared<jetstream_event_store>(connection, names, layout);
  snapshots = std::make_shared<jetstream_snapshot_store>(connection, names, layout);
}

stores::~stores() { connection->close(); }

std::vector<std::string> stores::event_streams() const {
  std::vector<std::string> all;
  for (std::uint32_t k = 0; k < layout.streams; ++k) all.push_back(names.event_stream(k));
  return all;
}

std::string stores::event_stream(const actor_address& address) const {
  return names.event_stream(
      stream_of(shard_of(address, layout.shards), layout.shards, layout.streams));
}

std::string stores::commits_subject(const actor_address& address) const {
  return names.commits(shard_of(address, layout.shards), address);
}

actor_address address_of(std::string_view type, std::size_t index) {
  return {*actor_type::parse(type), *actor_id::parse("c" + std::to_string(index))};
}

std::deque<history> histories(std::string_view type, std::size_t count) {
  std::deque<history> all;
  for (std::size_t i = 0; i < count; ++i) all.emplace_back(address_of(type, i));
  return all;
}

commit next_commit(const history& after, std::size_t events) {
  commit next;
  next.id = commit_id::make();
  next.first = event_version{after.version.value() + 1};
  next.events.assign(events, added_one());
  next.commands.push_back({command_id::make(), static_cast<std::uint32_t>(events), {}, {}});
  next.at = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  next.writer = "perf-1";
  next.epoch = writer_epoch{1};
  next.back_pointers = after.sequences;
  return next;
}

void writer::append(history& to, std::size_t events) {
  while (to.appending.load(std::memory_order_acquire)) std::this_thread::yield();
  free_.acquire();
  to.appending.store(true, std::memory_order_relaxed);
  store_.append(
      to.address, to.end(), next_commit(to, events),
      [this, &to, events](const result<log_position>& stored) { done(to, events, stored); });
}

void writer::done(history& to, std::size_t events, const result<log_position>& stored) {
  if (!stored) {
    if (failed_.fetch_add(1) == 0) why_ = stored.error().message();
  } else {
    to.version = event_version{to.version.value() + events};
    if (to.sequences.size() == commit_back_pointers_max) to.sequences.erase(to.sequences.begin());
    to.sequences.push_back(stored->sequence);
  }
  to.appending.store(false, std::memory_order_release);
  free_.release();
}

void writer::await_all() {
  for (std::ptrdiff_t i = 0; i < window_; ++i) free_.acquire();
  free_.release(window_);
}

void writer::finish() {
  await_all();
  if (failed_ == 0) return;
  throw std::runtime_error{std::to_string(failed_) + " appends failed, the first: " + why_};
}

void stop_or_throw(actor_host& host) {
  if (!host.stop(std::chrono::seconds{60})) throw std::runtime_error{"actors would not leave"};
}

}  // namespace aether::perf
