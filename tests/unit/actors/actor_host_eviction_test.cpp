// Who leaves memory, and who does not.

#include <aether/actors/actor_host.hpp>
#include <aether/persistence/memory_store.hpp>
#include <aether/persistence/scripted_store.hpp>
#include "actors/src/caf_activation.hpp"
#include "support/await.hpp"
#include "support/juggler.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <mutex>
#include <string>
#include <vector>

using namespace aether;
using namespace std::chrono_literals;
using aether::testing_support::await;
using juggle::juggler;

namespace {

constexpr std::chrono::seconds long_enough{30};

/// Saves wait until they are released.
class slow_saver final : public snapshot_store {
 public:
  void hold_saves() {
    const std::lock_guard lock{mutex_};
    holds_ = true;
  }
  void release() {
    std::vector<std::move_only_function<void()>> all;
    {
      const std::lock_guard lock{mutex_};
      holds_ = false;
      all.swap(held_);
    }
    for (auto& each : all) each();
  }
  [[nodiscard]] std::size_t held() const {
    const std::lock_guard lock{mutex_};
    return held_.size();
  }
  void save(const actor_address& address, snapshot taken, save_handler handler) override {
    std::unique_lock lock{mutex_};
    if (holds_) {
      held_.emplace_back(
          [this, address, taken = std::move(taken), handler = std::move(handler)]() mutable {
            behind_.save(address, std::move(taken), std::move(handler));
          });
      return;
    }
    lock.unlock();
    behind_.save(address, std::move(taken), std::move(handler));
  }
  void load(const actor_address& address, event_version at_most, load_handler handler) override {
    behind_.load(address, at_most, std::move(handler));
  }
  void load_shards(shard_range which, shard_handler handler) override {
    behind_.load_shards(which, std::move(handler));
  }

 private:
  memory_snapshot_store behind_;
  mutable std::mutex mutex_;
  bool holds_ = false;
  std::vector<std::move_only_function<void()>> held_;
};

struct hotel {
  timers clock;
  std::shared_ptr<scripted_event_store> events =
      std::make_shared<scripted_event_store>(std::make_shared<memory_event_store>());
  std::shared_ptr<slow_saver> snapshots = std::make_shared<slow_saver>();
  actor_host host;

  explicit hotel(host_options options) : host{with_workers(options), events, snapshots, clock} {
    host.host<juggler>();
    host.host<juggle::careful_juggler>();
  }
  ~hotel() {
    events->release();
    snapshots->release();
    (void)host.stop(long_enough);
  }
  static host_options with_workers(host_options options) {
    options.workers = 2;
    return options;
  }
  void check_in(std::size_t first, std::size_t last) {
    for (std::size_t id = first; id < last; ++id)
      REQUIRE(await([&] {
        return host.actor<juggler>(std::to_string(id)).tell(juggle::throw_up{1}).has_value();
      }));
    REQUIRE(await([&] { return host.stats().waiting == 0; }));
  }
};

}  // namespace

TEST_CASE("host: who is used after the clock was read has not been idle for as long as it runs") {
  CHECK(time_between(1'000, 1'250) == 250ms);
  CHECK(time_between(1'250, 1'000) == 0ms);
  CHECK(time_between(UINT32_MAX - 9, 10) == 20ms);  // it turned over
  CHECK(time_between(10, UINT32_MAX - 9) == 0ms);
}

TEST_CASE("host: an actor that is leaving is not asked to leave again, nor counted again") {
  constexpr std::size_t max = 100, all = 140;
  hotel it{{.resident_max = max}};
  it.snapshots->hold_saves();
  it.check_in(0, max);
  for (std::size_t id = max; id < all; ++id) {
    const auto before = it.host.stats().evictions;
    it.check_in(id, id + 1);  // has the host look for one more who may leave
    REQUIRE(await([&] { return it.host.stats().evictions > before; }));
  }
  REQUIRE(await([&] { return it.snapshots->held() >= all - max; }));
  CHECK(it.host.stats().resident == all);
  it.snapshots->release();
  REQUIRE(await([&] { return it.host.stats().resident <= max; }));
  CHECK(it.host.stats().evictions <= all);
}

TEST_CASE("host: an actor that keeps failing cannot make itself forgotten by leaving memory") {
  hotel it{{.passivate_after = 1ms}};
  const auto failing = it.host.actor<juggle::careful_juggler>("j");
  REQUIRE(await([&] {
    (void)failing.tell(juggle::stumble{});
    return it.host.stats().quarantines == 1;
  }));
  const auto sane = it.host.actor<juggler>("j");
  REQUIRE(sane.tell(juggle::throw_up{1}).has_value());
  // The other one has come and gone meanwhile.
  REQUIRE(await([&] { return it.host.stats().resident == 1; }));
  CHECK(it.host.stats().passivations == 1);
  CHECK(it.host.stats().activations == 2);
}

TEST_CASE("host: bytes that wait are known, at most as many as may, and none at the end") {
  constexpr std::size_t max = 100'000;
  hotel it{{.waiting_bytes_max = max}};
  it.events->hold_appends();
  std::uint64_t last = 0;
  bool refused = false;
  for (std::size_t id = 0; id < 5'000 && !refused; ++id) {
    refused = !it.host.actor<juggler>(std::to_string(id % 50)).tell(juggle::throw_up{1});
    const auto now = it.host.stats().waiting_bytes;
    CHECK(now <= max);
    CHECK((refused || now > last));
    last = now;
  }
  CHECK(refused);
  CHECK(last > max / 2);
  it.events->release();
  REQUIRE(await([&] { return it.host.stats().waiting == 0; }));
  CHECK(await([&] { return it.host.stats().waiting_bytes == 0; }));
}
