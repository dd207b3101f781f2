#pragma once

#include <aether/aether.hpp>

// [readme]
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

  // Decide: sees a const state, returns what should happen.
  aether::effect<balance> on(const deposit& cmd, const state&) {
    if (cmd.cents <= 0) return reject("a deposit is positive");
    return persist(deposited{cmd.cents}).reply([](const state& now) { return now; });
  }
  aether::effect<balance> on(const withdraw& cmd, const state& s) {
    if (cmd.cents > s.cents) return reject("insufficient funds");
    return persist(withdrawn{cmd.cents}).reply([](const state& now) { return now; });
  }
  aether::effect<balance> on(const get_balance&, const state& s) { return reply(s); }

  // Apply: runs now and on every replay; no side effects.
  static void apply(state& s, const deposited& e) { s.cents += e.cents; }
  static void apply(state& s, const withdrawn& e) { s.cents -= e.cents; }
};
// [/readme]
