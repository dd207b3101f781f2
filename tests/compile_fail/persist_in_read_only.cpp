// expect: a read_only_effect is reply(...) or reject(...), nothing else
#include "bank.hpp"

class account : public aether::event_sourced_actor<account> {
 public:
  static constexpr std::string_view type_name = "account";
  using state = balance;
  using commands = aether::messages<deposit>;
  using events = aether::messages<deposited>;
  aether::read_only_effect<balance> on(const deposit&, const state&) {
    return persist(deposited{}).reply(balance{});
  }
  static void apply(state& now, const deposited& event) { now.cents += event.cents; }
};

void use(aether::actor_host& host) { host.host<account>(); }
