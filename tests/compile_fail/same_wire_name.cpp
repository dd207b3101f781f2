// expect: two events in the actor's `events` have the same wire name
#include "bank.hpp"

struct deposited_by_mistake {
  AETHER_MESSAGE("bank.deposited")
};

class account : public aether::event_sourced_actor<account> {
 public:
  static constexpr std::string_view type_name = "account";
  using state = balance;
  using commands = aether::messages<deposit>;
  using events = aether::messages<deposited, deposited_by_mistake>;
  aether::effect<balance> on(const deposit&, const state& now) { return reply(now); }
  static void apply(state& now, const deposited& event) { now.cents += event.cents; }
  static void apply(state&, const deposited_by_mistake&) {}
};

void use(aether::actor_host& host) { host.host<account>(); }
