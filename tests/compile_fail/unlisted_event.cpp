// expect: persist: this event is not listed in the actor's `events`
#include "bank.hpp"

class account : public aether::event_sourced_actor<account> {
 public:
  static constexpr std::string_view type_name = "account";
  using state = balance;
  using commands = aether::messages<deposit>;
  using events = aether::messages<deposited>;
  aether::effect<balance> on(const deposit&, const state&) {
    return persist(closed{}).reply(balance{});
  }
  static void apply(state& now, const deposited& event) { now.cents += event.cents; }
  static void apply(state&, const closed&) {}
};

void use(aether::actor_host& host) { host.host<account>(); }
