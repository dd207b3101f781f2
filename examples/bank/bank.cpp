// Three accounts and transfers between them: a good one, one that is refused, and one that is given
// back because its target is closed. Without --nats everything is in memory; with it, what another
// run left open is brought to its end first.

#include "transfer.hpp"

#include <cinttypes>
#include <cstdio>
#include <future>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

const std::vector<std::string> names{"alice", "bob", "carol"};

double euros(std::int64_t cents) { return static_cast<double>(cents) / 100; }

int failed(const aether::error& why) {
  std::fprintf(stderr, "bank: %s\n", why.message().c_str());
  return 1;
}

/// The balances, a line each, and their sum.
aether::result<std::int64_t> print_balances(aether::node& node) {
  std::int64_t total = 0;
  for (const auto& name : names) {
    const auto now = node.actor<account>(name).ask(get_balance{}, 10s).get();
    if (!now) return std::unexpected(now.error());
    std::printf("  %-6s %9.2f%s\n", name.c_str(), euros(now->cents), now->closed ? "  closed" : "");
    total += now->cents;
  }
  std::printf("  total  %9.2f\n", euros(total));
  return total;
}

/// Waits for the end of a transfer. Where it takes long, somebody may have crashed: goes on with
/// it.
aether::result<transfer_state> end_of(const aether::actor_ref<transfer>& which) {
  for (int tries = 0;; ++tries) {
    auto ended = which.ask(await_transfer{}, 5s).get();
    if (ended || !ended.error().transient() || tries == 5) return ended;
    (void)which.ask(resume_transfer{}, 5s).get();
  }
}

/// Every transfer that has a history, and is not at its end. Asks each: a bank with many keeps the
/// open ones in an actor of its own.
aether::result<void> finish_open_transfers(aether::node& node) {
  const auto type = aether::actor_type::parse(transfer::type_name);
  for (std::uint32_t shard = 0; shard < node.events()->shards(); ++shard) {
    std::promise<aether::result<std::vector<aether::actor_id>>> found;
    node.events()->actors(*type, aether::shard_id{shard},
                          [&](auto ids) { found.set_value(std::move(ids)); });
    const auto ids = found.get_future().get();
    if (!ids) return std::unexpected(ids.error());
    for (const auto& id : *ids) {
      const auto which = node.actor<transfer>(id.str());
      if (auto resumed = which.ask(resume_transfer{}, 10s).get(); !resumed) return resumed;
      if (auto ended = end_of(which); !ended) return std::unexpected(ended.error());
    }
  }
  return {};
}

aether::result<void> open_accounts(aether::node& node) {
  for (const std::string name : {"alice", "bob"})
    if (auto got = node.actor<account>(name).ask(deposit{100'00}, 10s).get(); !got)
      return std::unexpected(got.error());
  if (auto got = node.actor<account>("carol").ask(close_account{}, 10s).get(); !got)
    return std::unexpected(got.error());
  return {};
}

const char* in_words(transfer_phase at) {
  if (at == transfer_phase::done) return "done";
  if (at == transfer_phase::refused) return "refused";
  if (at == transfer_phase::refunded) return "refunded";
  return "under way";
}

/// One transfer, from the order to its end.
aether::result<void> move_money(aether::node& node, const std::string& from, const std::string& to,
                                std::int64_t cents) {
  const auto which = node.actor<transfer>(aether::command_id::make().hex());
  if (auto started = which.ask(start_transfer{from, to, cents}, 10s).get(); !started)
    return std::unexpected(started.error());
  const auto end = end_of(which);
  if (!end) return std::unexpected(end.error());
  std::printf("%s -> %s %.2f: %s%s%s\n", from.c_str(), to.c_str(), euros(cents), in_words(end->at),
              end->why.empty() ? "" : ", ", end->why.c_str());
  return {};
}

aether::result<void> run(aether::node& node) {
  if (auto finished = finish_open_transfers(node); !finished) return finished;
  if (auto opened = open_accounts(node); !opened) return opened;
  const auto before = print_balances(node);
  if (!before) return std::unexpected(before.error());
  for (const auto& [from, to, cents] :
       {std::tuple{"alice", "bob", std::int64_t{30'00}}, std::tuple{"alice", "bob", *before + 1},
        std::tuple{"bob", "carol", std::int64_t{20'00}}})
    if (auto moved = move_money(node, from, to, cents); !moved) return moved;
  const auto after = print_balances(node);
  if (!after) return std::unexpected(after.error());
  std::puts(*after == *before ? "no cent was made or lost" : "MONEY WAS MADE OR LOST");
  if (*after != *before) return aether::fail(aether::errc::corrupt_history, "the sum is wrong");
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  aether::node node{aether::options::from(argc, argv)};
  node.host<account>();
  node.host<transfer>();
  if (auto joined = node.join(); !joined) return failed(joined.error());
  if (auto done = run(node); !done) return failed(done.error());
  return node.leave() ? 0 : 1;
}
