// What the bus takes from the store to a subscriber, over NATS.

#include <aether/persistence/jetstream_bus.hpp>
#include "benchmarks.hpp"
#include "persistence/src/commit_format.hpp"
#include "raw_bus.hpp"
#include "raw_nats.hpp"
#include "stores.hpp"
#include "tests/support/nats_server.hpp"
#include "timing.hpp"

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace aether::perf {

namespace {

constexpr std::size_t actors = 10'000;
constexpr std::ptrdiff_t window = 1'000;
constexpr std::size_t streams = 8;
constexpr std::size_t events = 100;
constexpr const char* type = "counter";

/// The stores of a namespace, and a bus on a connection of its own.
struct bus_bench {
  explicit bus_bench(const std::string& url) : log{url} {
    auto opened = nats_connection::open({.url = url});
    if (!opened) throw std::runtime_error{opened.error().message()};
    connection = *std::move(opened);
    bus = std::make_unique<jetstream_event_bus>(connection, log.names, log.layout, log.events);
  }
  ~bus_bench() { connection->close(); }
  bus_bench(const bus_bench&) = delete;
  bus_bench& operator=(const bus_bench&) = delete;

  [[nodiscard]] event_subscription subscribe(std::function<void(const bus_event&)> handler) {
    auto made = bus->subscribe(
        {}, {.buffer_max = 100'000, .buffer_bytes_max = 512 << 20},
        {.event = std::move(handler), .gap = [this](const event_gap&) { gaps = true; }});
    if (!made) throw std::runtime_error{made.error().message()};
    return *std::move(made);
  }
  void check_gaps() const {
    if (gaps) throw std::runtime_error{"the subscriber had a gap"};
  }

  stores log;
  std::shared_ptr<nats_connection> connection;
  std::unique_ptr<jetstream_event_bus> bus;
  std::atomic<bool> gaps{false};
};

/// Events a second, from the first append until the subscriber has the last one.
double seen_rate(const std::string& url, std::size_t total) {
  bus_bench with{url};
  std::atomic<std::size_t> seen{0};
  const auto sees =
      with.subscribe([&seen](const bus_event&) { seen.fetch_add(1, std::memory_order_release); });
  auto all = histories(type, actors);
  const auto begin = clock::now();
  {
    writer out{*with.log.events, window};
    for (std::size_t i = 0; i < total; ++i) out.append(all[i % actors], events);
    out.finish();
  }
  await(seen, total * events);
  with.check_gaps();
  return per_second(total * events, begin);
}

/// A commit in the middle of such a run.
commit typical_commit(std::size_t total) {
  history half{address_of(type, actors / 2)};
  const std::size_t commits = total / actors / 2;
  for (std::size_t i = 1; i <= commits; ++i) half.sequences.emplace_back(i * actors / streams);
  half.version = event_version{commits * events};
  return next_commit(half, events);
}

std::size_t bytes_of(const commit& like) {
  return encode_commit(like, {~std::uint64_t{0}, commit_id::make()}).size() +
         commit_header(like).size();
}

/// The median time from an append's acknowledgement until the subscriber is called, in
/// microseconds; below 0 where that is earlier.
double delay_p50(const std::string& url, std::size_t total) {
  bus_bench with{url};
  std::atomic<std::size_t> seen{0}, stored{0};
  clock::time_point seen_at, stored_at;
  const auto sees = with.subscribe([&](const bus_event&) {
    seen_at = clock::now();
    seen.fetch_add(1, std::memory_order_release);
  });
  history one{address_of(type, 1)};
  std::vector<double> delays;
  for (std::size_t i = 1; i <= total; ++i) {
    with.log.events->append(one.address, one.end(), next_commit(one, 1),
                            [&](result<log_position> position) {
                              stored_at = clock::now();
                              if (position) {
                                one.version = position->version;
                                one.sequences = {position->sequence};
                              }
                              stored.fetch_add(1, std::memory_order_release);
                            });
    await(stored, i);
    await(seen, i);
    delays.push_back(std::chrono::duration<double, std::micro>(seen_at - stored_at).count());
  }
  with.check_gaps();
  return spread_of(std::move(delays)).median;
}

struct fresh_server {
  void start() {
    running.reset();
    running = std::make_unique<testing_support::nats_server>();
  }
  [[nodiscard]] std::string url() const { return running->url(); }
  std::unique_ptr<testing_support::nats_server> running;
};

}  // namespace

benchmark bus_throughput(const scale& scale) {
  const auto server = std::make_shared<fresh_server>();
  const std::size_t total = scale.of(40'000);
  const auto like = std::make_shared<commit>(typical_commit(total));
  const series floor;
  return {.unit = "events/s",
          .target = 0.5,
          .limit =
              [=] {
                raw_connection raw{server->url()};
                raw.make_streams(streams, true);
                floor.add(events * raw.publish({.subjects = actors,
                                                .window = window,
                                                .total = total,
                                                .payload_bytes = bytes_of(*like)}));
                return events *
                       raw_to_subscriber(server->url(),
                                         {.total = total, .payload_bytes = bytes_of(*like)});
              },
          .subject = [=] { return seen_rate(server->url(), total); },
          .prepare = [=] { server->start(); },
          .remark =
              [=] {
                return "raw conditional publishes of as many bytes to streams that republish: " +
                       floor.text() + " events/s; " + std::to_string(events) + " events and " +
                       std::to_string(bytes_of(*like)) + " bytes a commit";
              }};
}

benchmark bus_delay(const scale& scale) {
  const auto server = std::make_shared<fresh_server>();
  const std::size_t total = scale.of(4'000);
  return {.unit = "us",
          .target = 2,
          .lower_is_better = true,
          .limit =
              [=] {
                const auto bytes = bytes_of(next_commit(history{address_of(type, 1)}, 1));
                return raw_hop_p50(server->url(), {.total = total, .payload_bytes = bytes});
              },
          .subject = [=] { return delay_p50(server->url(), total); },
          .prepare = [=] { server->start(); }};
}

}  // namespace aether::perf
