// What a host does when there is too much: of commands, of bytes, of actors.

#include <aether/actors/actor_host.hpp>
#include <aether/persistence/memory_store.hpp>
#include <aether/persistence/scripted_store.hpp>
#include "support/await.hpp"
#include "support/juggler.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace aether;
using namespace std::chrono_literals;
using aether::testing_support::await;
using juggle::juggler;

namespace {

constexpr std::chrono::seconds long_enough{30};

struct letter {
  std::string text;
  AETHER_MESSAGE("pressure.letter", text)
};
struct archive {
  std::vector<std::string> texts;
  AETHER_MESSAGE("pressure.archive", texts)
};

/// After which the clerk goes home.
struct last_letter {
  std::string text;
  AETHER_MESSAGE("pressure.last_letter", text)
};
struct write_to_self {
  std::int64_t letters = 0;
  AETHER_MESSAGE("pressure.write_to_self", letters)
};

/// Keeps what it gets.
class clerk : public event_sourced_actor<clerk> {
 public:
  static constexpr std::string_view type_name = "clerk";
  using state = archive;
  using commands = messages<letter, last_letter, write_to_self>;
  using events = messages<letter>;
  effect<void> on(const letter& command, const archive&) { return persist(command); }
  effect<void> on(const last_letter&, const archive&) { return persist(letter{}).stop(); }
  effect<void> on(const write_to_self& command, const archive&) {
    return none().then([command](actor_context<clerk>& self) {
      for (std::int64_t i = 0; i < command.letters; ++i) self.tell_self(letter{"to me"});
    });
  }
  static void apply(archive& now, const letter& event) { now.texts.push_back(event.text); }
};

struct office {
  timers clock;
  std::shared_ptr<scripted_event_store> events =
      std::make_shared<scripted_event_store>(std::make_shared<memory_event_store>());
  std::shared_ptr<memory_snapshot_store> snapshots = std::make_shared<memory_snapshot_store>();
  actor_host host;

  explicit office(host_options options) : host{with_workers(options), events, snapshots, clock} {
    host.host<juggler>();
    host.host<clerk>();
  }
  ~office() {
    events->release();
    (void)host.stop(long_enough);
  }
  static host_options with_workers(host_options options) {
    options.workers = 2;
    return options;
  }
  [[nodiscard]] std::size_t resident() { return host.stats().resident; }
};

}  // namespace

TEST_CASE("pressure: bytes that wait are bounded, over all actors, and are free again later") {
  constexpr std::size_t max = 1'000'000, size = 10'000;
  office it{{.waiting_bytes_max = max}};
  it.events->hold_appends();
  std::size_t taken = 0, refused = 0;
  errc why{};
  for (std::size_t i = 0; i < 3 * max / size; ++i) {
    const auto sent =
        it.host.actor<clerk>(std::to_string(i % 100)).tell(letter{std::string(size, 'x')});
    taken += sent ? 1 : 0;
    refused += sent ? 0 : 1;
    if (!sent) why = sent.error().code();
  }
  CHECK(taken <= max / size);
  CHECK(taken >= max / size / 2);
  CHECK(why == errc::overloaded);
  CHECK(it.host.stats().overloaded == refused);
  it.events->release();
  REQUIRE(await([&] { return it.host.stats().waiting == 0; }));
  CHECK(await(
      [&] { return it.host.actor<clerk>("0").tell(letter{std::string(size, 'x')}).has_value(); }));
}

TEST_CASE("pressure: bytes are free again however a command's actor ends") {
  constexpr std::size_t max = 1'000'000, size = 10'000;
  office it{{.waiting_bytes_max = max}};
  for (std::size_t i = 0; i < 5 * max / size; ++i) {
    REQUIRE(it.host.actor<clerk>("stops").tell(last_letter{std::string(size, 'x')}).has_value());
    REQUIRE(await([&] { return it.host.stats().waiting == 0; }));
  }
  const actor_address released{*actor_type::parse("clerk"), *actor_id::parse("released")};
  const shard_id shard = shard_of(released, 256);
  for (std::size_t i = 0; i < 5; ++i) {
    it.events->hold_appends();
    for (std::size_t n = 0; n < max / size / 3; ++n)
      REQUIRE(it.host.actor<clerk>("released").tell(letter{std::string(size, 'x')}).has_value());
    it.host.release(released.type, shard);
    it.events->release();
    REQUIRE(await([&] { return it.host.stats().waiting == 0; }));
    it.host.accept(released.type, shard);
  }
  CHECK(it.host.stats().overloaded == 0);
}

TEST_CASE("pressure: what can never fit is refused for good") {
  office it{{.waiting_bytes_max = 10'000}};
  const auto sent = it.host.actor<clerk>("c").tell(letter{std::string(20'000, 'x')});
  REQUIRE(!sent.has_value());
  CHECK(sent.error().code() == errc::invalid_argument);
}

TEST_CASE("pressure: what an actor sends itself is not refused by its own full mailbox") {
  office it{{.mailbox_max = 1}};
  REQUIRE(it.host.actor<clerk>("c").tell(write_to_self{5}).has_value());
  REQUIRE(await([&] { return it.host.stats().handled == 6; }));
  CHECK(it.host.stats().overloaded == 0);
  CHECK(it.host.stats().dead_letters == 0);
}

TEST_CASE("pressure: beyond `resident_max` those unused longest leave") {
  constexpr std::size_t max = 160;
  office it{{.resident_max = max}};
  const auto tell = [&](std::size_t id) {
    REQUIRE(await([&] {
      return it.host.actor<juggler>(std::to_string(id)).tell(juggle::throw_up{1}).has_value();
    }));
    REQUIRE(await([&] { return it.host.stats().waiting == 0; }));
  };
  for (std::size_t id = 0; id < max; ++id) tell(id);
  CHECK(it.resident() == max);
  // The clock by which they are told apart is coarse.
  const auto later = std::chrono::steady_clock::now() + 20ms;
  REQUIRE(await([&] { return std::chrono::steady_clock::now() > later; }));
  for (std::size_t id = 0; id < max / 2; ++id) tell(id);  // the older half is used again
  const auto born = it.host.stats().activations;
  tell(max);
  REQUIRE(await([&] { return it.resident() <= max - max / 16; }));
  CHECK(it.host.stats().evictions >= max / 16);
  for (std::size_t id = 0; id < max / 2; ++id) tell(id);
  CHECK(it.host.stats().activations == born + 1);  // none of those had left
}

TEST_CASE("pressure: actors in memory stay near their bound however many come") {
  constexpr std::size_t max = 1'000, all = 20'000;
  office it{{.resident_max = max}};
  std::size_t most = 0;
  for (std::size_t id = 0; id < all; ++id) {
    while (!it.host.actor<juggler>(std::to_string(id)).tell(juggle::throw_up{1}))
      std::this_thread::yield();
    most = std::max(most, it.resident());
  }
  CHECK(most <= max + max / 8 + 1);
  REQUIRE(await([&] { return it.host.stats().waiting == 0; }));
  CHECK(it.host.stats().handled == all);
  for (std::size_t id = 0; id < all; id += 997) {
    auto seen = it.host.actor<juggler>(std::to_string(id)).ask(juggle::look{}, long_enough).get();
    // Full may be full for a moment; what was stored is there.
    while (!seen && seen.error().code() == errc::overloaded)
      seen = it.host.actor<juggler>(std::to_string(id)).ask(juggle::look{}, long_enough).get();
    REQUIRE(seen.has_value());
    CHECK(seen->up == 1);
  }
}

TEST_CASE("pressure: beyond `resident_bytes_max` actors with large states make room") {
  constexpr std::size_t max = 4'000'000;
  office it{{.resident_bytes_max = max}};
  for (std::size_t id = 0; id < 100; ++id) {
    REQUIRE(await([&] {
      return it.host.actor<clerk>(std::to_string(id))
          .tell(letter{std::string(100'000, 'x')})
          .has_value();
    }));
    REQUIRE(await([&] { return it.host.stats().waiting == 0; }));
  }
  CHECK(await([&] { return it.host.stats().resident_bytes <= max; }));
  CHECK(it.resident() < 50);
  CHECK(it.host.stats().evictions > 50);
}

TEST_CASE("pressure: a host without bounds on actors evicts none") {
  office it{{}};
  for (std::size_t id = 0; id < 2'000; ++id)
    REQUIRE(it.host.actor<juggler>(std::to_string(id)).tell(juggle::throw_up{1}).has_value());
  REQUIRE(await([&] { return it.host.stats().waiting == 0; }));
  CHECK(it.resident() == 2'000);
  CHECK(it.host.stats().evictions == 0);
}
