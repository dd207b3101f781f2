// expect: this command is not listed in the actor's `commands`
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
  static void apply(state& now, const deposited& event) { now.cents += event.cents; }
};

void use(aether::actor_ref<account> account) {
  (void)account.ask(close_account{}, std::chrono::seconds{1});
}
