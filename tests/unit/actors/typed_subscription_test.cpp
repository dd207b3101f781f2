#include <aether/actors/event_sourced_actor.hpp>
#include <aether/actors/typed_subscription.hpp>
#include <aether/persistence/memory_bus.hpp>
#include "support/await.hpp"
#include "support/commits.hpp"
#include "support/store_calls.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

namespace {

using namespace aether;

struct level {
  std::int64_t liters = 0;
  AETHER_MESSAGE("tank.level", liters)
};
struct fill {
  std::int64_t liters = 0;
  AETHER_MESSAGE("tank.fill", liters)
};
struct filled {
  std::int64_t liters = 0;
  AETHER_MESSAGE("tank.filled", liters)
};
struct drained {
  std::int64_t liters = 0;
  AETHER_MESSAGE("tank.drained", liters)
};
/// Of the past: became two.
struct exchanged {
  std::int64_t in = 0, out = 0;
  AETHER_MESSAGE("tank.exchanged", in, out)
};

class tank : public event_sourced_actor<tank> {
 public:
  static constexpr std::string_view type_name = "tank";
  using state = level;
  using commands = messages<fill>;
  using events = messages<filled, drained>;
  using retired_events = messages<exchanged>;
  static std::tuple<filled, drained> upcast(const exchanged& old) {
    if (old.in < 0) throw std::runtime_error{"a negative exchange"};
    return {filled{old.in}, drained{old.out}};
  }
  effect<void> on(const fill& command, const state&) { return persist(filled{command.liters}); }
  static void apply(state& now, const filled& event) { now.liters += event.liters; }
  static void apply(state& now, const drained& event) { now.liters -= event.liters; }
};

struct bench {
  std::shared_ptr<memory_event_store> log = std::make_shared<memory_event_store>(4);
  memory_event_bus bus{namespace_name::parse("own").value(), log};
  const actor_address who = testing::address("tank", "one");
  log_position end{};

  template <class... Events>
  void store(const Events&... events) {
    auto next = testing::commit_after(end);
    next.events = {{std::string{Events::aether_wire_name}, encode(events)}...};
    next.commands.clear();
    end = testing::append(*log, who, end, std::move(next)).value();
  }
};

class notes {
 public:
  void add(std::string text) {
    const std::lock_guard lock{mutex_};
    all_ += std::move(text) + ' ';
  }
  [[nodiscard]] bool become(const std::string& text) const {
    return testing_support::await([&] {
      const std::lock_guard lock{mutex_};
      return all_ == text;
    });
  }

 private:
  mutable std::mutex mutex_;
  std::string all_;
};

}  // namespace

TEST_CASE("typed subscription: events of the past come as what their upcast makes of them") {
  bench with;
  notes seen;
  auto sees = subscribe_to<tank>(
      with.bus, {}, {}, {}, [&](const filled& one) { seen.add("+" + std::to_string(one.liters)); },
      [&](const drained& one, const bus_event& where) {
        seen.add("-" + std::to_string(one.liters) + "@" +
                 std::to_string(where.recorded.version.value()));
      });
  REQUIRE(sees);
  with.store(filled{5});
  with.store(exchanged{3, 2}, drained{1});
  CHECK(seen.become("+5 +3 -2@2 -1@3 "));
}

TEST_CASE("typed subscription: an event that no handler takes is passed over") {
  bench with;
  notes seen;
  auto sees = subscribe_to<tank>(with.bus, {}, {}, {}, [&](const drained& one) {
    seen.add("-" + std::to_string(one.liters));
  });
  REQUIRE(sees);
  with.store(filled{5}, drained{1});
  with.store(exchanged{3, 2});
  CHECK(seen.become("-1 -2 "));
}

TEST_CASE("typed subscription: what cannot be read is told with its place, and the rest is seen") {
  bench with;
  notes seen;
  const auto note = [&](const event_place& place, const error& why) {
    seen.add(std::string{to_string(why.code())} + "@" + std::to_string(place.sequence.value()));
  };
  auto sees = subscribe_to<tank>(with.bus, {}, {}, {.unreadable = note}, [&](const filled& one) {
    seen.add("+" + std::to_string(one.liters));
  });
  REQUIRE(sees);
  with.store(level{1});  // no event of a tank
  with.store(exchanged{-1, 0});
  with.store(filled{7});
  CHECK(seen.become("unknown_message@1 handler_failed@2 +7 "));
}
