// expect: wire names of events that begin with "aether." are the runtime's own
#include "bank.hpp"

struct skipped {
  AETHER_MESSAGE("aether.skipped")
};

class account : public aether::event_sourced_actor<account> {
 public:
  static constexpr std::string_view type_name = "account";
  using state = balance;
  using commands = aether::messages<deposit>;
  using events = aether::messages<deposited, skipped>;
  aether::effect<balance> on(const deposit&, const state& now) { return reply(now); }
  static void apply(state& now, const deposited& event) { now.cents += event.cents; }
  static void apply(state&, const skipped&) {}
};

void use(aether::actor_host& host) { host.host<account>(); }
