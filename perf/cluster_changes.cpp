// What senders notice of a node that dies, hangs or leaves, beside what was promised.

#include "benchmarks.hpp"
#include "commands.hpp"
#include "trio.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <mutex>
#include <semaphore>
#include <stdexcept>
#include <thread>

namespace aether::perf {

namespace {

constexpr std::size_t owners = 3;
constexpr std::size_t resident = 10'000;

/// Ends, or stops, owner after owner. @returns the longest time until every shard answered again.
double worst_of(trio& cluster, std::size_t times, int how, const series& all) {
  double worst = 0;
  for (std::size_t i = 0; i < times; ++i) {
    auto& victim = cluster[i % cluster.size()];
    const auto begin = clock::now();
    victim.signal(how);
    const double took = cluster.until_all_answer(begin);
    all.add(took);
    worst = std::max(worst, took);
    if (how == SIGSTOP) victim.signal(SIGKILL);
    (void)victim.await_end();
    cluster.replace(i % cluster.size());
  }
  return worst;
}

/// A promise in milliseconds; one run has so many changes.
benchmark promise(double milliseconds, std::size_t times, int how) {
  const auto cluster = std::make_shared<trio>(owners, resident);
  const series all;
  return {.unit = "ms",
          .target = 1,
          .lower_is_better = true,
          .limit = [=] { return milliseconds; },
          .subject = [=] { return worst_of(*cluster, times, how, all); },
          .remark = [=] { return "each: " + all.text() + " ms"; },
          .pairs_cold = 1};
}

/// Asks all shards again and again from a thread of its own, as long as it lives.
class asker {
 public:
  explicit asker(const std::vector<actor_ref<counter>>& all) : all_{all} {}
  ~asker() { stop(); }
  asker(const asker&) = delete;
  asker& operator=(const asker&) = delete;

  /// @returns the longest time that an answer took, in milliseconds.
  double stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
    if (failed_ != 0) throw std::runtime_error{std::to_string(failed_) + " commands failed"};
    return longest_;
  }

 private:
  static constexpr std::ptrdiff_t window = 64;

  void run() {
    std::counting_semaphore<window> free{window};
    for (std::size_t i = 0; !stopping_; ++i) {
      free.acquire();
      const auto begin = clock::now();
      all_[i % all_.size()].ask(add{1}, std::chrono::seconds{10},
                                [&, begin](const result<void>& done) {
                                  const double took = microseconds_since(begin) / 1'000;
                                  {
                                    const std::lock_guard lock{mutex_};
                                    longest_ = std::max(longest_, took);
                                  }
                                  if (!done) ++failed_;
                                  free.release();
                                });
    }
    for (std::ptrdiff_t i = 0; i < window; ++i) free.acquire();
  }

  const std::vector<actor_ref<counter>>& all_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::size_t> failed_{0};
  std::mutex mutex_;
  double longest_ = 0;
  std::thread thread_{[this] { run(); }};
};

double longest_pause(trio& cluster, std::size_t times, const series& stopped_within) {
  double longest = 0;
  for (std::size_t i = 0; i < times; ++i) {
    asker client{cluster.one_a_shard()};
    auto& leaver = cluster[i % cluster.size()];
    const auto begin = clock::now();
    leaver.signal(SIGTERM);
    if (!leaver.await_end()) throw std::runtime_error{"a node did not leave cleanly"};
    stopped_within.add(microseconds_since(begin) / 1'000);
    longest = std::max(longest, client.stop());
    cluster.replace(i % cluster.size());
  }
  return longest;
}

}  // namespace

benchmark kill_of_an_owner(const scale& scale) { return promise(1'000, scale.of(20), SIGKILL); }

benchmark stop_of_an_owner(const scale& scale) { return promise(4'000, scale.of(8), SIGSTOP); }

benchmark planned_leave(const scale& scale) {
  const auto cluster = std::make_shared<trio>(owners, resident);
  const series stopped_within;
  const std::size_t times = scale.of(8);
  return {.unit = "ms",
          .target = 1,
          .lower_is_better = true,
          .limit = [] { return 250.0; },
          .subject = [=] { return longest_pause(*cluster, times, stopped_within); },
          .remark = [=] { return "a node was gone after " + stopped_within.text() + " ms"; },
          .pairs_cold = 1};
}

}  // namespace aether::perf
