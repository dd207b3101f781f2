// What a host takes from its clocks, and what it leaves with them.

#include <aether/actors/actor_host.hpp>
#include <aether/persistence/memory_store.hpp>
#include <aether/persistence/scripted_store.hpp>
#include "support/await.hpp"
#include "support/juggler.hpp"

#include <doctest/doctest.h>

#include <string>
#include <thread>

using namespace aether;
using namespace std::chrono_literals;
using aether::testing_support::await;
using juggle::juggler;

namespace {

constexpr std::chrono::seconds long_enough{30};

struct rings {
  std::int64_t count = 0;
  AETHER_MESSAGE("alarm_clock.rings", count)
};
struct ring {
  AETHER_MESSAGE("alarm_clock.ring")
};
struct rang {
  AETHER_MESSAGE("alarm_clock.rang")
};
struct set {
  std::string name;
  std::chrono::milliseconds delay{};
  AETHER_MESSAGE("alarm_clock.set", name, delay)
};
struct count_rings {
  using reply = rings;
  AETHER_MESSAGE("alarm_clock.count_rings")
};
struct leave {
  AETHER_MESSAGE("alarm_clock.leave")
};

class alarm_clock : public event_sourced_actor<alarm_clock> {
 public:
  static constexpr std::string_view type_name = "alarm_clock";
  using state = rings;
  using commands = messages<set, ring, count_rings, leave>;
  using events = messages<rang>;
  static effect<void> on(const set& command, const rings&) {
    return none().then([command](actor_context<alarm_clock>& self) {
      self.start_timer(command.name, command.delay, ring{});
    });
  }
  static effect<void> on(const ring&, const rings&) { return persist(rang{}); }
  static effect<rings> on(const count_rings&, const rings& now) { return reply(now); }
  static effect<void> on(const leave&, const rings&) { return none().stop(); }
  static void apply(rings& now, const rang&) { ++now.count; }
};

struct bedroom {
  timers clock;
  std::shared_ptr<scripted_event_store> events =
      std::make_shared<scripted_event_store>(std::make_shared<memory_event_store>());
  actor_host host;
  /// What the host itself has arranged.
  const std::size_t arranged;

  explicit bedroom(host_options options = {})
      : host{with_workers(std::move(options)), events, std::make_shared<memory_snapshot_store>(),
             clock},
        arranged{clock.waiting()} {
    host.host<juggler>();
    host.host<alarm_clock>();
  }
  ~bedroom() {
    events->release();
    (void)host.stop(long_enough);
  }
  static host_options with_workers(host_options options) {
    options.workers = 2;
    return options;
  }
  [[nodiscard]] std::int64_t rings_of(std::string_view id) {
    return host.actor<alarm_clock>(id).ask(count_rings{}, long_enough).get().value().count;
  }
};

}  // namespace

TEST_CASE("host: an actor's timers cost the clock one entry, whichever of them go off") {
  bedroom it;
  const auto to = it.host.actor<alarm_clock>("a");
  REQUIRE(to.tell(set{"distant", 1h}).has_value());
  constexpr std::int64_t times = 50;
  for (std::int64_t i = 1; i <= times; ++i) {
    REQUIRE(to.tell(set{"soon", 0ms}).has_value());
    REQUIRE(await([&] { return it.rings_of("a") == i; }));
  }
  CHECK(it.clock.waiting() <= it.arranged + 1);
  for (int minutes = 50; minutes > 0; --minutes)  // each before all others
    REQUIRE(to.tell(set{"distant", std::chrono::minutes{minutes}}).has_value());
  CHECK(it.rings_of("a") == times);
  CHECK(it.clock.waiting() <= it.arranged + 1);
}

TEST_CASE("host: an actor that leaves memory leaves nothing with the clock") {
  bedroom it;
  for (int i = 0; i < 20; ++i) {
    const auto id = std::to_string(i);
    REQUIRE(it.host.actor<alarm_clock>(id).tell(set{"distant", 24h}).has_value());
    REQUIRE(it.host.actor<alarm_clock>(id).tell(leave{}).has_value());
    // Put off, and with a deadline: the clock is to look at it then.
    auto waits = it.host.actor<juggler>(id).ask(juggle::wait_for{1}, 24h);
    REQUIRE(it.host.actor<juggler>(id).tell(juggle::bow{1}).has_value());
  }
  REQUIRE(await([&] { return it.host.stats().waiting == 0; }));
  REQUIRE(await([&] { return it.host.stats().resident <= 20; }));  // jugglers with what waited
  for (int i = 0; i < 20; ++i)
    REQUIRE(it.host.actor<juggler>(std::to_string(i)).tell(juggle::bow{1}).has_value());
  REQUIRE(await([&] { return it.host.stats().resident == 0; }));
  CHECK(await([&] { return it.clock.waiting() <= it.arranged; }));
}

TEST_CASE("host: a command whose deadline passes while another one is decided is not decided") {
  bedroom it;
  juggle::stage stage;
  std::chrono::steady_clock::time_point deadline;
  stage.on_context = [&](const command_context&) {
    while (std::chrono::steady_clock::now() < deadline + 30ms) std::this_thread::yield();
  };
  it.events->hold_appends();
  const auto to = it.host.actor<juggler>("j");
  REQUIRE(to.tell(juggle::throw_up{1}).has_value());
  REQUIRE(await([&] { return it.events->held() == 1; }));
  REQUIRE(to.tell(juggle::who_asks{}).has_value());
  deadline = std::chrono::steady_clock::now() + 200ms;
  REQUIRE(to.tell(juggle::throw_up{1}, 200ms).has_value());
  it.events->release();  // both are decided in one turn now
  REQUIRE(await([&] { return it.host.stats().waiting == 0; }));
  CHECK(it.host.stats().expired == 1);
  CHECK(to.ask(juggle::look{}, long_enough).get()->up == 1);
}

TEST_CASE("host: handlers and commits have their time from the host's wall clock") {
  const std::chrono::system_clock::time_point noon{std::chrono::hours{12}};
  bedroom it{{.wall_clock = [=] { return noon; }}};
  juggle::stage stage;
  std::chrono::system_clock::time_point told;
  stage.on_context = [&](const command_context& context) { told = context.now(); };
  const auto to = it.host.actor<juggler>("j");
  REQUIRE(to.ask(juggle::who_asks{}, long_enough).get().has_value());
  CHECK(told == noon);
  REQUIRE(to.ask(juggle::throw_up{1}, long_enough).get().has_value());
  std::chrono::system_clock::time_point stamped;
  it.events->latest(*to.address(), [&](const result<std::optional<recorded_commit>>& got) {
    if (got && *got) stamped = (*got)->commit.at;
  });
  CHECK(stamped == noon);
}
