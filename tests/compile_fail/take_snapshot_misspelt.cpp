// expect: the actor's `take_snapshot` is no static bool take_snapshot
#include "bank.hpp"

class account : public aether::event_sourced_actor<account> {
 public:
  static constexpr std::string_view type_name = "account";
  using state = balance;
  using commands = aether::messages<deposit>;
  using events = aether::messages<deposited>;
  aether::effect<balance> on(const deposit&, const state& now) { return reply(now); }
  static void apply(state& now, const deposited& event) { now.cents += event.cents; }
  static bool take_snapshot(const state&) { return true; }
};

void use(aether::actor_host& host) { host.host<account>(); }
