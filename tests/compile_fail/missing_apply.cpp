// expect: an event in the actor's `events` has no static apply(state&, const Event&)
#include "bank.hpp"

class account : public aether::event_sourced_actor<account> {
 public:
  static constexpr std::string_view type_name = "account";
  using state = balance;
  using commands = aether::messages<deposit>;
  using events = aether::messages<deposited>;
  aether::effect<balance> on(const deposit& command, const state&) {
    return persist(deposited{command.cents}).reply([](const state& now) { return now; });
  }
};

void use(aether::actor_host& host) { host.host<account>(); }
