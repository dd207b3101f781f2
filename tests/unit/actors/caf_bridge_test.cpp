#include <aether/actors/actor_host.hpp>
#include <aether/actors/caf.hpp>
#include <aether/persistence/memory_store.hpp>
#include <aether/persistence/scripted_store.hpp>
#include "support/await.hpp"
#include "support/juggler.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <optional>
#include <string>

using namespace aether;
using namespace std::chrono_literals;
using aether::testing_support::await;
using juggle::balls;
using juggle::juggler;

namespace {

constexpr std::chrono::seconds long_enough{30};

struct print {
  std::string text;
  using reply = balls;
  AETHER_MESSAGE("bridge.print", text)
};
struct printed {
  std::string text;
  AETHER_MESSAGE("bridge.printed", text)
};
struct texts {
  std::string last;
  AETHER_MESSAGE("bridge.texts", last)
};
struct fail_in_caf {
  AETHER_MESSAGE("bridge.fail_in_caf")
};
struct spawn_child {
  AETHER_MESSAGE("bridge.spawn_child")
};
struct child_is_down {
  AETHER_MESSAGE("bridge.child_is_down")
};
struct read_last {
  using reply = texts;
  AETHER_MESSAGE("bridge.read_last")
};
/// Has `text` sent to it later.
struct remind {
  std::string text;
  AETHER_MESSAGE("bridge.remind", text)
};
struct link_child {
  bool failing = false;
  AETHER_MESSAGE("bridge.link_child", failing)
};
struct confirm {
  std::string text;
  AETHER_MESSAGE("bridge.confirm", text)
};

std::atomic<int> companions_gone{0};
std::atomic<int> children_gone{0};

// Classes, because CAF 0.17 cannot spawn a function without arguments where the library's
// assertions are on.
class printer final : public caf::event_based_actor {
 public:
  using caf::event_based_actor::event_based_actor;
  caf::behavior make_behavior() override {
    return {[](const std::string& text) { return "printed " + text; }};
  }
};
/// Ends at once.
class child final : public caf::event_based_actor {
 public:
  using caf::event_based_actor::event_based_actor;
  caf::behavior make_behavior() override { return {}; }
};

/// Stays until it is told to go.
class steady_child final : public caf::event_based_actor {
 public:
  using caf::event_based_actor::event_based_actor;
  caf::behavior make_behavior() override {
    return {[](const std::string&) {}};
  }
  void on_exit() override { ++children_gone; }
};
class failing_child final : public caf::event_based_actor {
 public:
  using caf::event_based_actor::event_based_actor;
  caf::behavior make_behavior() override {
    quit(caf::exit_reason::unhandled_exception);
    return {};
  }
};

/// Talks to a plain CAF actor, the printer.
class author : public event_sourced_actor<author> {
 public:
  static constexpr std::string_view type_name = "author";
  using state = texts;
  using commands = messages<print, confirm, fail_in_caf, spawn_child, link_child, remind,
                            child_is_down, read_last>;
  using events = messages<printed>;

  explicit author(caf::actor with) : printer_{std::move(with)} {}

  effect<balls> on(const print& command, const texts&) {
    return reply(balls{}).then([with = printer_, text = command.text](actor_context<author>& self) {
      in_caf(self,
             [=, me = self.actor<author>(self.self().id.str())](caf::event_based_actor& companion) {
               companion.request(with, long_enough, text).then([me](const std::string& done) {
                 (void)me.tell(confirm{done});
               });
             });
    });
  }
  effect<void> on(const confirm& command, const texts&) { return persist(printed{command.text}); }
  effect<void> on(const fail_in_caf&, const texts&) {
    return none().then([](actor_context<author>& self) {
      in_caf(self, [](caf::event_based_actor& companion) {
        companion.attach_functor([] { ++companions_gone; });
        throw std::runtime_error{"in the companion"};
      });
    });
  }
  effect<void> on(const spawn_child&, const texts&) {
    return none().then([](actor_context<author>& self) {
      in_caf(self,
             [me = self.actor<author>(self.self().id.str())](caf::event_based_actor& companion) {
               companion.set_down_handler([me](caf::down_msg&) { (void)me.tell(child_is_down{}); });
               companion.monitor(companion.spawn<child>());
               companion.attach_functor([] { ++companions_gone; });
             });
    });
  }
  effect<void> on(const link_child& command, const texts&) {
    return none().then([command](actor_context<author>& self) {
      in_caf(self, [command](caf::event_based_actor& companion) {
        // Held: an actor that nobody refers to ends.
        const caf::actor child = command.failing ? companion.spawn<failing_child, caf::linked>()
                                                 : companion.spawn<steady_child, caf::linked>();
        companion.attach_functor([child] { ++companions_gone; });
      });
    });
  }
  effect<void> on(const remind& command, const texts&) {
    return none().then([command](actor_context<author>& self) {
      in_caf(self, [command, me = self.actor<author>(self.self().id.str())](
                       caf::event_based_actor& companion) {
        companion.delayed_send(caf_actor(companion.system(), me), 2ms, confirm{command.text});
      });
    });
  }
  effect<void> on(const child_is_down&, const texts&) { return persist(printed{"child is down"}); }
  effect<texts> on(const read_last&, const texts& now) { return reply(now); }
  static void apply(texts& now, const printed& event) { now.last = event.text; }

 private:
  caf::actor printer_;
};

struct bridge {
  caf::actor_system_config config;
  caf::actor_system system{config};
  timers clock;
  std::shared_ptr<scripted_event_store> events =
      std::make_shared<scripted_event_store>(std::make_shared<memory_event_store>());
  actor_host host{{.workers = 2}, events, std::make_shared<memory_snapshot_store>(), clock};
  juggle::stage stage;

  bridge() {
    const caf::actor made = system.spawn<printer>();
    host.host<juggler>();
    host.host<author>([made] { return author{made}; });
    companions_gone = 0;
    children_gone = 0;
  }
  ~bridge() {
    (void)host.stop(long_enough);
    system.await_actors_before_shutdown(false);
  }
  [[nodiscard]] std::string last_of(std::string_view id) {
    return host.actor<author>(id).ask(read_last{}, long_enough).get().value().last;
  }
};

}  // namespace

TEST_CASE("caf: an entity answers requests as any CAF actor, with its reply or with its error") {
  bridge it;
  const caf::actor handle = caf_actor(it.system, it.host.actor<juggler>("j"));
  caf::scoped_actor self{it.system};
  std::optional<std::int64_t> up;
  std::optional<error> why;
  const auto on_error = [&](const caf::error& got) { why = from_caf_error(got); };
  SUBCASE("a reply") {
    self->request(handle, long_enough, juggle::throw_up{3})
        .receive([&](const balls& now) { up = now.up; }, on_error);
    CHECK(up == 3);
  }
  SUBCASE("a rejection") {
    self->request(handle, long_enough, juggle::throw_up{3'000})
        .receive([&](const balls& now) { up = now.up; }, on_error);
    REQUIRE(why.has_value());
    CHECK(why->code() == errc::rejected);
    CHECK(why->text().starts_with("juggle.too_many"));
  }
  SUBCASE("a command without a reply") {
    bool answered = false;
    self->request(handle, long_enough, juggle::show{1}).receive([&] { answered = true; }, on_error);
    CHECK(answered);
  }
  SUBCASE("a message sent is told") {
    self->send(handle, juggle::throw_up{2});
    CHECK(await([&] {
      return it.host.actor<juggler>("j").ask(juggle::look{}, long_enough).get()->up == 2;
    }));
  }
  SUBCASE("the handle outlives the actor's stay in memory") {
    for (const std::int64_t expected : {1, 2, 3}) {
      self->request(handle, long_enough, juggle::bow{1})
          .receive([&](const balls& now) { up = now.up; }, on_error);
      CHECK(up == expected);
    }
  }
}

TEST_CASE("caf: an error of another origin is none of ours") {
  CHECK(!from_caf_error(caf::make_error(caf::sec::request_timeout)).has_value());
  const error ours{errc::outcome_unknown, "who knows"};
  CHECK(from_caf_error(to_caf_error(ours)) == ours);
}

TEST_CASE("caf: a side effect asks a plain CAF actor and tells its entity what came of it") {
  bridge it;
  REQUIRE(it.host.actor<author>("a").ask(print{"a page"}, long_enough).get().has_value());
  CHECK(await([&] { return it.last_of("a") == "printed a page"; }));
}

TEST_CASE("caf: a companion spawns, monitors, and goes when its entity leaves memory") {
  bridge it;
  REQUIRE(it.host.actor<author>("a").tell(spawn_child{}).has_value());
  CHECK(await([&] { return it.last_of("a") == "child is down"; }));
  CHECK(companions_gone == 0);
  const actor_address a{*actor_type::parse("author"), *actor_id::parse("a")};
  it.host.release(a.type, shard_of(a, 256));
  CHECK(await([] { return companions_gone == 1; }));
}

TEST_CASE("caf: an exception in a companion harms nobody, nor the work behind it") {
  bridge it;
  REQUIRE(it.host.actor<author>("a").tell(fail_in_caf{}).has_value());
  REQUIRE(it.host.actor<author>("a").tell(print{"another page"}).has_value());
  CHECK(await([&] { return it.last_of("a") == "printed another page"; }));
  CHECK(it.host.stats().activations == 1);
  CHECK(companions_gone == 0);
}

TEST_CASE("caf: companions end before a host that is stopped by force") {
  bridge it;
  REQUIRE(it.host.actor<author>("a").tell(spawn_child{}).has_value());
  REQUIRE(await([&] { return it.last_of("a") == "child is down"; }));
  it.events->hold_appends();
  REQUIRE(it.host.actor<author>("a").tell(confirm{"never stored"}).has_value());
  REQUIRE(await([&] { return it.events->held() == 1; }));
  CHECK(!it.host.stop(0ms));
  CHECK(companions_gone == 1);
  it.events->release();
}

TEST_CASE("caf: a message sent to an entity that refuses it is a dead letter") {
  bridge it;
  const caf::actor handle = caf_actor(it.system, it.host.actor<juggler>("j"));
  std::string told;
  const auto watching = it.host.dead_letters().subscribe([&](const dead_letter& letter) {
    told = to_string(letter.to) + " " + letter.command + " " + letter.why.message();
  });
  REQUIRE(it.host.stop(long_enough));
  caf::scoped_actor self{it.system};
  self->send(handle, juggle::throw_up{2});
  REQUIRE(await([&] { return it.host.dead_letters().count() == 1; }));
  self->request(handle, long_enough, juggle::look{})
      .receive([](const balls&) {}, [](const caf::error&) {});  // behind the letter
  CHECK(told.starts_with("juggler/j juggle.throw_up not_running"));
}

TEST_CASE("caf: what a companion sends later reaches its entity") {
  bridge it;
  REQUIRE(it.host.actor<author>("a").tell(remind{"it is time"}).has_value());
  CHECK(await([&] { return it.last_of("a") == "it is time"; }));
}

TEST_CASE("caf: what is linked to a companion goes with it, and takes it along") {
  bridge it;
  const auto to = it.host.actor<author>("a");
  SUBCASE("the entity leaves memory") {
    REQUIRE(to.tell(link_child{}).has_value());
    REQUIRE(to.tell(print{"a page"}).has_value());
    REQUIRE(await([&] { return it.last_of("a") == "printed a page"; }));
    CHECK(children_gone == 0);
    REQUIRE(it.host.stop(long_enough));
    CHECK(await([] { return children_gone == 1 && companions_gone == 1; }));
  }
  SUBCASE("the child fails") {
    REQUIRE(to.tell(link_child{.failing = true}).has_value());
    REQUIRE(await([] { return companions_gone == 1; }));
    REQUIRE(to.tell(print{"another page"}).has_value());  // by another companion
    CHECK(await([&] { return it.last_of("a") == "printed another page"; }));
  }
}
