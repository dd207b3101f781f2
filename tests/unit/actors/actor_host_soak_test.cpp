// Senders faster than a slow store that fails one append in ten, handlers that throw, actors that
// stop and restart: and the books balance. All of it at once, and then each by itself, with what it
// takes of memory at most.

#include <aether/actors/actor_host.hpp>
#include <aether/persistence/memory_store.hpp>
#include "cluster/src/router.hpp"
#include "support/await.hpp"
#include "support/juggler.hpp"
#include "support/poor_stores.hpp"
#include "support/random.hpp"
#include "support/soak.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <string>
#include <thread>

using namespace aether;
using namespace std::chrono_literals;
using aether::testing_support::await;
using juggle::careful_juggler;

namespace {

constexpr std::chrono::seconds long_enough{60};
constexpr std::size_t actors = 200, senders = 4, each = 5'000;

/// What senders were told.
struct books {
  std::atomic<std::uint64_t> sent{0}, overloaded{0}, asked{0}, answered{0}, acknowledged{0},
      unknown{0}, refused{0};
};

class sender {
 public:
  sender(actor_host& host, std::uint64_t seed, books& sum)
      : host_{host}, random_{seed}, sum_{sum} {}

  void run() {
    for (std::size_t i = 0; i < each; ++i)
      send(host_.actor<careful_juggler>(std::to_string(random_() % actors)));
  }

 private:
  void send(const actor_ref<careful_juggler>& to) {
    ++sum_.sent;
    switch (random_() % 20) {
      case 0:
        return note(to.tell(juggle::stumble{.in_side_effect = random_() % 2 == 0}));
      case 1:
        return note(to.tell(juggle::show{0}));
      case 2:
        return note(to.tell(juggle::throw_up{1'000'000}));  // is rejected
      case 3:
        return note(to.tell(juggle::throw_up{0}, 1ms));  // may be too late
      case 4:
        return ask(to, juggle::bow{0});
      case 5:
        return ask(to, juggle::look{});
      case 6:
        return ask(to, juggle::wait_for{1});
      default:
        return ask(to, juggle::throw_up{0});
    }
  }
  void note(const result<void>& told) {
    if (told) return;
    CHECK(told.error().code() == errc::overloaded);
    ++sum_.overloaded;
  }
  template <class Command>
  void ask(const actor_ref<careful_juggler>& to, Command command) {
    ++sum_.asked;
    to.ask(std::move(command), long_enough, [&sum = sum_](const result<juggle::balls>& got) {
      ++sum.answered;
      if (got)
        ++sum.acknowledged;
      else if (got.error().code() == errc::outcome_unknown)
        ++sum.unknown;
      else
        ++sum.refused;
    });
  }

  actor_host& host_;
  std::mt19937_64 random_;
  books& sum_;
};

}  // namespace

TEST_CASE("soak: sent = handled + rejected + failed + overloaded + dead-lettered") {
  juggle::stage stage;
  auto random = testing::seeded_random();
  timers clock;
  std::atomic<std::uint64_t> letters{0};
  const auto events =
      std::make_shared<testing::poor_event_store>(random(), testing::poverty{.fails_one_in = 10});
  actor_host host{{.workers = 2, .mailbox_max = 50, .resident_max = actors / 2},
                  events,
                  std::make_shared<memory_snapshot_store>(),
                  clock};
  host.host<careful_juggler>();
  const auto watching = host.dead_letters().subscribe([&](const dead_letter&) { ++letters; });
  books sum;
  std::vector<std::jthread> running;
  for (std::size_t i = 0; i < senders; ++i)
    running.emplace_back([&, seed = random()] { sender{host, seed, sum}.run(); });
  running.clear();
  REQUIRE(await(
      [&] {
        // Some wait for an event that else would never come.
        for (std::size_t id = 0; id < actors && sum.answered < sum.asked; ++id, ++sum.sent)
          (void)host.actor<careful_juggler>(std::to_string(id)).tell(juggle::throw_up{1});
        return sum.answered == sum.asked && host.stats().waiting == 0;
      },
      long_enough));
  const auto end = host.stats();
  const auto told_refused = sum.overloaded.load();
  MESSAGE("handled " << end.handled << ", rejected " << end.rejected << ", failed " << end.failed
                     << ", overloaded " << end.overloaded << ", dead letters " << end.dead_letters
                     << ", expired " << end.expired << ", restarts " << end.restarts
                     << ", quarantines " << end.quarantines << ", evictions " << end.evictions);
  CHECK(sum.sent == end.handled + end.rejected + end.failed + end.overloaded + end.dead_letters);
  CHECK(letters == end.dead_letters);
  CHECK(told_refused <= end.overloaded);
  CHECK(sum.answered == sum.acknowledged + sum.unknown + sum.refused);
  CHECK(end.handled > 0);
  CHECK(end.rejected > 0);
  CHECK(end.dead_letters > 0);
  CHECK(end.restarts > 0);
  CHECK(host.stop(long_enough));
  events->stop();
}

TEST_CASE("soak: a slow store: what waits stays within its bounds, the rest is overloaded") {
  constexpr std::size_t bytes_max = 200'000;
  testing::soak run{{.host = {.mailbox_max = 20, .waiting_bytes_max = bytes_max},
                     .events = {.delay_max = 5ms},
                     .actors = 50,
                     .load_bytes = 2'000,
                     .percent = {0, 5},
                     .patient = true}};
  run.run();
  CHECK(run.peaks.waiting_bytes <= bytes_max);
  CHECK(run.peaks.waiting_bytes > bytes_max / 4);
  CHECK(run.stats().overloaded > 0);
  CHECK(run.stats().rejected > 0);
  CHECK(run.stats().dead_letters == 0);
}

TEST_CASE("soak: one append in ten fails: each command ends once, acknowledged or not") {
  testing::soak run{{.events = {.delay_max = 500us, .fails_one_in = 10}, .percent = {0, 5}}};
  run.run();
  const auto end = run.stats();
  CHECK(end.failed > 0);
  CHECK(end.dead_letters > 0);
  CHECK(run.books.acknowledged < run.books.asked);
  CHECK(end.restarts == 0);
}

TEST_CASE("soak: handlers and side effects that throw: their commands fail, the others do not") {
  testing::soak run{{.events = {.delay_max = 500us}, .percent = {0, 5, 2, 2}}};
  run.run();
  const auto end = run.stats();
  CHECK(end.restarts > 0);
  CHECK(end.failed > 0);
  CHECK(end.dead_letters > 0);
  CHECK(end.conflicts == 0);
}

TEST_CASE("soak: snapshots that fail, are lost or unreadable cost nothing but time") {
  testing::soak run{{.host = {.passivate_after = 2ms},
                     .events = {.delay_max = 200us},
                     .snapshots = {.delay_max = 1ms, .fails_one_in = 3},
                     .actors = 1'000}};
  run.run();
  const auto end = run.stats();
  CHECK(end.passivations > 0);
  CHECK(end.failed == 0);
  CHECK(end.dead_letters == 0);
  CHECK(end.quarantines == 0);
  CHECK(run.books.acknowledged + end.overloaded >= run.books.asked);
}

TEST_CASE("soak: while idle actors leave, and commands bring them back, none is lost") {
  testing::soak run{
      {.host = {.passivate_after = 1ms}, .events = {.delay_max = 100us}, .actors = 1'000}};
  run.run();
  CHECK(run.stats().passivations > 100);
  CHECK(run.stats().dead_letters == 0);
  CHECK(run.stats().failed == 0);
  CHECK(await([&] { return run.stats().resident == 0; }));
}

TEST_CASE(
    "soak: actors in memory and their bytes stay near their bounds, and none loses a command") {
  constexpr std::size_t max = 200, bytes_max = 1'000'000, senders = 4;
  testing::soak run{{.host = {.resident_max = max, .resident_bytes_max = bytes_max},
                     .events = {.delay_max = 100us},
                     .actors = 2'000,
                     .senders = senders,
                     .each = 2'000,
                     .load_bytes = 4'000,
                     .patient = true}};
  run.run();
  CHECK(run.peaks.resident <= max + 64 + 1 + senders);
  // No newcomers beyond an eighth too much, but those that are there may grow.
  CHECK(run.peaks.resident_bytes <= bytes_max + bytes_max / 2);
  CHECK(run.stats().evictions > 0);
  CHECK(run.stats().dead_letters == 0);
}

TEST_CASE("soak: what actors send themselves, at once and by timers, is in the books too") {
  testing::soak run{{.host = {.mailbox_max = 20, .passivate_after = 20ms},
                     .events = {.delay_max = 500us},
                     .percent = {0, 0, 0, 0, 20, 20, 2, 5},
                     .patient = true}};
  run.run();
  CHECK(porter::diary::told_self > 0);
  CHECK(porter::diary::timers > 0);
  CHECK(run.stats().commands + run.stats().overloaded > run.books.sent);
  CHECK(run.stats().dead_letters == 0);
}

TEST_CASE("soak: asks and tells through a node's router, faster than the store") {
  constexpr std::size_t asks_max = 500, asks_bytes_max = 400'000, bytes_max = 200'000;
  testing::soak run{{.host = {.mailbox_max = 20, .waiting_bytes_max = bytes_max},
                     .events = {.delay_max = 5ms},
                     .actors = 50,
                     .load_bytes = 1'000,
                     .percent = {0, 5, 1}}};
  const auto router = std::make_shared<cluster::router>(
      run.host, nullptr, nullptr,
      subjects{*namespace_name::parse("aether"), *namespace_name::parse("t")}, 256,
      cluster::router::options{.asks_max = asks_max, .asks_bytes_max = asks_bytes_max}, run.clock);
  router->start();
  run.door = router.get();
  std::uint64_t most_open = 0;
  run.run([&] { most_open = std::max(most_open, router->stats().asks_open); });
  const auto sent = router->stats();
  const auto end = run.stats();
  CHECK(sent.tells + sent.asks == run.books.sent);
  CHECK(sent.asks == sent.handled + sent.rejected + sent.failed + sent.overloaded);
  CHECK(sent.handled == run.books.acknowledged);
  CHECK(sent.tells + sent.attempts ==
        end.handled + end.rejected + end.failed + end.dead_letters + end.overloaded);
  CHECK(sent.overloaded > 0);
  CHECK(most_open <= asks_max);
  CHECK(most_open > 0);
  CHECK(run.peaks.waiting_bytes <= bytes_max);
  router->stop();
}
