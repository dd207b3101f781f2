// When a snapshot is taken: the policy of the actor type, and the actor's own wish.

#include "support/bank.hpp"
#include "support/entity_script.hpp"

#include <doctest/doctest.h>

using namespace aether;
using aether::testing::entity_script;
using bank::balance;
using bank::deposit;
using bank::deposited;

namespace {

/// `Rules` has a `policy` and perhaps `take_snapshot`.
template <class Rules>
class saver : public event_sourced_actor<saver<Rules>>, public Rules {
 public:
  static constexpr std::string_view type_name = "saver";
  static constexpr snapshot_policy snapshots = Rules::policy;
  using state = balance;
  using commands = messages<deposit>;
  using events = messages<deposited>;

  static effect<balance> on(const deposit& command, const state&) {
    return saver::persist(deposited{command.cents}).reply([](const state& now) { return now; });
  }
  static void apply(state& now, const deposited& event) { now.cents += event.cents; }
};

struct every_3 {
  static constexpr auto policy = snapshot_policy::every(3);
};
struct every_3_while_here {
  static constexpr auto policy = snapshot_policy::every(3).not_on_passivation();
};
struct on_passivation {
  static constexpr auto policy = snapshot_policy::on_passivation();
};
struct never {
  static constexpr auto policy = snapshot_policy::never();
};
/// Says true when the balance is round or 2 events came.
struct wishes {
  static bool take_snapshot(const balance& now, std::uint64_t events_since) {
    if (now.cents < 0) throw std::runtime_error{"boom in take_snapshot"};
    return now.cents % 100 == 0 || events_since == 2;
  }
};
struct on_passivation_or_wish : on_passivation, wishes {};
struct every_3_or_wish : every_3, wishes {};
struct never_whatever_it_wishes : never, wishes {};

template <class Rules>
struct script : entity_script<saver<Rules>> {
  script() { this->recover(); }

  /// Whether a snapshot is taken after a deposit; it is saved at once.
  bool saves_after(std::int64_t cents) {
    this->send(deposit{cents});
    this->append_succeeds();
    return saved_one();
  }
  bool saves_when_it_leaves() {
    this->retire(departure::if_idle);
    const bool saves = saved_one();
    CHECK(this->retired == 1);
    return saves;
  }

 private:
  bool saved_one() {
    if (!this->save) return false;
    CHECK(this->save->taken.position == this->log.back().position());
    this->save_succeeds();
    return true;
  }
};

}  // namespace

TEST_CASE("snapshot policy: every n events, and when it leaves what came since") {
  script<every_3> it;
  for (const bool due : {false, false, true, false, false, true, false})
    CHECK(it.saves_after(1) == due);
  CHECK(it.saves_when_it_leaves());
}

TEST_CASE("snapshot policy: every n events, and nothing when it leaves") {
  script<every_3_while_here> it;
  for (const bool due : {false, false, true, false}) CHECK(it.saves_after(1) == due);
  CHECK(!it.saves_when_it_leaves());
}

TEST_CASE("snapshot policy: on passivation and at no other time") {
  script<on_passivation> it;
  for (int i = 0; i < 300; ++i) CHECK(!it.saves_after(1));
  CHECK(it.saves_when_it_leaves());
}

TEST_CASE("snapshot policy: never is never, but one that is there is read") {
  script<never> it;
  for (int i = 0; i < 300; ++i) CHECK(!it.saves_after(1));
  CHECK(!it.saves_when_it_leaves());
  entity_script<saver<never>> later;
  CHECK(later.snapshots_wanted == 1);
}

TEST_CASE("snapshot policy: one not taken on passivation is still waited for when under way") {
  entity_script<saver<every_3_while_here>> it;
  it.recover();
  for (int i = 0; i < 3; ++i) {
    it.send(deposit{1});
    it.append_succeeds();
  }
  REQUIRE(it.save.has_value());
  it.send(deposit{1});
  it.append_succeeds();
  it.retire(departure::if_idle);
  CHECK(it.retired == 0);
  it.save_succeeds();
  CHECK(!it.save);
  CHECK(it.retired == 1);
}

TEST_CASE("take_snapshot: is asked after each commit, in addition to the policy") {
  script<on_passivation_or_wish> it;
  CHECK(!it.saves_after(1));
  CHECK(it.saves_after(1));   // 2 events
  CHECK(it.saves_after(98));  // 100 cents
  CHECK(!it.saves_after(1));
  CHECK(it.saves_when_it_leaves());
}

TEST_CASE("take_snapshot: one that throws is reported, and the policy alone decides") {
  script<every_3_or_wish> it;
  CHECK(!it.saves_after(-1));
  REQUIRE(it.reported("take_snapshot_failed"));
  CHECK(it.reports[0].detail.find("boom in take_snapshot") != std::string::npos);
  CHECK(!it.saves_after(-1));
  CHECK(it.saves_after(-1));
}

TEST_CASE("take_snapshot: is not asked where the policy is never") {
  script<never_whatever_it_wishes> it;
  CHECK(!it.saves_after(100));
  CHECK(!it.saves_after(-101));
  CHECK(it.reports.empty());
  CHECK(!it.saves_when_it_leaves());
}
