#include <aether/actors/projected_events.hpp>
#include <aether/cluster/node.hpp>
#include "support/await.hpp"
#include "support/bank.hpp"

#include <doctest/doctest.h>

#include <map>
#include <mutex>
#include <string>

namespace {

using namespace aether;
using namespace std::chrono_literals;

/// Balances by account, from events.
struct balances {
  std::mutex mutex;
  std::map<std::string, std::int64_t> cents;

  result<void> apply(const projection_batch& batch) {
    const std::lock_guard lock{mutex};
    for (const auto& commit : batch.commits) {
      auto read = read_events<bank::account>(
          commit, [&]<class Event>(const projected_event& where, const Event& event) {
            const bool adds = std::is_same_v<Event, bank::deposited>;
            cents[where.actor.id.str()] += adds ? event.cents : -event.cents;
          });
      if (!read) return read;
    }
    return {};
  }
  projection_definition definition(std::uint32_t version = 1) {
    return {.name = "balances", .version = version, .handler = [this](const auto& batch) {
              return apply(batch);
            }};
  }
};

}  // namespace

TEST_CASE(
    "node projection: a view has what a command stored as soon as its position was waited for") {
  balances view;
  node one{options{}};
  one.host<bank::account>();
  one.project(view.definition());
  CHECK(one.projection("balances").error().code() == errc::not_running);
  REQUIRE(one.join());
  const auto alice = one.actor<bank::account>("alice");
  for (int i = 1; i <= 20; ++i) {
    auto stored = alice.ask(bank::deposit{100}, 30s).get_with_position();
    REQUIRE(stored.has_value());
    CHECK(stored->reply.cents == 100 * i);
    CHECK(stored->position.version.value() == static_cast<std::uint64_t>(i));
    REQUIRE(one.projection("balances")->wait_for(stored->position, 30s).has_value());
    const std::lock_guard lock{view.mutex};
    CHECK(view.cents["alice"] == 100 * i);
  }
  const auto asked = alice.ask(bank::get_balance{}, 30s).get_with_position();
  CHECK(asked->position.version.value() == 20);
  const auto never = one.actor<bank::account>("bob").ask(bank::get_balance{}, 30s);
  CHECK(auto{never}.get_with_position()->position.sequence.value() == 0);
  CHECK(one.status().projections.size() == 1);
  CHECK(one.projection("balances")->lag().value() == 0);
  CHECK(one.leave());
}

TEST_CASE("node projection: one that is not valid, or not named, is refused") {
  balances view;
  node one{options{}};
  auto wrong = view.definition();
  wrong.name = "no.dots";
  one.project(wrong);
  CHECK(one.join().error().code() == errc::invalid_argument);
  node two{options{}};
  two.project(view.definition(3));
  two.project(view.definition(2));
  REQUIRE(two.join());
  CHECK(two.projection("other").error().code() == errc::invalid_argument);
  CHECK(two.projection("a.b", 1).error().code() == errc::invalid_argument);
  CHECK(two.projection("other", 1).has_value());
  REQUIRE(two.projection("balances")->activate());
  CHECK(two.projection("balances", 2)->active_version().value() == 3);
}
