// Many actors at once, none of them in memory: after a node was lost, say.

#include "benchmarks.hpp"
#include "counter.hpp"
#include "raw_nats.hpp"
#include "stores.hpp"
#include "tests/support/nats_server.hpp"
#include "timing.hpp"

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <semaphore>
#include <stdexcept>

namespace aether::perf {

namespace {

constexpr std::size_t commits = 10;
constexpr const char* type = "replayer";

/// A server with the actors' histories, ten commits of one event each.
struct sleeping_actors {
  explicit sleeping_actors(std::size_t count) : actors{count} {
    auto all = histories(type, actors);
    writer out{*on.events, 4'000};
    for (std::size_t i = 0; i < commits * actors; ++i) out.append(all[i % actors]);
    out.finish();
  }

  std::size_t actors;
  testing_support::nats_server server;
  stores on{server.url()};
  raw_connection raw{server.url()};
};

/// Asks every actor; returns when all have answered, throws when one is not back as it was.
void query_all(actor_host& host, std::size_t actors) {
  constexpr std::ptrdiff_t window = 1'000;
  std::counting_semaphore<window> free{window};
  std::atomic<std::size_t> wrong{0};
  for (std::size_t i = 0; i < actors; ++i) {
    free.acquire();
    host.actor<replayer>("c" + std::to_string(i))
        .ask(read_count{}, std::chrono::seconds{60}, [&](const result<count>& now) {
          if (!now || now->value != static_cast<std::int64_t>(commits)) ++wrong;
          free.release();
        });
  }
  for (std::ptrdiff_t i = 0; i < window; ++i) free.acquire();
  if (wrong != 0) throw std::runtime_error{std::to_string(wrong) + " actors are not back"};
}

/// Returns how many actors were brought to life.
std::size_t warm_up_all(actor_host& host, std::uint32_t shards) {
  std::promise<result<std::size_t>> done;
  host.warm_up({{shard_id{0}, shards}},
               [&](result<std::size_t> woken) { done.set_value(std::move(woken)); });
  const auto woken = done.get_future().get();
  if (!woken) throw std::runtime_error{"the shards were not read: " + woken.error().message()};
  return *woken;
}

double warmed_up(const sleeping_actors& all) {
  rehydrating_host<replayer> fresh{all.on};
  const auto begin = clock::now();
  const std::size_t woken = warm_up_all(fresh.host, all.on.layout.shards);
  query_all(fresh.host, all.actors);
  const double rate = per_second(all.actors, begin);
  if (woken != all.actors)
    throw std::runtime_error{"only " + std::to_string(woken) + " actors were warmed up"};
  fresh.stop();
  return rate;
}

double queried(const sleeping_actors& all) {
  rehydrating_host<replayer> fresh{all.on};
  const auto begin = clock::now();
  query_all(fresh.host, all.actors);
  const double rate = per_second(all.actors, begin);
  fresh.stop();
  return rate;
}

}  // namespace

benchmark rehydrate_10k_actors(const scale& scale) {
  const auto all = std::make_shared<sleeping_actors>(scale.of(10'000));
  const series by_query;
  return {
      .unit = "actors/s",
      .target = 0.3,
      .limit =
          [=] { return all->raw.replay(all->on.event_streams(), commits * all->actors) / commits; },
      .subject =
          [=] {
            by_query.add(queried(*all));
            return warmed_up(*all);
          },
      .remark =
          [=] {
            return "each by its first query, 1,000 at a time: " + by_query.text() + " actors/s";
          }};
}

}  // namespace aether::perf
