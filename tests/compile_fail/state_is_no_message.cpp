// expect: the actor's `state` is an AETHER_MESSAGE
#include "bank.hpp"

class account : public aether::event_sourced_actor<account> {
 public:
  static constexpr std::string_view type_name = "account";
  using state = std::int64_t;
  using commands = aether::messages<deposit>;
  using events = aether::messages<deposited>;
  aether::effect<balance> on(const deposit&, const state&) { return reply(balance{}); }
  static void apply(state& now, const deposited& event) { now += event.cents; }
};

void use(aether::actor_host& host) { host.host<account>(); }
