#pragma once

#include <aether/actors/actor_host.hpp>

#include <cstdint>
#include <string_view>

// The messages of the actors here; each source writes one actor with one mistake.

struct balance {
  std::int64_t cents = 0;
  AETHER_MESSAGE("bank.balance", cents)
};
struct receipt {
  AETHER_MESSAGE("bank.receipt")
};
struct deposit {
  std::int64_t cents = 0;
  using reply = balance;
  AETHER_MESSAGE("bank.deposit", cents)
};
struct close_account {
  AETHER_MESSAGE("bank.close_account")
};
struct deposited {
  std::int64_t cents = 0;
  AETHER_MESSAGE("bank.deposited", cents)
};
struct closed {
  AETHER_MESSAGE("bank.closed")
};
