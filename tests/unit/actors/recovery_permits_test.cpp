#include "actors/src/recovery_permits.hpp"

#include "support/random.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <semaphore>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace aether;

namespace {

/// Is never run.
struct sleeper final : activation {
  using activation::activation;
  resume_result resume(caf::execution_unit*, std::size_t) override { return done; }
  void abandon() override {}
};

activation_ptr actor_named(const std::string& id) {
  const actor_address address{*actor_type::parse("waiter"), *actor_id::parse(id)};
  static slot_service home;
  return {new sleeper{address, stable_hash(address), home}, false};
}

/// Permits under a test's control: who was granted one, in order, and who is gone.
struct desk {
  std::vector<std::string> granted;
  std::set<std::string> gone;
  recovery_permits permits;

  explicit desk(std::size_t free)
      : permits{free, [this](const activation_ptr& to) {
                  if (gone.contains(to->self.id.str())) return false;
                  granted.push_back(to->self.id.str());
                  return true;
                }} {}

  /// `count` actors that wait for nobody's sake.
  std::vector<activation_ptr> waiting(std::initializer_list<const char*> names) {
    std::vector<activation_ptr> made;
    for (const char* name : names) {
      made.push_back(actor_named(name));
      CHECK_FALSE(permits.take_or_wait(made.back()));
    }
    return made;
  }
  void give_back(int times) {
    for (; times > 0; --times) permits.give_back();
  }
  /// Takes all that are free.
  std::size_t free_now() {
    std::size_t taken = 0;
    while (permits.take_or_wait(actor_named("probe"))) ++taken;
    return taken;
  }
  void command_comes(const activation_ptr& to) {
    ++to->held;
    permits.now_has_commands(to);
  }
};

using names = std::vector<std::string>;

}  // namespace

TEST_CASE("recovery permits: so many are out at once, and each one back goes to the next") {
  desk it{2};
  CHECK(it.permits.take_or_wait(actor_named("a")));
  CHECK(it.permits.take_or_wait(actor_named("b")));
  const auto waiting = it.waiting({"c", "d"});
  CHECK(it.granted.empty());
  it.permits.give_back();
  CHECK(it.granted == names{"c"});
  it.permits.give_back();
  CHECK(it.granted == names{"c", "d"});
  it.give_back(2);
  CHECK(it.granted.size() == 2);
  CHECK(it.free_now() == 2);
}

TEST_CASE("recovery permits: those with commands come before those without") {
  desk it{0};
  const auto idle = it.waiting({"a", "b"});
  const auto called = actor_named("c");
  called->held = 1;
  CHECK_FALSE(it.permits.take_or_wait(called));
  it.give_back(3);
  CHECK(it.granted == names{"c", "a", "b"});
}

TEST_CASE("recovery permits: a command that comes while its actor waits brings it forward") {
  desk it{0};
  const auto idle = it.waiting({"a", "b", "c"});
  it.command_comes(idle[2]);
  it.command_comes(idle[1]);
  it.give_back(3);
  CHECK(it.granted == names{"c", "b", "a"});
  it.give_back(1);
  CHECK(it.granted.size() == 3);
  CHECK(it.free_now() == 1);
}

TEST_CASE("recovery permits: many commands bring one permit") {
  desk it{0};
  const auto idle = it.waiting({"a", "b"});
  for (int i = 0; i < 5; ++i) it.command_comes(idle[1]);
  it.give_back(4);
  CHECK(it.granted == names{"b", "a"});
  CHECK(it.free_now() == 2);
}

TEST_CASE("recovery permits: a command for an actor that does not wait changes nothing") {
  desk it{1};
  const auto served = actor_named("a");
  CHECK(it.permits.take_or_wait(served));
  it.command_comes(served);
  it.permits.give_back();
  CHECK(it.granted.empty());
  CHECK(it.free_now() == 1);
}

TEST_CASE("recovery permits: an actor that is gone passes its permit on") {
  desk it{0};
  const auto idle = it.waiting({"a", "b", "c"});
  it.gone = {"a", "b"};
  it.permits.give_back();
  CHECK(it.granted == names{"c"});
  it.give_back(1);
  CHECK(it.free_now() == 1);
}

TEST_CASE("recovery permits: when all who wait are gone the permit is free") {
  desk it{0};
  const auto idle = it.waiting({"a", "b"});
  it.gone = {"a", "b"};
  it.permits.give_back();
  CHECK(it.granted.empty());
  CHECK(it.free_now() == 1);
}

TEST_CASE("recovery permits: an actor may wait again after it was served") {
  desk it{0};
  const auto idle = it.waiting({"a", "b"});
  it.command_comes(idle[0]);
  it.give_back(1);
  CHECK(it.granted == names{"a"});
  CHECK_FALSE(it.permits.take_or_wait(idle[0]));
  it.give_back(3);
  CHECK(it.granted.size() == 3);
  CHECK(std::set<std::string>(it.granted.begin(), it.granted.end()).size() == 2);
  CHECK(it.free_now() == 1);
}

namespace {

/// Actors on threads of their own that come, wait, read, and go, more than there are permits.
struct crowd {
  static constexpr std::size_t permits_max = 3, actors = 8, rounds = 400;

  struct member {
    activation_ptr self;
    std::binary_semaphore told{0};
    std::atomic<bool> leaves{false};
    std::atomic<bool> passed_on{false};
  };

  std::vector<std::unique_ptr<member>> members;
  std::atomic<std::size_t> out{0};
  std::atomic<bool> too_many{false}, forgotten{false};
  recovery_permits permits{permits_max, [this](const activation_ptr& to) {
                             auto& one = *members[std::stoul(to->self.id.str())];
                             one.passed_on = one.leaves.load();
                             const bool here = !one.passed_on;
                             one.told.release();
                             return here;
                           }};

  crowd() {
    for (std::size_t i = 0; i < actors; ++i) {
      members.push_back(std::make_unique<member>());
      members.back()->self = actor_named(std::to_string(i));
    }
  }

  void live(std::size_t nth) {
    std::mt19937_64 random{testing::seeded_random()() + nth};
    auto& me = *members[nth];
    for (std::size_t round = 0; round < rounds && !forgotten; ++round) {
      me.leaves = testing::random_between(random, 0, 3) == 0;
      me.self->held = static_cast<std::uint32_t>(testing::random_between(random, 0, 1));
      bool mine = permits.take_or_wait(me.self);
      if (!mine) {
        permits.now_has_commands(members[testing::random_between(random, 0, actors - 1)]->self);
        if (!me.told.try_acquire_for(std::chrono::seconds{30})) forgotten = true;
        mine = !me.passed_on;
      }
      if (!mine) continue;
      if (++out > permits_max) too_many = true;
      std::this_thread::yield();
      --out;
      permits.give_back();
    }
  }
};

}  // namespace

TEST_CASE("recovery permits: in a crowd none is lost and none is granted twice") {
  crowd all;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < crowd::actors; ++i) threads.emplace_back([&all, i] { all.live(i); });
  for (auto& one : threads) one.join();
  CHECK_FALSE(all.too_many);
  REQUIRE_FALSE(all.forgotten);
  std::size_t free = 0;
  while (all.permits.take_or_wait(actor_named("probe"))) ++free;
  CHECK(free == crowd::permits_max);
}
