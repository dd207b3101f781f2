// The program that README.md shows, word for word between the marks: one account, a deposit and a
// withdrawal. Without --nats everything is in memory; with it, the balance is still there at the
// next start. account.hpp and bank.cpp are what it grows into.

#include <aether/aether.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string_view>

using namespace std::chrono_literals;

struct balance {
  std::int64_t cents = 0;
  AETHER_MESSAGE("bank.balance", cents)
};
struct deposit {
  std::int64_t cents = 0;
  using reply = balance;
  AETHER_MESSAGE("bank.deposit", cents)
};
struct withdraw {
  std::int64_t cents = 0;
  using reply = balance;
  AETHER_MESSAGE("bank.withdraw", cents)
};
struct get_balance {
  using reply = balance;
  AETHER_MESSAGE("bank.get_balance")
};
struct deposited {
  std::int64_t cents = 0;
  AETHER_MESSAGE("bank.deposited", cents)
};
struct withdrawn {
  std::int64_t cents = 0;
  AETHER_MESSAGE("bank.withdrawn", cents)
};

// [readme]
class account : public aether::event_sourced_actor<account> {
 public:
  static constexpr std::string_view type_name = "account";
  using state = balance;
  using commands = aether::messages<deposit, withdraw, get_balance>;
  using events = aether::messages<deposited, withdrawn>;

  // Decide: sees a const state, returns what should happen.
  aether::effect<balance> on(const deposit& cmd, const state&) {
    if (cmd.cents <= 0) return reject("a deposit is positive");
    return persist(deposited{cmd.cents}).reply([](const state& now) { return now; });
  }
  aether::effect<balance> on(const withdraw& cmd, const state& s) {
    if (cmd.cents <= 0) return reject("a withdrawal is positive");
    if (cmd.cents > s.cents) return reject("insufficient funds");
    return persist(withdrawn{cmd.cents}).reply([](const state& now) { return now; });
  }
  aether::effect<balance> on(const get_balance&, const state& s) { return reply(s); }

  // Apply: runs now and on every replay; no side effects.
  static void apply(state& s, const deposited& e) { s.cents += e.cents; }
  static void apply(state& s, const withdrawn& e) { s.cents -= e.cents; }
};

int main(int argc, char** argv) {
  aether::node node{aether::options::from(argc, argv)};  // --nats nats://..., --namespace bank
  node.host<account>();                                  // this node can run accounts
  if (auto joined = node.join(); !joined) {              // without --nats: one node, in memory
    std::fprintf(stderr, "bank: %s\n", joined.error().message().c_str());
    return 1;
  }
  auto alice = node.actor<account>("alice");  // by id; activated where its shard lives
  alice.tell(deposit{100'00});                // at most once, no answer
  std::expected<balance, aether::error> left = alice.ask(withdraw{30'00}, 5s).get();
  if (left)
    std::printf("alice has %.2f\n", static_cast<double>(left->cents) / 100);
  else
    std::fprintf(stderr, "bank: %s\n", left.error().message().c_str());
  return left ? 0 : 1;
}
// [/readme]
