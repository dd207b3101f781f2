// Durable sends whose sender and owner are processes that are killed: this program once more, with
// the skipped tests below.

#include <aether/aether.hpp>
#include "examples/flights/child_process.hpp"
#include "examples/flights/temp_directory.hpp"
#include "support/await.hpp"
#include "support/journal.hpp"
#include "support/nats_server.hpp"
#include "support/random.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>

namespace aether {

namespace {

using namespace std::chrono_literals;
using flights::child_process;
using testing_support::await;
using testing_support::await_limit;
using testing_support::nats_server;

options options_of(const std::string& url, const std::string& name) {
  options made;
  made.nats = url;
  made.node = name;
  made.shards = 16;
  made.streams = 2;
  return made;
}

std::string environment(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? "" : text;
}

struct relatives {
  std::filesystem::path log;
  child_process start(const std::string& role) const {
    auto made = child_process::start(
        {"/proc/self/exe", {"--test-case=durable killed: " + role, "--no-skip"}, log});
    REQUIRE(made);
    return std::move(*made);
  }
};

void kill(child_process& which) {
  which.signal(SIGKILL);
  REQUIRE(which.ended(std::chrono::steady_clock::now() + await_limit));
}

constexpr std::int64_t sent_by_child = 40;

/// Sends one command several times, each time in another way, the first time until it is stored.
void mix(node& by, std::int64_t number, std::mt19937_64& dice) {
  const auto book = by.actor<journal::book>("mixed");
  const auto id = command_id::make();
  const journal::note what{"client-" + std::to_string(number), 1};
  REQUIRE(await([&] { return book.with_id(id).send_durable(what).get().has_value(); }));
  for (auto copies = testing::random_between(dice, 0, 2); copies > 0; --copies) {
    const auto once_more = book.with_id(id);
    switch (testing::random_between(dice, 0, 2)) {
      case 0:
        (void)once_more.tell(what);
        break;
      case 1:
        once_more.ask(what, 1s, [](const auto&) {});
        break;
      default:
        (void)once_more.send_durable(what).get();
    }
  }
}

}  // namespace

TEST_CASE("durable killed: an owner" * doctest::skip()) {
  node it{options_of(environment("AETHER_NATS"), "owner-" + std::to_string(::getpid()))};
  it.host<journal::book>();
  REQUIRE(it.join());
  (void)await([] { return false; }, 10 * await_limit);  // until it is killed
}

TEST_CASE("durable killed: a sender" * doctest::skip()) {
  node it{options_of(environment("AETHER_NATS"), "sender-" + std::to_string(::getpid()))};
  REQUIRE(it.join());
  for (std::int64_t i = 1; i <= sent_by_child; ++i)
    REQUIRE(it.actor<journal::book>("a").send_durable(journal::note{"child", i}).get());
  std::raise(SIGKILL);
}

TEST_CASE(
    "durable killed: owners are killed again and again, a sender after its receipts, and each "
    "command has one effect, in order") {
  const nats_server server;
  const auto directory = flights::temp_directory::make().value();
  ::setenv("AETHER_NATS", server.url().c_str(), 1);
  const relatives family{directory.path() / "log"};
  auto dice = testing::seeded_random();
  node client{options_of(server.url(), "client")};
  REQUIRE(client.join());
  auto sender = family.start("a sender");
  REQUIRE(sender.ended(std::chrono::steady_clock::now() + await_limit));
  const auto book = client.actor<journal::book>("a");
  std::int64_t number = 0;
  for (int round = 0; round < 5; ++round) {
    auto owner = family.start("an owner");
    for (int i = 0; i < 40; ++i) {
      const auto id = command_id::make();
      ++number;
      bool again = false;
      const auto once_more = [&] { return book.with_id(id, std::exchange(again, true)); };
      REQUIRE(await([&] {
        return once_more().send_durable(journal::note{"client", number}).get().has_value();
      }));
      mix(client, number, dice);
    }
    const auto half_way = [&] {
      const auto got = book.ask(journal::read{}, await_limit).get();
      const auto last = got ? got->last : std::map<std::string, std::int64_t>{};
      const auto found = last.find("client");
      return found != last.end() && found->second > 40 * round;
    };
    REQUIRE(await(half_way));
    kill(owner);
  }
  const auto owner = family.start("an owner");
  journal::entries end;
  CHECK(await([&] {
    end = book.ask(journal::read{}, await_limit).get().value_or(journal::entries{});
    return end.last["client"] == number && end.last["child"] == sent_by_child;
  }));
  CHECK(end.astray == 0);
  CHECK(end.count == number + sent_by_child);
  const auto mixed = [&] {
    return client.actor<journal::book>("mixed")
        .ask(journal::read{}, await_limit)
        .get()
        .value_or(journal::entries{});
  };
  CHECK(await([&] { return mixed().last.size() == static_cast<std::size_t>(number); }));
  CHECK(mixed().count == number);
  ::unsetenv("AETHER_NATS");
}

}  // namespace aether
