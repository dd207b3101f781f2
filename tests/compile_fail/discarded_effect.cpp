// expect: an effect does nothing until the handler returns it
#include "bank.hpp"

class account : public aether::event_sourced_actor<account> {
 public:
  static constexpr std::string_view type_name = "account";
  using state = balance;
  using commands = aether::messages<deposit>;
  using events = aether::messages<deposited>;
  aether::effect<balance> on(const deposit& command, const state& now) {
    persist(deposited{command.cents});
    return reply(now);
  }
  static void apply(state& now, const deposited& event) { now.cents += event.cents; }
};

void use(aether::actor_host& host) { host.host<account>(); }
