// expect: an event in the actor's `retired_events` has no static upcast(const Event&)
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
  aether::effect<balance> on(const deposit&, const state& now) { return reply(now); }
  static void apply(state& now, const deposited& event) { now.cents += event.cents; }
};

void use(aether::actor_host& host) { host.host<account>(); }
