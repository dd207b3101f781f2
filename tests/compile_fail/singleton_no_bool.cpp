// expect: the actor's `singleton` is a static constexpr bool
#include "bank.hpp"

class account : public aether::event_sourced_actor<account> {
 public:
  static constexpr std::string_view type_name = "account";
  static constexpr std::string_view singleton = "account-1";
  using state = balance;
  using commands = aether::messages<deposit>;
  using events = aether::messages<deposited>;
  aether::effect<balance> on(const deposit& command, const state&) {
    return persist(deposited{command.cents}).reply([](const state& now) { return now; });
  }
  static void apply(state& now, const deposited& event) { now.cents += event.cents; }
};

void use(aether::actor_host& host) { host.host<account>(); }
