// expect: success
#include "bank.hpp"

struct deposited_v1 {
  std::int64_t euros = 0;
  AETHER_MESSAGE("bank.deposited_v1", euros)
};
struct deposited_v0 {
  AETHER_MESSAGE("bank.deposited_v0")
};

// The same actor without a mistake: the others fail for their own reason, not for a common one.
class account : public aether::event_sourced_actor<account> {
 public:
  static constexpr std::string_view type_name = "account";
  using state = balance;
  using commands = aether::messages<deposit, close_account>;
  using events = aether::messages<deposited, closed>;
  using retired_events = aether::messages<deposited_v0, deposited_v1>;
  static constexpr auto snapshots = aether::snapshot_policy::every(10).not_on_passivation();
  aether::effect<balance> on(const deposit& command, const state&) {
    if (command.cents < 0) return reject("negative");
    return persist(deposited{command.cents}).reply([](const state& now) { return now; });
  }
  aether::effect<void> on(const close_account&, const state&) { return persist(closed{}); }
  static void apply(state& now, const deposited& event) { now.cents += event.cents; }
  static void apply(state& now, const closed&) { now = {}; }
  static deposited_v1 upcast(const deposited_v0&) { return {}; }
  static deposited upcast(const deposited_v1& old) { return {100 * old.euros}; }
  static bool take_snapshot(const state& now, std::uint64_t) { return now.cents == 0; }
};

void use(aether::actor_host& host) {
  host.host<account>();
  (void)host.actor<account>("alice").tell(close_account{});
  (void)host.actor<account>("alice").ask(deposit{}, std::chrono::seconds{1});
}
