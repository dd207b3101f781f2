// Senders faster than a slow store that fails one append in ten, handlers that throw, actors that
// stop and restart: and the books balance.

#include <aether/actors/actor_host.hpp>
#include <aether/persistence/memory_store.hpp>
#include "support/await.hpp"
#include "support/juggler.hpp"
#include "support/random.hpp"

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

/// Answers appends late, on a thread of its own, and fails one in ten, in every way there is.
class poor_store final : public event_store {
 public:
  explicit poor_store(std::uint64_t seed) : random_{seed} {}

  void append(const actor_address& to, log_position expected, commit next,
              append_handler handler) override {
    const std::uint64_t fate = draw();
    const auto delay = std::chrono::microseconds{fate % 2'000};
    auto late = [this, to, expected, next = std::move(next), handler = std::move(handler),
                 fate]() mutable {
      const std::uint64_t kind = fate / 2'000 % 40;
      if (kind == 0) return handler(fail(errc::unavailable, "poor store"));
      if (kind == 1) return handler(fail(errc::store_failed, "poor store"));
      if (kind == 2)
        return handler(fail(errc::outcome_unknown, "poor store"));  // and is not stored
      if (kind > 3) return behind_.append(to, expected, std::move(next), std::move(handler));
      behind_.append(to, expected, std::move(next),
                     [handler = std::move(handler)](const result<log_position>& stored) mutable {
                       if (!stored) return handler(stored);
                       handler(fail(errc::outcome_unknown, "poor store"));
                     });
    };
    clock_.after(delay, std::move(late));
  }
  void read(const actor_address& of, event_version from, stream_sequence after, std::size_t max,
            read_handler handler) override {
    behind_.read(of, from, after, max, std::move(handler));
  }
  void fetch(const actor_address& of, std::vector<stream_sequence> which,
             read_handler handler) override {
    behind_.fetch(of, std::move(which), std::move(handler));
  }
  void latest(const actor_address& of, latest_handler handler) override {
    behind_.latest(of, std::move(handler));
  }
  void records(const actor_address& of, records_handler handler) override {
    behind_.records(of, std::move(handler));
  }
  [[nodiscard]] std::uint32_t shards() const noexcept override { return behind_.shards(); }
  void actors(const actor_type& type, shard_id shard, actors_handler handler) override {
    behind_.actors(type, shard, std::move(handler));
  }
  [[nodiscard]] shard_range stored_together(shard_id shard) const noexcept override {
    return behind_.stored_together(shard);
  }
  void read_shards(shard_range which, stream_sequence after, shard_handler handler) override {
    behind_.read_shards(which, after, std::move(handler));
  }

 private:
  std::uint64_t draw() {
    const std::lock_guard lock{mutex_};
    return random_();
  }

  memory_event_store behind_;
  std::mutex mutex_;
  std::mt19937_64 random_;
  timers clock_;
};

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
  actor_host host{{.workers = 2, .mailbox_max = 50, .resident_max = actors / 2},
                  std::make_shared<poor_store>(random()),
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
}
