#include <aether/aether.hpp>
#include "support/await.hpp"
#include "support/bank.hpp"
#include "support/journal.hpp"
#include "support/nats_server.hpp"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace aether;
using namespace std::chrono_literals;
using testing_support::await;
using steady = std::chrono::steady_clock;

constexpr std::size_t books = 24;

options options_of(const std::string& name, const testing_support::nats_server& server) {
  options made;
  made.nats = server.url();
  made.node = name;
  made.shards = 32;
  made.streams = 2;
  return made;
}

std::unique_ptr<node> started(const std::string& name, const testing_support::nats_server& server) {
  auto made = std::make_unique<node>(options_of(name, server));
  made->host<journal::book>();
  const auto joined = made->join();
  if (!joined) FAIL(joined.error().message());
  return made;
}

std::string book_name(std::size_t number) { return "book-" + std::to_string(number); }

/// Tells notes to all books in turn, through one node, and asks one of them each time.
class teller {
 public:
  teller(node& where, std::string name)
      : thread_{[this, &where, name = std::move(name)](const std::stop_token& stop) {
          while (!stop.stop_requested()) tell_round(where, name);
        }} {}
  ~teller() { stop(); }
  void stop() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] std::int64_t told() const { return told_; }
  [[nodiscard]] int failed() const { return failed_; }
  [[nodiscard]] std::chrono::milliseconds slowest() const { return slowest_; }

 private:
  void tell_round(node& where, const std::string& name) {
    const std::int64_t number = told_ + 1;
    for (std::size_t book = 0; book < books; ++book)
      if (!where.actor<journal::book>(book_name(book)).tell(journal::note{name, number})) ++failed_;
    told_ = number;
    const auto begin = steady::now();
    const auto one = book_name(static_cast<std::size_t>(number) % books);
    if (!where.actor<journal::book>(one).ask(journal::read{}, 20s).get()) ++failed_;
    slowest_ = std::max(
        slowest_, std::chrono::duration_cast<std::chrono::milliseconds>(steady::now() - begin));
  }

  std::atomic<std::int64_t> told_{0};
  int failed_ = 0;
  std::chrono::milliseconds slowest_{0};
  std::jthread thread_;
};

}  // namespace

TEST_CASE("rolling restart: no ask fails, no tell is lost, and each sender's order is kept") {
  const testing_support::nats_server server;
  std::array<std::unique_ptr<node>, 3> nodes;
  for (std::size_t i = 0; i < nodes.size(); ++i)
    nodes[i] = started("n" + std::to_string(i), server);
  node client{options_of("client", server)};
  REQUIRE(client.join().has_value());

  teller outside{client, "client"};
  std::int64_t told_inside = 0;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    // A node that others leave, and one that takes over what they had.
    teller inside{*nodes[(i + 1) % nodes.size()], "inside-" + std::to_string(i)};
    const auto before = outside.told();
    REQUIRE(await([&] { return outside.told() > before + 3 && inside.told() > 3; }));
    const auto begin = steady::now();
    CHECK(nodes[i]->leave());
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(steady::now() - begin);
    CHECK(left < 10s);
    nodes[i] = started("n" + std::to_string(i), server);
    const auto then = outside.told();
    REQUIRE(await([&] { return outside.told() > then + 3; }));
    inside.stop();
    CHECK(inside.failed() == 0);
    told_inside += inside.told();
    MESSAGE("leave took " << left.count() << " ms, slowest answer " << inside.slowest().count()
                          << " ms");
  }
  outside.stop();
  CHECK(outside.failed() == 0);
  MESSAGE("rounds: " << outside.told() << ", slowest answer " << outside.slowest().count()
                     << " ms");

  const auto sum = outside.told() + told_inside;
  for (std::size_t book = 0; book < books; ++book) {
    CAPTURE(book);
    journal::entries found;
    const auto all_there = [&] {
      const auto answer =
          client.actor<journal::book>(book_name(book)).ask(journal::read{}, 20s).get();
      if (answer) found = *answer;
      return found.count >= sum;
    };
    CHECK(await(all_there));
    CHECK(found.count == sum);
    CHECK(found.astray == 0);
  }
  for (const auto& one : nodes) CHECK(one->dead_letters().count() == 0);
  CHECK(client.dead_letters().count() == 0);
}

TEST_CASE("leaving: a node with 10,000 actors in memory has handed all of them over within 10 s") {
  constexpr std::size_t actors = 20'000, at_once = 500;
  const testing_support::nats_server server;
  const auto first = started("n0", server), second = started("n1", server);
  // Not all at once: a machine that is slow enough would lose its heartbeats over it.
  for (std::size_t i = 0; i < actors; i += at_once) {
    std::vector<reply_future<journal::entries>> answers;
    for (std::size_t k = i; k < i + at_once; ++k)
      answers.push_back(
          first->actor<journal::book>(book_name(k)).ask(journal::note{"test", 1}, 30s));
    for (auto& each : answers) {
      const auto answer = each.get();
      if (!answer) FAIL(answer.error().message());
    }
  }
  const auto resident = first->status().actors.resident;
  CHECK(resident > actors / 3);
  const auto begin = steady::now();
  CHECK(first->leave());
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(steady::now() - begin);
  MESSAGE(resident << " actors left in " << took.count() << " ms");
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  CHECK(took < 30s);
#else
  CHECK(took < 10s);
#endif
  const auto answer =
      second->actor<journal::book>(book_name(7)).ask(journal::note{"test", 2}, 10s).get();
  REQUIRE(answer.has_value());
  CHECK(answer->count == 2);
  CHECK(answer->astray == 0);
}

TEST_CASE("leaving: a node does not wait for a taker of types that nobody else hosts") {
  const testing_support::nats_server server;
  const auto first = started("n0", server);
  node second{options_of("n1", server)};
  second.host<bank::account>();
  REQUIRE(second.join().has_value());
  REQUIRE(second.actor<journal::book>("a").ask(journal::note{"test", 1}, 30s).get().has_value());
  REQUIRE(first->actor<bank::account>("a").ask(bank::deposit{1}, 30s).get().has_value());
  const auto begin = steady::now();
  CHECK(first->leave());
  CHECK(steady::now() - begin < first->settings().drain_timeout);
  CHECK(second.actor<bank::account>("a").ask(bank::get_balance{}, 30s).get()->cents == 1);
}
