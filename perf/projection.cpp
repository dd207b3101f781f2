// A projection that reads all there is: a rebuild, or one that was away for long.

#include <aether/persistence/projection_runner.hpp>
#include "benchmarks.hpp"
#include "cluster/src/kv_records.hpp"
#include "raw_nats.hpp"
#include "stores.hpp"
#include "tests/support/nats_server.hpp"
#include "timing.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <thread>

namespace aether::perf {

namespace {

constexpr std::size_t actors = 10'000;

/// A server with a log of one event each commit, and a bucket for positions.
struct full_log {
  explicit full_log(std::size_t commits) : total{commits} {
    auto all = histories("counter", actors);
    writer out{*on.events, 4'000};
    for (std::size_t i = 0; i < total; ++i) out.append(all[i % actors]);
    out.finish();
    if (auto made = bucket.create_wait(1); !made)
      throw std::runtime_error{"no bucket: " + made.error().message()};
  }

  std::size_t total;
  testing_support::nats_server server;
  stores on{server.url()};
  raw_connection raw{server.url()};
  cluster::kv_bucket bucket{on.connection, on.names, std::chrono::seconds{5}};
  std::uint32_t version = 0;
};

/// Each run is a new version: it starts from the first event.
double caught_up(full_log& log) {
  std::atomic<std::size_t> events{0};
  timers clock;
  const auto records = std::make_shared<cluster::kv_records>(log.bucket);
  const auto begin = perf::clock::now();
  projection_runner runner{{.name = "perf",
                            .version = ++log.version,
                            .handler = [&](const projection_batch& batch) -> result<void> {
                              std::size_t here = 0;
                              for (const auto& one : batch.commits)
                                here += one.record.commit.events.size();
                              events += here;
                              return {};
                            }},
                           {.events = log.on.events, .records = records},
                           clock};
  runner.own_all();
  while (events < log.total) {
    if (clock::now() - begin > std::chrono::minutes{2})
      throw std::runtime_error{"only " + std::to_string(events) + " events were handled"};
    std::this_thread::sleep_for(std::chrono::microseconds{200});
  }
  const double rate = per_second(log.total, begin);
  if (!runner.stop(std::chrono::seconds{10}) || events != log.total)
    throw std::runtime_error{"not every event was handled once"};
  return rate;
}

}  // namespace

benchmark projection_catch_up(const scale& scale) {
  const auto log = std::make_shared<full_log>(scale.of(400'000));
  return {.unit = "events/s",
          .target = 0.6,
          .limit = [=] { return log->raw.replay(log->on.event_streams(), log->total); },
          .subject = [=] { return caught_up(*log); }};
}

}  // namespace aether::perf
