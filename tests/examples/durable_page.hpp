#pragma once

// What docs/durable-sends.md takes for granted.

#include <aether/aether.hpp>

#include <chrono>
#include <cstdint>
#include <string_view>

namespace {

struct balance {
  std::int64_t cents = 0;
  AETHER_MESSAGE("page.balance", cents)
};
struct deposit {
  std::int64_t cents = 0;
  using reply = balance;
  AETHER_MESSAGE("page.deposit", cents)
};
struct withdraw {
  std::int64_t cents = 0;
  using reply = balance;
  AETHER_MESSAGE("page.withdraw", cents)
};
struct remind {
  using reply = balance;
  AETHER_MESSAGE("page.remind")
};
struct charge_fee {
  using reply = balance;
  AETHER_MESSAGE("page.charge_fee")
};
struct changed {
  std::int64_t cents = 0;
  AETHER_MESSAGE("page.changed", cents)
};

struct account : aether::event_sourced_actor<account> {
  static constexpr std::string_view type_name = "account";
  using state = balance;
  using commands = aether::messages<deposit, withdraw, remind, charge_fee>;
  using events = aether::messages<changed>;
  template <class Command>
  aether::effect<balance> on(const Command&, const state& now) {
    return reply(now);
  }
  static void apply(state& now, const changed& event) { now.cents += event.cents; }
};

extern aether::node node;
extern aether::actor_ref<account> alice;
extern std::chrono::sys_time<std::chrono::milliseconds> next_monday;

}  // namespace
