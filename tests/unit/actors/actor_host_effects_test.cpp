#include <aether/actors/actor_host.hpp>
#include <aether/persistence/memory_store.hpp>
#include "support/await.hpp"
#include "support/juggler.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <coroutine>
#include <latch>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

using namespace aether;
using namespace std::chrono_literals;
using aether::testing_support::await;
using juggle::balls;
using juggle::juggler;

namespace {

constexpr std::chrono::seconds long_enough{30};

struct noted {
  std::string what;
  AETHER_MESSAGE("relay.noted", what)
};
struct pass_on {
  std::string to;
  std::int64_t count = 0;
  AETHER_MESSAGE("relay.pass_on", to, count)
};
struct wait_then_note {
  std::string name;
  std::chrono::milliseconds delay{};
  std::string what;
  AETHER_MESSAGE("relay.wait_then_note", name, delay, what)
};
struct cancel {
  std::string name;
  AETHER_MESSAGE("relay.cancel", name)
};
struct note {
  std::string what;
  AETHER_MESSAGE("relay.note", what)
};
struct notes {
  std::vector<std::string> all;
  AETHER_MESSAGE("relay.notes", all)
};
struct read_notes {
  using reply = notes;
  AETHER_MESSAGE("relay.read_notes")
};

/// Asks jugglers, waits, and keeps notes.
class relay : public event_sourced_actor<relay> {
 public:
  static constexpr std::string_view type_name = "relay";
  using state = notes;
  using commands = messages<pass_on, wait_then_note, cancel, note, read_notes>;
  using events = messages<noted>;

  effect<void> on(const pass_on& command, const notes&) {
    return persist(noted{"asking"}).then([command](actor_context<relay>& self) {
      self.ask(self.actor<juggler>(command.to), juggle::throw_up{command.count}, long_enough,
               [](const result<balls>& got) {
                 return note{got ? std::to_string(got->up) : got.error().message()};
               });
    });
  }
  effect<void> on(const wait_then_note& command, const notes&) {
    return none().then([command](actor_context<relay>& self) {
      self.start_timer(command.name, command.delay, note{command.what});
    });
  }
  effect<void> on(const cancel& command, const notes&) {
    return none().then([command](actor_context<relay>& self) { self.cancel_timer(command.name); });
  }
  effect<void> on(const note& command, const notes&) { return persist(noted{command.what}); }
  effect<notes> on(const read_notes&, const notes& now) { return reply(now); }
  static void apply(notes& now, const noted& event) { now.all.push_back(event.what); }
};

struct theatre {
  timers clock;
  std::shared_ptr<memory_event_store> events = std::make_shared<memory_event_store>();
  std::shared_ptr<memory_snapshot_store> snapshots = std::make_shared<memory_snapshot_store>();
  actor_host host;
  juggle::stage stage;

  explicit theatre(host_options options = {})
      : host{with_workers(options), events, snapshots, clock} {
    host.host<juggler>();
    host.host<juggle::careful_juggler>();
    host.host<relay>();
  }
  ~theatre() { (void)host.stop(long_enough); }

  [[nodiscard]] std::vector<std::string> notes_of(std::string_view id) {
    return host.actor<relay>(id).ask(read_notes{}, long_enough).get().value().all;
  }

  static host_options with_workers(host_options options) {
    options.workers = 2;
    return options;
  }
};

/// A coroutine that runs until it waits, and goes on where the answer comes.
struct detached {
  struct promise_type {
    detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

detached throw_twice(actor_ref<juggler> to, std::atomic<std::int64_t>& up, std::latch& done) {
  const auto first = co_await to.ask(juggle::throw_up{1}, long_enough);
  const auto second = co_await to.ask(juggle::throw_up{2}, long_enough);
  up = first && second ? second->up : -1;
  done.count_down();
}

}  // namespace

TEST_CASE("host: an actor asks another and decides on the answer as on any command") {
  theatre it;
  SUBCASE("an answer") {
    REQUIRE(it.host.actor<relay>("r").tell(pass_on{"j", 3}).has_value());
    CHECK(await([&] { return it.notes_of("r") == std::vector<std::string>{"asking", "3"}; }));
  }
  SUBCASE("an error") {
    REQUIRE(it.host.actor<relay>("r").tell(pass_on{"j", 5'000}).has_value());
    CHECK(await([&] { return it.notes_of("r").size() == 2; }));
    CHECK(it.notes_of("r")[1].starts_with("rejected: juggle.too_many"));
  }
  SUBCASE("the other is told who asks, and on whose behalf") {
    std::string sender;
    command_id story;
    it.stage.on_context = [&](const command_context& context) {
      sender = context.sender() == nullptr ? "nobody" : to_string(*context.sender());
      story = context.correlation();
    };
    const auto me = std::make_shared<const actor_address>(
        actor_address{*actor_type::parse("relay"), *actor_id::parse("r")});
    const auto first = command_id::make();
    const auto to = it.host.actor<juggler>("j").sent_by(me).on_behalf_of(first);
    REQUIRE(to.ask(juggle::who_asks{}, long_enough).get().has_value());
    CHECK(sender == "relay/r");
    CHECK(story == first);
  }
}

TEST_CASE("host: timers go off once, unless cancelled, replaced, or gone with their actor") {
  theatre it;
  const auto r = it.host.actor<relay>("r");
  REQUIRE(r.tell(wait_then_note{"a", 1h, "never: cancelled"}).has_value());
  REQUIRE(r.tell(wait_then_note{"b", 0ms, "b"}).has_value());
  REQUIRE(r.tell(cancel{"a"}).has_value());
  REQUIRE(r.tell(cancel{"unheard of"}).has_value());
  REQUIRE(await([&] { return it.notes_of("r").size() == 1; }));
  REQUIRE(r.tell(wait_then_note{"c", 1h, "never: replaced"}).has_value());
  REQUIRE(r.tell(wait_then_note{"c", 1ms, "c"}).has_value());
  REQUIRE(await([&] { return it.notes_of("r").size() == 2; }));
  CHECK(it.notes_of("r") == std::vector<std::string>{"b", "c"});
}

TEST_CASE("host: one that stops again and again loses no command, nor their order") {
  theatre it;
  constexpr std::int64_t rounds = 300;
  const auto to = it.host.actor<juggler>("j");
  std::mutex mutex;
  std::vector<std::int64_t> seen;
  std::latch answered{2 * rounds};
  const auto note_it = [&](const result<balls>& got) {
    const std::lock_guard lock{mutex};
    seen.push_back(got ? got->up : -1);
    answered.count_down();
  };
  for (std::int64_t i = 0; i < rounds; ++i) {
    to.ask(juggle::throw_up{1}, long_enough, note_it);
    to.ask(juggle::bow{1}, long_enough, note_it);
  }
  answered.wait();
  for (std::int64_t i = 0; i < 2 * rounds; ++i) CHECK(seen[static_cast<std::size_t>(i)] == i + 1);
  const auto stats = it.host.stats();
  CHECK(stats.activations > 1);
  CHECK(stats.commands == 2 * rounds);
  CHECK(stats.handled == 2 * rounds);
  CHECK(await([&] { return it.host.stats().resident == 0; }));
}

TEST_CASE("host: an exception in a side effect is the end of nothing but that side effect") {
  theatre it;
  const auto keeps = it.host.actor<juggler>("j");
  REQUIRE(keeps.ask(juggle::stumble{.in_side_effect = true}, long_enough).get().has_value());
  CHECK(keeps.ask(juggle::look{}, long_enough).get()->up == 1);
  CHECK(it.host.stats().restarts == 0);
  const auto careful = it.host.actor<juggle::careful_juggler>("j");
  REQUIRE(careful.ask(juggle::stumble{.in_side_effect = true}, long_enough).get().has_value());
  CHECK(await([&] { return it.host.stats().restarts == 1; }));
  CHECK(careful.ask(juggle::look{}, long_enough).get()->up == 1);
}

TEST_CASE("host: what ends unseen is a dead letter that subscribers see") {
  theatre it;
  std::mutex mutex;
  std::vector<dead_letter> seen;
  auto subscription = it.host.dead_letters().subscribe([&](const dead_letter& letter) {
    const std::lock_guard lock{mutex};
    seen.push_back(letter);
    throw std::runtime_error{"an observer's own affair"};
  });
  const auto to = it.host.actor<juggler>("j");
  REQUIRE(to.tell(juggle::stumble{}).has_value());
  REQUIRE(await([&] { return it.host.stats().dead_letters == 1; }));
  REQUIRE(to.tell(juggle::throw_up{1}, 0ms).has_value());  // too late already
  REQUIRE(await([&] { return it.host.stats().dead_letters == 2; }));
  {
    const std::lock_guard lock{mutex};
    REQUIRE(seen.size() == 2);
    CHECK(to_string(seen[0].to) == "juggler/j");
    CHECK(seen[0].command == "juggle.stumble");
    CHECK(seen[0].why.code() == errc::handler_failed);
    CHECK(seen[1].why.code() == errc::unavailable);
  }
  CHECK(it.host.stats().expired == 1);
  CHECK(it.host.dead_letters().count() == 2);
  subscription = {};
  REQUIRE(to.tell(juggle::stumble{}).has_value());
  REQUIRE(await([&] { return it.host.dead_letters().count() == 3; }));
  CHECK(seen.size() == 2);
  // A rejection is the actor's answer, whoever hears it.
  REQUIRE(to.tell(juggle::throw_up{5'000}).has_value());
  REQUIRE(await([&] { return it.host.stats().rejected == 1; }));
  CHECK(it.host.dead_letters().count() == 3);
}

TEST_CASE("ask: an answer can be awaited by a coroutine") {
  theatre it;
  std::atomic<std::int64_t> up{0};
  std::latch done{1};
  throw_twice(it.host.actor<juggler>("j"), up, done);
  done.wait();
  CHECK(up == 3);
}

TEST_CASE(
    "ask: an answer that is there is not waited for, and one that is not, no longer than told") {
  theatre it;
  auto answer = it.host.actor<juggler>("j").ask(juggle::wait_for{1}, long_enough);
  CHECK(!answer.wait_for(1ms));
  REQUIRE(it.host.actor<juggler>("j").tell(juggle::throw_up{1}).has_value());
  CHECK(answer.wait_for(long_enough));
  CHECK(answer.get()->up == 1);
}

TEST_CASE("ask: the same id is the same command, also behind the back of who sends it") {
  theatre it;
  const auto id = command_id::make();
  const auto to = it.host.actor<juggler>("j").with_id(id);
  CHECK(to.ask(juggle::throw_up{2}, long_enough).get()->up == 2);
  CHECK(to.ask(juggle::throw_up{2}, long_enough).get()->up == 2);
}
