// Appends through the store alone, with no actor around them.

#include "benchmarks.hpp"
#include "persistence/src/commit_format.hpp"
#include "raw_nats.hpp"
#include "stores.hpp"
#include "tests/support/nats_server.hpp"
#include "timing.hpp"

#include <cstring>
#include <memory>

namespace aether::perf {

namespace {

constexpr std::size_t actors = 10'000;
constexpr std::ptrdiff_t window = 1'000;
constexpr std::size_t streams = 8;
constexpr const char* type = "counter";

/// Commits a second, one to each actor in turn.
double append_rate(const std::string& url, std::size_t total, std::size_t events) {
  const stores to{url};
  auto all = histories(type, actors);
  writer out{*to.events, window};
  const auto begin = clock::now();
  for (std::size_t i = 0; i < total; ++i) out.append(all[i % actors], events);
  out.finish();
  return per_second(total, begin);
}

/// A commit in the middle of such a run.
commit typical_commit(std::size_t total, std::size_t events) {
  history half{address_of(type, actors / 2)};
  const std::size_t commits = total / actors / 2;
  for (std::size_t i = 1; i <= commits; ++i)
    half.sequences.emplace_back(i * actors / streams + 5'000);
  half.version = event_version{commits * events};
  return next_commit(half, events);
}

/// As large as a store writes it.
const commit_frame as_stored{~std::uint64_t{0}, commit_id::make()};

/// A server of its own for each pair of runs.
struct fresh_server {
  void start() {
    running.reset();
    running = std::make_unique<testing_support::nats_server>();
  }
  /// As many bytes as Aether stores for `like`, the condition's header aside.
  [[nodiscard]] double raw(std::size_t total, const commit& like) const {
    const auto payload = encode_commit(like, as_stored).size();
    const auto header = commit_header(like).size() + std::strlen(commit_header_name) + 4;
    return publish(total, payload + header, {}, false);
  }
  /// The same bytes in our form, to streams that republish: what no client gets past.
  [[nodiscard]] double raw_in_our_form(std::size_t total, const commit& like) const {
    return publish(total, encode_commit(like, as_stored).size(), commit_header(like), true);
  }
  [[nodiscard]] double publish(std::size_t total, std::size_t bytes, std::string header,
                               bool republishing) const {
    raw_connection raw{running->url()};
    raw.make_streams(streams, republishing);
    return raw.publish({.subjects = actors,
                        .window = window,
                        .total = total,
                        .payload_bytes = bytes,
                        .header = std::move(header)});
  }

  std::unique_ptr<testing_support::nats_server> running;
};

struct rate {
  double bytes = 0;
  double events = 0;
};

/// Encoding into a fresh buffer each, and copying into one.
rate encode_rate(const commit& what, std::size_t times) {
  std::size_t bytes = 0;
  const auto begin = clock::now();
  for (std::size_t i = 0; i < times; ++i) bytes += encode_commit(what, as_stored).size();
  return {per_second(bytes, begin), per_second(times * what.events.size(), begin)};
}

/// Out of memory that is in no cache, as the bytes of many commits would be.
rate copy_rate(const commit& what, std::size_t times) {
  const auto one = encode_commit(what, as_stored);
  constexpr std::size_t copies = 16'384;
  bytes from, to(one.size());
  for (std::size_t i = 0; i < copies; ++i) from.insert(from.end(), one.begin(), one.end());
  const auto begin = clock::now();
  for (std::size_t i = 0; i < times; ++i) {
    std::memcpy(to.data(), from.data() + (i % copies) * one.size(), one.size());
    asm volatile("" : : "r"(to.data()) : "memory");  // the copy is wanted
  }
  return {per_second(times * one.size(), begin), per_second(times * what.events.size(), begin)};
}

}  // namespace

benchmark append_through_store(const scale& scale) {
  const auto server = std::make_shared<fresh_server>();
  const std::size_t total = scale.of(120'000);
  const auto like = std::make_shared<commit>(typical_commit(total, 1));
  const series floor;
  return {.unit = "commits/s",
          .target = 0.85,
          .limit =
              [=] {
                floor.add(server->raw_in_our_form(total, *like));
                return server->raw(total, *like);
              },
          .subject = [=] { return append_rate(server->running->url(), total, 1); },
          .prepare = [=] { server->start(); },
          .remark =
              [=] {
                return "raw publishes in our form (one header, republished streams): " +
                       floor.text() + "/s; payload " +
                       std::to_string(encode_commit(*like, as_stored).size()) + " bytes";
              }};
}

benchmark append_100_events(const scale& scale) {
  constexpr std::size_t events = 100;
  const auto server = std::make_shared<fresh_server>();
  const std::size_t total = scale.of(20'000);
  const auto like = std::make_shared<commit>(typical_commit(total, events));
  const series raw, encoder, copied;
  return {.unit = "events/s",
          .limit =
              [=] {
                const auto copying = copy_rate(*like, 200'000);
                const auto encoding = encode_rate(*like, 20'000);
                raw.add(events * server->raw(total, *like));
                encoder.add(encoding.events);
                copied.add(copying.bytes / 1e9);
                return copying.events;
              },
          .subject = [=] { return events * append_rate(server->running->url(), total, events); },
          .prepare = [=] { server->start(); },
          .remark =
              [=] {
                return "encoder alone: " + encoder.text() + " events/s; raw publishes of as many " +
                       "bytes: " + raw.text() + " events/s; memcpy: " + copied.text() + " GB/s";
              }};
}

}  // namespace aether::perf
