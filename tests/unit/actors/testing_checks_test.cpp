#include <aether/actors/testing.hpp>
#include "support/complaint.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>

// What a step checks without being asked to, each with an actor that gets it wrong.

using aether::testing::given;
using aether::testing_support::complaint;

namespace slips {

/// Written whole, read without the cents.
struct forgetful {
  std::int64_t cents = 0;
};
/// Without the cents from the start, so that the bytes are the same again.
struct careless {
  std::int64_t cents = 0;
  friend bool operator==(const careless&, const careless&) = default;
};

}  // namespace slips

template <>
struct aether::codec<slips::forgetful> {
  static void write(encoder& out, const slips::forgetful& value) { out.integer(value.cents); }
  static bool read(decoded from, slips::forgetful& value) {
    value.cents = from.as_integer().value_or(0) / 100 * 100;
    return value.cents >= 0;
  }
};
template <>
struct aether::codec<slips::careless> {
  static void write(encoder& out, const slips::careless& value) { out.integer(value.cents / 100); }
  static bool read(decoded from, slips::careless& value) {
    value.cents = from.as_integer().value_or(0) * 100;
    return true;
  }
};

namespace slips {

struct diary {
  std::int64_t sum = 0;
  std::int64_t hidden = 0;
  forgetful price{};
  AETHER_MESSAGE("slips.diary", sum, price)
};
struct money {
  forgetful amount{};
  AETHER_MESSAGE("slips.money", amount)
};
struct change {
  careless amount{};
  double factor = 1;
  friend bool operator==(const change&, const change&) = default;
  AETHER_MESSAGE("slips.change", amount, factor)
};

enum class slip : std::uint8_t {
  none,
  random_apply,
  event_lacks_field,
  state_lacks_field,
  state_drops,
  event_drops,
  event_unequal,
  reply_drops,
  tells_what_drops,
  asks,
  changes_state,
};
struct make {
  slip which = slip::none;
  using reply = money;
  AETHER_MESSAGE("slips.make", which)
};
struct pay {
  forgetful amount{};
  AETHER_MESSAGE("slips.pay", amount)
};
struct pay_change {
  careless amount{};
  friend bool operator==(const pay_change&, const pay_change&) = default;
  AETHER_MESSAGE("slips.pay_change", amount)
};
struct get_hidden {
  int unlisted = 0;
  using reply = money;
  AETHER_MESSAGE("slips.get_hidden")
};

struct counted {
  AETHER_MESSAGE("slips.counted")
};
struct noted {
  std::int64_t kept = 0;
  std::int64_t lost = 0;
  AETHER_MESSAGE("slips.noted", kept)
};
struct hid {
  std::int64_t by = 0;
  AETHER_MESSAGE("slips.hid", by)
};
/// By how much depends on the day.
struct rained {
  AETHER_MESSAGE("slips.rained")
};
struct shown {
  AETHER_MESSAGE("slips.shown")
};
struct priced {
  std::int64_t cents = 0;
  AETHER_MESSAGE("slips.priced", cents)
};

std::int64_t today = 1;

class clumsy : public aether::event_sourced_actor<clumsy> {
 public:
  static constexpr std::string_view type_name = "clumsy";
  using state = diary;
  using commands = aether::messages<make, pay, pay_change, get_hidden>;
  using events = aether::messages<counted, noted, hid, shown, rained, priced, money, change>;

  static aether::effect<money> on(const make& command, const state& now) {
    const money nothing{};
    switch (command.which) {
      case slip::none:
        return reply(nothing);
      case slip::random_apply:
        return persist(counted{}).reply(nothing);
      case slip::event_lacks_field:
        return persist(noted{1, 2}).reply(nothing);
      case slip::state_lacks_field:
        return persist(shown{}).reply(nothing);
      case slip::state_drops:
        return persist(priced{150}).reply(nothing);
      case slip::event_drops:
        return persist(money{{150}}).reply(nothing);
      case slip::event_unequal:
        return persist(change{{150}}).reply(nothing);
      case slip::reply_drops:
        return reply(money{{150}});
      case slip::tells_what_drops:
        return reply(nothing).then([](const aether::actor_context<clumsy>& self) {
          (void)self.actor<clumsy>("other").tell(pay{{150}});
        });
      case slip::asks:
        return reply(nothing).then([](const aether::actor_context<clumsy>& self) {
          const auto other = self.actor<clumsy>("other");
          self.ask(other, get_hidden{}, std::chrono::seconds{1},
                   [other](const aether::result<money>&) { (void)other.tell(pay{{150}}); });
        });
      case slip::changes_state:
        ++const_cast<state&>(now).sum;
        return reply(nothing);
    }
    throw std::logic_error{"no such slip"};
  }
  static aether::effect<void> on(const pay&, const state&) { return none(); }
  static aether::effect<void> on(const pay_change&, const state&) { return none(); }
  static aether::effect<money> on(const get_hidden& command, const state& now) {
    return reply(money{{100 * (now.hidden + command.unlisted)}});
  }

  static void apply(state& now, const counted&) {
    static std::int64_t calls = 0;
    now.sum = ++calls;
  }
  static void apply(state& now, const rained&) { now.sum += today; }
  static void apply(state& now, const noted& event) { now.sum += event.kept + event.lost; }
  static void apply(state& now, const hid& event) { now.hidden += event.by; }
  static void apply(state& now, const shown&) { now.sum += now.hidden; }
  static void apply(state& now, const priced& event) { now.price.cents = event.cents; }
  static void apply(state& now, const money& event) { now.sum += event.amount.cents; }
  static void apply(state& now, const change& event) { now.sum += event.amount.cents; }
};

}  // namespace slips

using namespace slips;

TEST_CASE("fixture: an apply that is not deterministic is caught, by given and by when") {
  const auto by_given = complaint([] { (void)given<clumsy>(counted{}); });
  CHECK(by_given.starts_with("apply is not deterministic: 1 event made slips.diary{sum: "));
  CHECK(by_given.find(", and once more slips.diary{sum: ") != std::string::npos);
  CHECK(complaint([] {
          given<clumsy>().when(make{slip::random_apply});
        }).starts_with("apply is not deterministic: 1 event made "));
}

TEST_CASE("fixture: an apply that makes another state after a restart is caught") {
  auto story = given<clumsy>(rained{});
  today = 2;
  CHECK(complaint([&] { story.restart(); }) ==
        "apply is not deterministic: 1 event made slips.diary{sum: 1, price: 0}, and after a "
        "restart slips.diary{sum: 2, price: 0}");
  today = 1;
}

TEST_CASE("fixture: a field that an event lacks is caught") {
  CHECK(complaint([] { given<clumsy>().when(make{slip::event_lacks_field}); }) ==
        "events do not come back whole from history: applied as persisted they make "
        "slips.diary{sum: 3, price: 0}, read back slips.diary{sum: 1, price: 0}; an event's "
        "AETHER_MESSAGE lacks a field, or apply is not deterministic");
}

TEST_CASE("fixture: a field that the state lacks is caught when an event depends on it") {
  CHECK(complaint([] { given<clumsy>(hid{2}).when(make{slip::state_lacks_field}); }) ==
        "state does not come back whole from a snapshot: 2 events from history make "
        "slips.diary{sum: 2, price: 0}, the last 1 of them after a snapshot "
        "slips.diary{sum: 0, price: 0}; the state's AETHER_MESSAGE lacks a field, or apply is not "
        "deterministic");
}

TEST_CASE("fixture: decisions see only what state and command carry") {
  given<clumsy>(hid{2}).when(get_hidden{3}).then_replied(money{{0}});
}

TEST_CASE("fixture: a message that does not come back with the same bytes is caught, wherever") {
  const std::string lost = " does not come back from its encoding as it was: ";
  CHECK(complaint([] { given<clumsy>().when(pay{{150}}); }) ==
        "command" + lost + "slips.pay{amount: 150} became slips.pay{amount: 100}");
  CHECK(complaint([] { (void)given<clumsy>(money{{150}}); }) ==
        "event" + lost + "slips.money{amount: 150} became slips.money{amount: 100}");
  CHECK(complaint([] { given<clumsy>().when(make{slip::event_drops}); }) ==
        "event" + lost + "slips.money{amount: 150} became slips.money{amount: 100}");
  CHECK(complaint([] { given<clumsy>().when(make{slip::reply_drops}); }) ==
        "reply" + lost + "slips.money{amount: 150} became slips.money{amount: 100}");
  CHECK(complaint([] { given<clumsy>().when(make{slip::state_drops}); }) ==
        "state" + lost + "slips.diary{sum: 0, price: 150} became slips.diary{sum: 0, price: 100}");
  CHECK(complaint([] { given<clumsy>().when(make{slip::tells_what_drops}); }) ==
        "command" + lost + "slips.pay{amount: 150} became slips.pay{amount: 100}");
  auto story = given<clumsy>();
  story.when(make{slip::asks}).then_asked<clumsy>("other", get_hidden{});
  CHECK(complaint([&] { story.answered(money{{150}}); }) ==
        "answer" + lost + "slips.money{amount: 150} became slips.money{amount: 100}");
  CHECK(complaint([&] { story.answered(money{{100}}); }) ==
        "command" + lost + "slips.pay{amount: 150} became slips.pay{amount: 100}");
  given<clumsy>().when(make{slip::asks});  // and nobody answers
  given<clumsy>(money{{200}}).when(pay{{100}}).then_persisted_nothing();
}

TEST_CASE("fixture: a message that cannot be read back is caught") {
  CHECK(complaint([] { given<clumsy>().when(pay{{-100}}); }) ==
        "command does not come back from its encoding as it was: slips.pay{amount: -100}: "
        "decode_failed: slips.pay: field 'amount' has another type or range");
}

TEST_CASE("fixture: a message with an == is compared by it as well") {
  const std::string unequal =
      " does not equal what was encoded; its AETHER_MESSAGE lacks a field, or a codec drops "
      "something";
  const std::string lost = " does not come back from its encoding as it was: ";
  CHECK(complaint([] { given<clumsy>().when(pay_change{{150}}); }) ==
        "command" + lost + "slips.pay_change{amount: 1}" + unequal);
  CHECK(complaint([] { given<clumsy>().when(make{slip::event_unequal}); }) ==
        "event" + lost + "slips.change{amount: 1, factor: 1}" + unequal);
  (void)given<clumsy>(change{{200}, std::numeric_limits<double>::quiet_NaN()});
}

TEST_CASE("fixture: a decision that changes the state is caught") {
  CHECK(complaint([] { given<clumsy>().when(make{slip::changes_state}); }) ==
        "deciding changed the state: slips.make{which: 10} made slips.diary{sum: 1, price: 0} of "
        "slips.diary{sum: 0, price: 0}");
}

TEST_CASE("fixture: an actor without slips passes") {
  given<clumsy>(noted{1}).when(make{slip::none}).then_replied(money{}).restart().then_state({1});
}
