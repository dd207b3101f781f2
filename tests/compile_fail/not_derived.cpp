// expect: an actor derives publicly from aether::event_sourced_actor<itself>
#include "bank.hpp"

struct account {
  static constexpr std::string_view type_name = "account";
  using state = balance;
  using commands = aether::messages<>;
  using events = aether::messages<>;
};

void use(aether::actor_host& host) { host.host<account>(); }
