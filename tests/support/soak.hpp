#pragma once

#include <aether/actors/actor_host.hpp>
#include "support/await.hpp"
#include "support/poor_stores.hpp"
#include "support/porter.hpp"
#include "support/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace aether::testing {

/// A run of several senders that are faster than what they send to.
struct soak_plan {
  host_options host{};
  poverty events{};
  poverty snapshots{.delay_max = std::chrono::microseconds{0}};
  std::size_t actors = 100;
  std::size_t senders = 4;
  std::size_t each = 5'000;
  std::size_t load_bytes = 100;
  /// How many in a hundred commands are that `porter::task`; the rest is stored.
  std::array<unsigned, 8> percent{};
  std::chrono::milliseconds timeout = std::chrono::seconds{60};
  /// A tell that is refused is sent again until it is taken.
  bool patient = false;
};

/// What senders were told.
struct soak_books {
  std::atomic<std::uint64_t> sent{0}, refused{0}, asked{0}, answered{0}, acknowledged{0};
};

/// The most that was seen at a time.
struct soak_peaks {
  std::uint64_t waiting_bytes = 0, resident = 0, resident_bytes = 0;

  void see(const host_stats& now) {
    waiting_bytes = std::max(waiting_bytes, now.waiting_bytes);
    resident = std::max(resident, now.resident);
    resident_bytes = std::max(resident_bytes, now.resident_bytes);
  }
};

/// A host of porters and the senders in front of it; what they send goes through `door`.
class soak {
 public:
  static constexpr std::chrono::seconds long_enough{60};

  explicit soak(soak_plan plan)
      : plan_{std::move(plan)},
        random_{seeded_random()},
        events_{std::make_shared<poor_event_store>(random_(), plan_.events)},
        snapshots_{std::make_shared<poor_snapshot_store>(random_(), plan_.snapshots)},
        host{with_workers(plan_.host), events_, snapshots_, clock} {
    porter::diary::begin();
    host.host<porter::porter>();
  }
  ~soak() {
    (void)host.stop(long_enough);
    events_->stop();
    snapshots_->stop();
  }

  /// Sends all, and watches, until everything has ended; then checks the books.
  /// @param see called again and again meanwhile.
  void run(const std::function<void()>& see = [] {}) {
    std::vector<std::jthread> running;
    for (std::size_t i = 0; i < plan_.senders; ++i)
      running.emplace_back([this, seed = random_()] { send_all(seed); });
    const bool ended = testing_support::await(
        [&] {
          const auto now = host.stats();
          peaks.see(now);
          see();
          return done_ == plan_.senders && books.answered == books.asked && now.waiting == 0;
        },
        long_enough);
    REQUIRE(ended);
    running.clear();
    check();
  }

  [[nodiscard]] host_stats stats() { return host.stats(); }

  timers clock;

 private:
  const soak_plan plan_;
  std::mt19937_64 random_;
  std::atomic<std::size_t> done_{0};
  const std::shared_ptr<poor_event_store> events_;
  const std::shared_ptr<poor_snapshot_store> snapshots_;

 public:
  soak_books books;
  soak_peaks peaks;
  actor_host host;
  command_router* door = &host;

 private:
  static host_options with_workers(host_options options) {
    options.workers = 2;
    return options;
  }

  void send_all(std::uint64_t seed) {
    std::mt19937_64 random{seed};
    for (std::size_t i = 0; i < plan_.each; ++i) {
      const actor_ref<porter::porter> to{*door, model<porter::porter>::traits().type,
                                         std::to_string(random() % plan_.actors)};
      porter::carry command{
          task_for(random() % 100),
          std::string(1 + random() % plan_.load_bytes, static_cast<char>('a' + random() % 3))};
      if (random() % 2 == 0)
        tell(to, std::move(command));
      else
        ask(to, std::move(command));
    }
    ++done_;
  }
  [[nodiscard]] std::int64_t task_for(std::uint64_t drawn) const {
    for (std::size_t task = 0; task < plan_.percent.size(); ++task) {
      if (drawn < plan_.percent[task]) return static_cast<std::int64_t>(task);
      drawn -= plan_.percent[task];
    }
    return porter::task::store;
  }
  void tell(const actor_ref<porter::porter>& to, porter::carry command) {
    for (;;) {
      ++books.sent;
      const auto told = to.tell(command);
      if (told) return;
      CHECK(told.error().code() == errc::overloaded);
      ++books.refused;
      if (!plan_.patient) return;
      std::this_thread::yield();
    }
  }
  void ask(const actor_ref<porter::porter>& to, porter::carry command) {
    ++books.sent;
    ++books.asked;
    to.ask(std::move(command), plan_.timeout, [this](const result<porter::carried>& got) {
      if (got) ++books.acknowledged;
      ++books.answered;
    });
  }

  void check() {
    const auto end = host.stats();
    MESSAGE("handled " << end.handled << ", rejected " << end.rejected << ", failed " << end.failed
                       << ", overloaded " << end.overloaded << ", dead letters " << end.dead_letters
                       << ", restarts " << end.restarts << ", quarantines " << end.quarantines
                       << ", passivations " << end.passivations << ", evictions " << end.evictions
                       << "; at most " << peaks.waiting_bytes << " bytes waiting, "
                       << peaks.resident << " actors of " << peaks.resident_bytes << " bytes");
    // Of the host's own: commands = handled + rejected + failed + dead letters, as `waiting` is 0.
    CHECK(testing_support::await([&] { return host.stats().waiting_bytes == 0; }));
    CHECK(end.handled > 0);
    if (door == &host) {
      const auto in_all = end.commands + end.overloaded;
      const auto by_self = in_all - books.sent;
      CHECK(in_all >= books.sent + porter::diary::told_self);
      CHECK(by_self <= porter::diary::told_self + porter::diary::timers);
    }
  }
};

}  // namespace aether::testing
