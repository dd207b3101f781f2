// One account, a deposit and a withdrawal. Without --nats everything is in memory; with it, the
// balance is still there at the next start.

#include "account.hpp"

#include <cstdio>

using namespace std::chrono_literals;

// [readme]
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
