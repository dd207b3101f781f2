#pragma once

#include <aether/aether.hpp>

#include <cstdint>
#include <string_view>

struct balance {
  std::int64_t cents = 0;
  bool closed = false;
  AETHER_MESSAGE("bank.balance", cents, closed)
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
/// Money that was withdrawn comes back; never refused, not even by a closed account.
struct refund {
  std::int64_t cents = 0;
  using reply = balance;
  AETHER_MESSAGE("bank.refund", cents)
};
/// For good. Of an empty account.
struct close_account {
  using reply = balance;
  AETHER_MESSAGE("bank.close_account")
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
struct account_closed {
  AETHER_MESSAGE("bank.account_closed")
};

/// A reason of rejection: so much more is needed.
struct insufficient_funds {
  std::int64_t missing_cents = 0;
  AETHER_MESSAGE("bank.insufficient_funds", missing_cents)
};

/// An account, addressed by its number: `node.actor<account>("alice")`.
class account : public aether::event_sourced_actor<account> {
 public:
  static constexpr std::string_view type_name = "account";
  using state = balance;
  using commands = aether::messages<deposit, withdraw, refund, close_account, get_balance>;
  using events = aether::messages<deposited, withdrawn, account_closed>;

  aether::effect<balance> on(const deposit& command, const state& now) {
    if (command.cents <= 0) return reject("a deposit is positive");
    if (now.closed) return reject("the account is closed");
    return persist(deposited{command.cents}).reply(as_it_is);
  }
  aether::effect<balance> on(const withdraw& command, const state& now) {
    if (command.cents <= 0) return reject("a withdrawal is positive");
    if (command.cents > now.cents)
      return reject(insufficient_funds{command.cents - now.cents}, "insufficient funds");
    return persist(withdrawn{command.cents}).reply(as_it_is);
  }
  aether::effect<balance> on(const refund& command, const state&) {
    return persist(deposited{command.cents}).reply(as_it_is);
  }
  aether::effect<balance> on(const close_account&, const state& now) {
    if (now.closed) return reply(now);
    if (now.cents != 0) return reject("there is money on the account");
    return persist(account_closed{}).reply(as_it_is);
  }
  aether::read_only_effect<balance> on(const get_balance&, const state& now) { return reply(now); }

  static void apply(state& now, const deposited& event) { now.cents += event.cents; }
  static void apply(state& now, const withdrawn& event) { now.cents -= event.cents; }
  static void apply(state& now, const account_closed&) { now.closed = true; }

 private:
  static state as_it_is(const state& now) { return now; }
};
