#pragma once

#include <aether/actors/behavior.hpp>
#include <aether/actors/event_sourced_actor.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

/// An actor with every kind of effect, for tests.
namespace juggle {

struct balls {
  std::int64_t up = 0;
  AETHER_MESSAGE("juggle.balls", up)
};
struct throw_up {
  std::int64_t count = 1;
  using reply = balls;
  AETHER_MESSAGE("juggle.throw_up", count)
};
/// Waits until that many are up.
struct wait_for {
  std::int64_t count = 0;
  using reply = balls;
  AETHER_MESSAGE("juggle.wait_for", count)
};
/// Only reads.
struct look {
  bool stumble = false;
  using reply = balls;
  AETHER_MESSAGE("juggle.look", stumble)
};
/// Its reply cannot be made.
struct fumble {
  using reply = balls;
  AETHER_MESSAGE("juggle.fumble")
};
/// Persists `count`, and calls `on_stage::seen` afterwards.
struct show {
  std::int64_t count = 0;
  AETHER_MESSAGE("juggle.show", count)
};
struct bow {
  std::int64_t count = 0;
  using reply = balls;
  AETHER_MESSAGE("juggle.bow", count)
};
struct stumble {
  bool in_side_effect = false;
  AETHER_MESSAGE("juggle.stumble", in_side_effect)
};
struct who_asks {
  using reply = balls;
  AETHER_MESSAGE("juggle.who_asks")
};
struct too_many {
  std::int64_t allowed = 0;
  AETHER_MESSAGE("juggle.too_many", allowed)
};
struct thrown_up {
  std::int64_t count = 0;
  AETHER_MESSAGE("juggle.thrown_up", count)
};

/// What the jugglers of a test are seen to do.
struct stage {
  std::function<void(const aether::command_context&)> on_context = [](const auto&) {};
  std::function<void(const aether::command_context&)> on_show = [](const auto&) {};
  static inline stage* current = nullptr;

  stage() { current = this; }
  ~stage() { current = nullptr; }
  stage(const stage&) = delete;
  stage& operator=(const stage&) = delete;
};

template <class Derived>
class juggling : public aether::event_sourced_actor<Derived> {
 public:
  using state = balls;
  using commands = aether::messages<throw_up, wait_for, look, show, bow, stumble, who_asks, fumble>;
  using events = aether::messages<thrown_up>;
  static constexpr std::size_t deferred_max = 2;
  static constexpr std::int64_t balls_max = 1'000;

  aether::effect<balls> on(const throw_up& command, const balls& now) {
    if (now.up + command.count > balls_max) return this->reject(too_many{balls_max});
    return this->persist(thrown_up{command.count}).reply([](const balls& after) { return after; });
  }
  aether::effect<balls> on(const wait_for& command, const balls& now) {
    if (now.up < command.count) return this->defer();
    return this->reply(now);
  }
  aether::read_only_effect<balls> on(const look& command, const balls& now) {
    if (command.stumble) throw std::runtime_error{"stumbled looking"};
    return this->reply(now);
  }
  aether::effect<balls> on(const fumble&, const balls&) {
    return this->persist_all(std::vector<thrown_up>{})
        .reply([](const balls&) -> balls { throw std::runtime_error{"fumbled"}; })
        .then([](aether::actor_context<Derived>& self) { stage::current->on_show(self); })
        .stop();
  }
  aether::effect<void> on(const show& command, const balls&) {
    auto seen = [](aether::actor_context<Derived>& self) { stage::current->on_show(self); };
    if (command.count == 0) return this->none().then(seen);
    return this->persist(thrown_up{command.count}).then(seen);
  }
  aether::effect<balls> on(const bow& command, const balls& now) {
    if (command.count == 0) return this->reply(now).stop();
    return this->persist(thrown_up{command.count})
        .reply([](const balls& after) { return after; })
        .stop();
  }
  aether::effect<void> on(const stumble& command, const balls&) {
    if (!command.in_side_effect) throw std::runtime_error{"stumbled"};
    return this->persist(thrown_up{1}).then([] { throw std::runtime_error{"stumbled later"}; });
  }
  aether::effect<balls> on(const who_asks&, const balls& now,
                           const aether::command_context& context) {
    stage::current->on_context(context);
    return this->reply(now);
  }
  static void apply(balls& now, const thrown_up& event) { now.up += event.count; }
};

/// Goes on after an exception.
class juggler : public juggling<juggler> {
 public:
  static constexpr std::string_view type_name = "juggler";
};

/// Is made anew after one.
class careful_juggler : public juggling<careful_juggler> {
 public:
  static constexpr std::string_view type_name = "careful_juggler";
  static constexpr auto on_failure = aether::failure_policy::restart;
};

}  // namespace juggle
