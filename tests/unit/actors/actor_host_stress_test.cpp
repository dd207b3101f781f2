// Many threads, many actors, and every race that coming and going can bring.

#include "support/bank_node.hpp"
#include "support/random.hpp"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <thread>

using namespace aether;
using namespace std::chrono_literals;
using aether::testing::account_of;
using aether::testing::balance_of;
using aether::testing::bank_node;
using aether::testing::long_enough;
using aether::testing_support::await;
using bank::balance;
using bank::deposit;

namespace {

const actor_type account_type = *actor_type::parse(bank::account::type_name);
constexpr std::size_t threads = 8, actors = 100, each = 1'000;

/// What one thread sent, and what became of it.
struct tallies {
  std::atomic<std::uint64_t> told{0}, asked{0}, acknowledged{0}, refused{0}, answers{0};
};

/// Tells and asks at random; a tell that is refused is sent again until it is taken.
void hammer(actor_host& host, std::uint64_t seed, tallies& sum,
            std::vector<std::unique_ptr<std::atomic<int>>>& answered) {
  std::mt19937_64 random{seed};
  for (auto& answers : answered) {
    const auto ref = account_of(host, std::to_string(random() % actors));
    if (random() % 2 == 0) {
      while (!ref.tell(deposit{1})) std::this_thread::yield();
      ++sum.told;
      continue;
    }
    ++sum.asked;
    ref.ask(deposit{1}, long_enough, [&sum, &count = *answers](result<balance> answer) {
      ++(answer ? sum.acknowledged : sum.refused);
      ++count;
      ++sum.answers;
    });
  }
}

std::int64_t sum_of_balances(actor_host& host) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < actors; ++i) sum += balance_of(host, std::to_string(i));
  return sum;
}

}  // namespace

TEST_CASE("host: while actors come and go all the time, every command counts exactly once") {
  bank_node node;
  const auto host = node.start({.recovery_permits = 4, .passivate_after = 1ms});
  tallies sum;
  std::array<std::vector<std::unique_ptr<std::atomic<int>>>, threads> answered;
  const std::uint64_t seed = aether::testing::seeded_random()();
  {
    std::vector<std::jthread> running;
    for (std::size_t i = 0; i < threads; ++i) {
      for (std::size_t n = 0; n < each; ++n)
        answered[i].push_back(std::make_unique<std::atomic<int>>(0));
      running.emplace_back([&, i] { hammer(*host, seed + i, sum, answered[i]); });
    }
  }
  REQUIRE(await([&] { return sum.answers == sum.asked; }));
  CHECK(sum_of_balances(*host) == static_cast<std::int64_t>(sum.told + sum.acknowledged));
  CHECK(sum.refused == 0);
  std::uint64_t answers = 0;
  for (const auto& thread : answered)
    for (const auto& count : thread) {
      CHECK(*count <= 1);
      answers += static_cast<std::uint64_t>(*count);
    }
  CHECK(answers == sum.asked);
  CHECK(host->stats().dead_letters == 0);
  CHECK(await([&] { return host->stats().resident == 0; }));
  CHECK(host->stop(long_enough));
}

TEST_CASE(
    "host: while shards are released and accepted, sent = acknowledged + refused, each once") {
  bank_node node;
  const auto host = node.start({.shards = 8, .passivate_after = 5ms});
  tallies sum;
  std::atomic<bool> done{false};
  const std::uint64_t seed = aether::testing::seeded_random()();
  std::jthread mover{[&] {
    for (std::uint64_t shard = 0; !done; shard = (shard + 1) % 8) {
      host->release(account_type, shard_id{shard});
      host->accept(account_type, shard_id{shard});
      std::this_thread::yield();
    }
  }};
  {
    std::vector<std::jthread> running;
    for (std::size_t i = 0; i < 4; ++i)
      running.emplace_back([&, i] {
        std::mt19937_64 random{seed + i};
        for (std::size_t n = 0; n < each; ++n) {
          ++sum.asked;
          account_of(*host, std::to_string(random() % actors))
              .ask(deposit{1}, long_enough, [&sum](result<balance> answer) {
                ++(answer ? sum.acknowledged : sum.refused);
                ++sum.answers;
              });
        }
      });
  }
  REQUIRE(await([&] { return sum.answers == sum.asked; }));
  done = true;
  mover.join();
  for (std::uint64_t shard = 0; shard < 8; ++shard) host->accept(account_type, shard_id{shard});
  REQUIRE(await([&] { return host->stop(long_enough); }));
  const auto after = node.start();
  CHECK(sum_of_balances(*after) == static_cast<std::int64_t>(sum.acknowledged));
}

TEST_CASE("host: two hosts that both own an actor cannot make it lose or double a command") {
  bank_node node;
  const auto one = node.start({.passivate_after = 3ms});
  const auto two = node.start({.passivate_after = 3ms});
  std::atomic<std::int64_t> acknowledged{0};
  {
    std::vector<std::jthread> running;
    for (actor_host* host : {one.get(), two.get()})
      running.emplace_back([&, host] {
        for (int i = 0; i < 500; ++i)
          if (account_of(*host, "shared").ask(deposit{1}, long_enough).get()) ++acknowledged;
      });
  }
  CHECK(one->stop(long_enough));
  CHECK(two->stop(long_enough));
  const auto after = node.start();
  CHECK(balance_of(*after, "shared") == acknowledged);
}

TEST_CASE("host: stopped while it is hammered, it answers every ask") {
  for (int round = 0; round < 5; ++round) {
    bank_node node;
    const auto host = node.start({.passivate_after = 1ms});
    std::atomic<std::uint64_t> asked{0}, answers{0};
    {
      std::vector<std::jthread> running;
      for (int i = 0; i < 3; ++i)
        running.emplace_back([&, i] {
          for (int n = 0; n < 500; ++n) {
            ++asked;
            account_of(*host, std::to_string(n % 7 + i))
                .ask(deposit{1}, long_enough, [&](result<balance>) { ++answers; });
          }
        });
      CHECK(await([&] { return asked > 300; }));
      CHECK(host->stop(long_enough));
    }
    CHECK(answers == asked);
  }
}
