// expect: persist: this event is not listed in the actor's `events`
#include "bank.hpp"

struct deposited_v1 {
  std::int64_t euros = 0;
  AETHER_MESSAGE("bank.deposited_v1", euros)
};

class account : public aether::event_sourced_actor<account> {
 public:
  static constexpr std::string_view type_name = "account";
  using state = balance;
  using commands = aether::messages<deposit>;
  using events = aether::messages<deposited>;
  using retired_events = aether::messages<deposited_v1>;
  aether::effect<balance> on(const deposit&, const state& now) {
    return persist(deposited_v1{}).reply(now);
  }
  static void apply(state& now, const deposited& event) { now.cents += event.cents; }
  static deposited upcast(const deposited_v1& old) { return {100 * old.euros}; }
};

void use(aether::actor_host& host) { host.host<account>(); }
