// expect: success
#include "bank.hpp"

// The same actor without a mistake: the others fail for their own reason, not for a common one.
class account : public aether::event_sourced_actor<account> {
 public:
  static constexpr std::string_view type_name = "account";
  using state = balance;
  using commands = aether::messages<deposit, close_account>;
  using events = aether::messages<deposited, closed>;
  static constexpr auto snapshots = aether::snapshot_policy::every(10).not_on_passivation();
  aether::effect<balance> on(const deposit& command, const state&) {
    if (command.cents < 0) return reject("negative");
    return persist(deposited{command.cents}).reply([](const state& now) { return now; });
  }
  aether::effect<void> on(const close_account&, const state&) { return persist(closed{}); }
  static void apply(state& now, const deposited& event) { now.cents += event.cents; }
  static void apply(state& now, const closed&) { now = {}; }
  static bool take_snapshot(const state& now, std::uint64_t) { return now.cents == 0; }
};

void use(aether::actor_host& host) {
  host.host<account>();
  (void)host.actor<account>("alice").tell(close_account{});
  (void)host.actor<account>("alice").ask(deposit{}, std::chrono::seconds{1});
}
