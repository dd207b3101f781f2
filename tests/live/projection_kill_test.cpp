// The view of examples/projection, whose process is killed again and again: this program once more,
// with the skipped test below.

#include <aether/persistence/jetstream_store.hpp>
#include <aether/persistence/projection_runner.hpp>
#include "examples/bank/account.hpp"
#include "examples/flights/child_process.hpp"
#include "examples/flights/temp_directory.hpp"
#include "examples/projection/balance_view.hpp"
#include "support/await.hpp"
#include "support/nats_server.hpp"
#include "support/random.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <cstdlib>
#include <future>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace aether {

namespace {

using namespace std::chrono_literals;
using flights::child_process;
using testing_support::await;
using testing_support::await_limit;
using testing_support::nats_server;

std::string from_environment(const char* name, const char* otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : text;
}

/// The log of a namespace, without nodes.
struct bank_log {
  explicit bank_log(const std::string& url)
      : connection{nats_connection::open({.url = url}).value()},
        layout{create_streams(*connection, names, {.shards = 8, .streams = 2}).value()},
        events{std::make_shared<jetstream_event_store>(connection, names, layout)} {}

  subjects names{namespace_name::parse("aether").value(), namespace_name::parse("bank").value()};
  std::shared_ptr<nats_connection> connection;
  jetstream_layout layout;
  std::shared_ptr<jetstream_event_store> events;
};

/// What was appended, by account.
class depositor {
 public:
  explicit depositor(bank_log& log) : log_{log} {}

  void append(std::size_t commits, std::mt19937_64& random) {
    for (std::size_t i = 0; i < commits; ++i) append_one(random);
  }
  struct sum {
    std::int64_t cents = 0, events = 0;
  };
  [[nodiscard]] const std::map<std::string, sum>& sums() const noexcept { return sums_; }

 private:
  void append_one(std::mt19937_64& random) {
    const auto id = "a" + std::to_string(testing::random_between(random, 0, 19));
    const actor_address who{actor_type::parse("account").value(), actor_id::parse(id).value()};
    auto& end = ends_[id];
    commit next;
    next.id = commit_id::make_after(end.commit);
    next.first = event_version{end.version.value() + 1};
    for (std::uint64_t n = testing::random_between(random, 1, 3); n > 0; --n) {
      const auto cents = static_cast<std::int64_t>(testing::random_between(random, 1, 99));
      next.events.push_back({"bank.deposited", encode(deposited{cents})});
      sums_[id].cents += cents;
      ++sums_[id].events;
    }
    if (end.sequence.value() != 0) next.back_pointers = {end.sequence};
    std::promise<result<log_position>> done;
    log_.events->append(who, end, next, [&](auto stored) { done.set_value(std::move(stored)); });
    const auto stored = done.get_future().get();
    REQUIRE_MESSAGE(stored.has_value(), stored.error().message());
    end = *stored;
  }

  bank_log& log_;
  std::map<std::string, log_position> ends_;
  std::map<std::string, sum> sums_;
};

projection_definition balances_in(const std::shared_ptr<balance_view>& view) {
  projection_definition made{
      .name = "balances",
      .handler = [view](const projection_batch& batch) { return view->apply(batch); },
      .positions = view,
      .handler_stores_position = true};
  made.options.batch_commits_max = 7;
  made.options.poll_interval = 2ms;
  made.options.poll_interval_max = 4ms;
  return made;
}

}  // namespace

TEST_CASE("projection killed: a process of another test" * doctest::skip()) {
  bank_log log{from_environment("AETHER_NATS", "")};
  const auto view = balance_view::open(from_environment("AETHER_TEST_VIEW", "")).value();
  timers clock;
  const projection_runner::parts with{.events = log.events,
                                      .records = std::make_shared<memory_record_store>()};
  projection_runner runner{balances_in(view), with, clock};
  runner.own_all();
  (void)await([] { return false; }, 10 * await_limit);  // until it is killed
}

/// `AETHER_PROJECTION_KILLS` says how often; thousands take minutes.
TEST_CASE("projection killed: in the middle of batches, again and again, its view equals the log") {
  const auto kills = std::stoul(from_environment("AETHER_PROJECTION_KILLS", "200"));
  const nats_server server;
  const auto directory = flights::temp_directory::make().value();
  const auto file = (directory.path() / "view.db").string();
  bank_log log{server.url()};
  depositor deposits{log};
  auto random = testing::seeded_random(), pauses = testing::seeded_random();
  deposits.append(100, random);
  ::setenv("AETHER_NATS", server.url().c_str(), 1);
  ::setenv("AETHER_TEST_VIEW", file.c_str(), 1);
  const auto view = balance_view::open(file).value();
  const auto counted = [&] {
    std::int64_t sum = 0;
    const auto rows = view->rows().value();
    for (const auto& row : rows) sum += row.events;
    return sum;
  };
  std::size_t in_the_middle = 0;
  for (std::size_t kill = 0; kill < kills; ++kill) {
    auto child = child_process::start(
        {"/proc/self/exe",
         {"--test-case=projection killed: a process of another test", "--no-skip"},
         directory.path() / "log"});
    REQUIRE(child);
    const auto before = counted();
    // It is at work: whatever comes now may be cut off anywhere.
    std::jthread appending{[&] { deposits.append(40, random); }};
    REQUIRE(await([&] { return counted() > before; }));
    const auto pause = testing::random_between(pauses, 0, 4'000);
    std::this_thread::sleep_for(std::chrono::microseconds{pause});  // where it is, is up to chance
    child->signal(SIGKILL);
    REQUIRE(child->ended(std::chrono::steady_clock::now() + await_limit));
    appending.join();
    std::int64_t all = 0;
    for (const auto& [id, sum] : deposits.sums()) all += sum.events;
    in_the_middle += counted() < all;
  }
  MESSAGE(kills << " kills, " << in_the_middle << " of them with events left");
  auto last = child_process::start(
      {"/proc/self/exe",
       {"--test-case=projection killed: a process of another test", "--no-skip"},
       directory.path() / "log"});
  REQUIRE(last);
  std::int64_t all = 0;
  for (const auto& [id, sum] : deposits.sums()) all += sum.events;
  REQUIRE(await([&] { return counted() >= all; }));
  CHECK(in_the_middle > 0);
  const auto rows = view->rows().value();
  CHECK(rows.size() == deposits.sums().size());
  for (const auto& row : rows) {
    CAPTURE(row.account);
    const auto& sum = deposits.sums().at(row.account);
    CHECK(row.cents == sum.cents);
    CHECK(row.events == sum.events);
  }
  ::unsetenv("AETHER_NATS");
  ::unsetenv("AETHER_TEST_VIEW");
}

}  // namespace aether
