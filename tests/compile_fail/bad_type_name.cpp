// expect: the actor's `type_name` has 1-64 characters of [A-Za-z0-9_-]
#include "bank.hpp"

class account : public aether::event_sourced_actor<account> {
 public:
  static constexpr std::string_view type_name = "bank.account";
  using state = balance;
  using commands = aether::messages<deposit>;
  using events = aether::messages<deposited>;
  aether::effect<balance> on(const deposit&, const state& now) { return reply(now); }
  static void apply(state& now, const deposited& event) { now.cents += event.cents; }
};

void use(aether::actor_host& host) { host.host<account>(); }
