#pragma once

#include <aether/actors/event_sourced_actor.hpp>

#include <cstdint>
#include <string_view>

/// The actor that tests use when any actor will do.
namespace bank {

struct balance {
  std::int64_t cents = 0;
  AETHER_MESSAGE("bank.balance", cents)
};
struct deposit {
  std::int64_t cents = 0;
  using reply = balance;
  AETHER_MESSAGE("bank.deposit", cents)
};
struct withdraw {
  std::int64_t cents = 0;
  using reply = balance;
  AETHER_MESSAGE("bank.withdraw", cents)
};
struct get_balance {
  using reply = balance;
  AETHER_MESSAGE("bank.get_balance")
};
struct deposited {
  std::int64_t cents = 0;
  AETHER_MESSAGE("bank.deposited", cents)
};
struct withdrawn {
  std::int64_t cents = 0;
  AETHER_MESSAGE("bank.withdrawn", cents)
};

class account : public aether::event_sourced_actor<account> {
 public:
  static constexpr std::string_view type_name = "account";
  using state = balance;
  using commands = aether::messages<deposit, withdraw, get_balance>;
  using events = aether::messages<deposited, withdrawn>;

  static aether::effect<balance> on(const deposit& command, const state&) {
    return persist(deposited{command.cents}).reply([](const state& now) { return now; });
  }
  static aether::effect<balance> on(const withdraw& command, const state& now) {
    if (command.cents > now.cents) return reject("insufficient funds");
    return persist(withdrawn{command.cents}).reply([](const state& then) { return then; });
  }
  static aether::effect<balance> on(const get_balance&, const state& now) { return reply(now); }

  static void apply(state& now, const deposited& event) { now.cents += event.cents; }
  static void apply(state& now, const withdrawn& event) { now.cents -= event.cents; }
};

}  // namespace bank
