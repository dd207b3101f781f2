// One actor that is not in memory: from its first query to the answer.

#include "benchmarks.hpp"
#include "counter.hpp"
#include "raw_nats.hpp"
#include "stores.hpp"
#include "tests/support/nats_server.hpp"
#include "timing.hpp"

#include <chrono>
#include <latch>
#include <memory>
#include <stdexcept>

namespace aether::perf {

namespace {

/// The median over `actors` of the time from asking to the answer, which must be `value`.
template <class Actor>
double first_query_p50(const stores& on, std::size_t actors, std::int64_t value) {
  rehydrating_host<Actor> fresh{on};
  std::vector<double> times;
  for (std::size_t i = 0; i < actors; ++i) {
    const auto one = fresh.host.template actor<Actor>("c" + std::to_string(i));
    const auto begin = clock::now();
    const auto now = one.ask(read_count{}, std::chrono::seconds{10}).get();
    times.push_back(microseconds_since(begin));
    if (!now) throw std::runtime_error{now.error().message()};
    if (now->value != value) throw std::runtime_error{"an actor came back with another state"};
  }
  if (fresh.host.stats().activations != actors)
    throw std::runtime_error{"an actor was in memory already"};
  fresh.stop();
  return spread_of(std::move(times)).median;
}

/// What the stores alone take: the tail and the snapshot at once, then what the tail points to.
/// @param commits, snapshots that must be found.
double store_p50(const stores& on, std::string_view type, std::size_t actors, std::size_t commits,
                 std::size_t snapshots) {
  std::vector<double> times;
  for (std::size_t i = 0; i < actors; ++i) {
    const auto address = address_of(type, i);
    std::latch done{2};
    std::size_t read = 0, loaded = 0;
    const auto begin = clock::now();
    on.events->latest(address, [&](result<std::optional<recorded_commit>> tail) {
      if (!tail || !*tail) return done.count_down();
      read = 1;
      on.events->fetch(address, (*tail)->commit.back_pointers,
                       [&](const result<std::vector<recorded_commit>>& all) {
                         if (all) read += all->size();
                         done.count_down();
                       });
    });
    on.snapshots->load(address, any_version, [&](const result<std::optional<snapshot>>& found) {
      if (found && *found) loaded = 1;
      done.count_down();
    });
    done.wait();
    times.push_back(microseconds_since(begin));
    if (read != commits || loaded != snapshots)
      throw std::runtime_error{"the stores gave " + std::to_string(read) + " commits and " +
                               std::to_string(loaded) + " snapshots"};
  }
  return spread_of(std::move(times)).median;
}

/// A server with what is to be read, filled once.
struct filled {
  testing_support::nats_server server;
  stores on{server.url()};
  raw_connection raw{server.url()};
};

struct with_snapshots : filled {
  static constexpr std::size_t actors = 400;

  with_snapshots() {
    rehydrating_host<counter> first{on};
    for (std::size_t i = 0; i < actors; ++i) {
      auto done =
          first.host.actor<counter>("c" + std::to_string(i)).ask(add{1}, std::chrono::seconds{10});
      if (!done.get()) throw std::runtime_error{"an actor would not add"};
    }
    first.stop();
  }
  [[nodiscard]] std::vector<raw_get> tails() const {
    std::vector<raw_get> all;
    for (std::size_t i = 0; i < actors; ++i) {
      const auto address = address_of("counter", i);
      all.push_back(
          {on.event_stream(address), "{\"last_by_subj\":\"" + on.commits_subject(address) + "\"}"});
    }
    return all;
  }
};

/// Few actors whose commits lie far apart, with many commits of others between.
struct scattered : filled {
  static constexpr std::size_t actors = 100;
  static constexpr std::size_t commits = 100;
  static constexpr std::size_t others = 10'000;
  std::deque<history> mine = histories("replayer", actors);

  explicit scattered(std::size_t messages) {
    auto rest = histories("other", others);
    writer out{*on.events, 4'000};
    const std::size_t each = messages / (actors * commits);
    for (std::size_t i = 0, other = 0; i < actors * commits; ++i) {
      for (std::size_t k = 0; k < each; ++k) out.append(rest[other++ % others]);
      out.append(mine[i % actors]);
    }
    out.finish();
  }
  [[nodiscard]] std::vector<std::vector<raw_get>> by_sequence() const {
    std::vector<std::vector<raw_get>> batches;
    for (const auto& one : mine) {
      const auto stream = on.event_stream(one.address);
      auto& batch = batches.emplace_back();
      for (const auto at : one.sequences)
        batch.push_back({stream, "{\"seq\":" + std::to_string(at.value()) + "}"});
    }
    return batches;
  }
};

}  // namespace

benchmark rehydrate_snapshot_p50(const scale&) {
  const auto data = std::make_shared<with_snapshots>();
  const series alone;
  return {.unit = "us",
          .target = 2,
          .lower_is_better = true,
          .limit = [=] { return data->raw.get_p50(data->tails()); },
          .subject =
              [=] {
                alone.add(store_p50(data->on, "counter", data->actors, 1, 1));
                return first_query_p50<counter>(data->on, data->actors, 1);
              },
          .remark = [=] { return "of this, the stores alone: " + alone.text() + " us"; }};
}

benchmark rehydrate_100_commits_p50(const scale& scale) {
  const auto data = std::make_shared<scattered>(scale.of(1'000'000));
  const series alone;
  return {.unit = "us",
          .target = 2,
          .lower_is_better = true,
          .limit = [=] { return data->raw.batch_get_p50(data->by_sequence()); },
          .subject =
              [=] {
                alone.add(store_p50(data->on, "replayer", data->actors, data->commits, 0));
                return first_query_p50<replayer>(data->on, data->actors, data->commits);
              },
          .remark = [=] { return "of this, the stores alone: " + alone.text() + " us"; }};
}

}  // namespace aether::perf
