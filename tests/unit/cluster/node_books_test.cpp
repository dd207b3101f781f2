// What was sent through a node, and what became of it.

#include <aether/cluster/node.hpp>
#include "support/await.hpp"
#include "support/juggler.hpp"
#include "support/random.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

using namespace aether;
using namespace std::chrono_literals;
using aether::testing_support::await;
using juggle::careful_juggler;

namespace {

constexpr std::chrono::seconds long_enough{60};
constexpr std::size_t actors = 20, senders = 3, each = 2'000;

struct answers {
  std::atomic<std::uint64_t> tells{0}, refused{0}, asks{0}, handled{0}, rejected{0}, failed{0},
      overloaded{0};

  [[nodiscard]] std::uint64_t ended() const { return handled + rejected + failed + overloaded; }
};

/// Sends all kinds of commands, and enters what it is told.
class sender {
 public:
  sender(node& through, std::uint64_t seed, answers& sum)
      : through_{through}, random_{seed}, sum_{sum} {}

  void run() {
    for (std::size_t i = 0; i < each; ++i)
      send(through_.actor<careful_juggler>(std::to_string(random_() % actors)));
  }

 private:
  void send(const actor_ref<careful_juggler>& to) {
    switch (random_() % 10) {
      case 0:
        return note(to.tell(juggle::stumble{}));
      case 1:
        return note(to.tell(juggle::show{0}));
      case 2:
        return note(to.tell(juggle::throw_up{1'000'000}));
      case 3:
        return ask(to, juggle::throw_up{1'000'000});
      case 4:
        return ask(to, juggle::bow{0});
      case 5:
        return ask(to, juggle::look{random_() % 8 == 0});
      default:
        return ask(to, juggle::throw_up{0});
    }
  }
  void note(const result<void>& told) {
    ++sum_.tells;
    if (!told) ++sum_.refused;
  }
  template <class Command>
  void ask(const actor_ref<careful_juggler>& to, Command command) {
    ++sum_.asks;
    to.ask(std::move(command), long_enough, [&sum = sum_](const result<juggle::balls>& got) {
      if (got) return void(++sum.handled);
      switch (got.error().code()) {
        case errc::rejected:
          return void(++sum.rejected);
        case errc::overloaded:
          return void(++sum.overloaded);
        default:
          ++sum.failed;
      }
    });
  }

  node& through_;
  std::mt19937_64 random_;
  answers& sum_;
};

}  // namespace

TEST_CASE("soak: through a node each command is entered once, and each attempt where it went") {
  juggle::stage stage;
  options how;
  how.node = "one";
  how.workers = 2;
  how.mailbox_max = 8;
  how.asks_max = 200;
  node one{how};
  one.host<careful_juggler>();
  REQUIRE(one.join().has_value());
  answers sum;
  auto random = testing::seeded_random();
  std::vector<std::jthread> running;
  for (std::size_t i = 0; i < senders; ++i)
    running.emplace_back([&, seed = random()] { sender{one, seed, sum}.run(); });
  std::uint64_t most_open = 0;
  REQUIRE(await(
      [&] {
        const auto sent = one.status().sent;
        most_open = std::max(most_open, sent.asks_open);
        CHECK(sent.asks ==
              sent.asks_open + sent.handled + sent.rejected + sent.failed + sent.overloaded);
        return sum.tells + sum.asks == senders * each && sum.ended() == sum.asks &&
               one.status().actors.waiting == 0;
      },
      long_enough));
  running.clear();
  const auto status = one.status();
  const auto& [sent, host] = std::tie(status.sent, status.actors);
  CHECK(sent.tells == sum.tells);
  CHECK(sent.tells_refused == sum.refused);
  CHECK(sent.asks == sum.asks);
  CHECK(sent.asks_open == 0);
  CHECK(sent.handled == sum.handled);
  CHECK(sent.rejected == sum.rejected);
  CHECK(sent.failed == sum.failed);
  CHECK(sent.overloaded == sum.overloaded);
  CHECK(sent.tells + sent.attempts ==
        host.handled + host.rejected + host.failed + host.dead_letters + host.overloaded);
  CHECK(most_open <= how.asks_max);
  CHECK(host.rejected > 0);
  CHECK(host.dead_letters > 0);
  CHECK(one.dead_letters().count() == host.dead_letters);
  MESSAGE("asks " << sent.asks << ", attempts " << sent.attempts << ", handled " << sent.handled
                  << ", rejected " << sent.rejected << ", failed " << sent.failed << ", overloaded "
                  << sent.overloaded << ", most open " << most_open);
  CHECK(one.leave());
}
