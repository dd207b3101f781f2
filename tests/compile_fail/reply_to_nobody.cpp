// expect: this command has no `reply` type, so its effect must not reply
#include "bank.hpp"

class account : public aether::event_sourced_actor<account> {
 public:
  static constexpr std::string_view type_name = "account";
  using state = balance;
  using commands = aether::messages<close_account>;
  using events = aether::messages<>;
  aether::effect<void> on(const close_account&, const state& now) { return reply(now); }
};

void use(aether::actor_host& host) { host.host<account>(); }
