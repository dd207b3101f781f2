#include <aether/actors/testing.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <stdexcept>
#include <string_view>
#include <vector>

// What becomes of an actor whose own code throws.

using aether::errc;
using aether::failure_policy;
using aether::testing::given;

namespace fragile {

struct nothing {
  AETHER_MESSAGE("fragile.nothing")
};
struct count {
  std::int64_t calls = 0;
  AETHER_MESSAGE("fragile.count", calls)
};
enum class part : std::uint8_t { none, on, apply, reply, only_reply };
struct call {
  part broken = part::none;
  using reply = count;
  AETHER_MESSAGE("fragile.call", broken)
};
struct called {
  bool broken = false;
  AETHER_MESSAGE("fragile.called", broken)
};

/// Counts its calls in the object.
template <failure_policy Policy>
class actor : public aether::event_sourced_actor<actor<Policy>> {
 public:
  static constexpr std::string_view type_name = "fragile";
  static constexpr auto on_failure = Policy;
  using state = nothing;
  using commands = aether::messages<call>;
  using events = aether::messages<called>;

  aether::effect<count> on(const call& command, const state&) {
    ++calls_;
    if (command.broken == part::on) throw std::runtime_error{"on"};
    const auto throws = [](const state&) -> count { throw std::runtime_error{"reply"}; };
    if (command.broken == part::reply) return this->persist(called{}).reply(throws);
    if (command.broken == part::only_reply)
      return this->persist_all(std::vector<called>{}).reply(throws);
    return this->persist(called{command.broken == part::apply}).reply(count{calls_});
  }
  static void apply(state&, const called& event) {
    if (event.broken) throw std::runtime_error{"apply"};
  }

 private:
  std::int64_t calls_ = 0;
};

/// What the second call is answered after the first one met this.
template <failure_policy Policy>
void calls_after(part broken, std::int64_t expected) {
  given<actor<Policy>>()
      .when(call{broken})
      .then_failed(errc::handler_failed)
      .then_persisted_nothing()
      .when(call{})
      .then_persisted(called{})
      .then_replied(count{expected});
}

}  // namespace fragile

using namespace fragile;

TEST_CASE("fixture: after a handler threw, the object is kept or made anew, as its class says") {
  calls_after<failure_policy::keep>(part::on, 2);
  calls_after<failure_policy::restart>(part::on, 1);
}

TEST_CASE("fixture: after events were not to be applied, the object is made anew") {
  calls_after<failure_policy::keep>(part::apply, 1);
  calls_after<failure_policy::keep>(part::reply, 1);
  calls_after<failure_policy::keep>(part::only_reply, 2);
}
