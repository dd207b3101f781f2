#pragma once

#include <aether/actors/event_sourced_actor.hpp>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

/// An actor with a past: each way in which an event of old days is read today.
namespace old_ledger {

struct totals {
  std::int64_t cents = 0;
  std::int64_t fees = 0;
  std::vector<std::string> notes;
  AETHER_MESSAGE("ledger.totals", cents, fees, notes)
};
struct get_totals {
  using reply = totals;
  AETHER_MESSAGE("ledger.get_totals")
};
struct move_money {
  std::int64_t cents = 0;
  using reply = totals;
  AETHER_MESSAGE("ledger.move_money", cents)
};

// Today's events.
struct moved {
  std::int64_t cents = 0;
  std::string note;
  AETHER_MESSAGE("ledger.moved", cents, note)
};
struct charged {
  std::int64_t cents = 0;
  AETHER_MESSAGE("ledger.charged", cents)
};

// Yesterday's. The first two are those of tests/golden/commit-v1.hex.
struct deposited {
  std::int64_t by = 0;
  std::string note;
  AETHER_MESSAGE("bank.deposited", by, note)
};
struct withdrawn {
  std::int64_t by = 0;
  std::string note;
  AETHER_MESSAGE("bank.withdrawn", by, note)
};
/// Became `deposited`, then `moved`.
struct salary_paid {
  std::int64_t euros = 0;
  AETHER_MESSAGE("ledger.salary_paid", euros)
};
struct transferred {
  std::int64_t cents = 0;
  std::int64_t fee = 0;
  AETHER_MESSAGE("ledger.transferred", cents, fee)
};
/// 0 cents meant nothing.
struct adjusted {
  std::int64_t cents = 0;
  AETHER_MESSAGE("ledger.adjusted", cents)
};
struct deposited_many {
  std::vector<std::int64_t> cents;
  AETHER_MESSAGE("ledger.deposited_many", cents)
};
struct viewed {
  AETHER_MESSAGE("ledger.viewed")
};
struct undated {
  AETHER_MESSAGE("ledger.undated")
};

class ledger : public aether::event_sourced_actor<ledger> {
 public:
  static constexpr std::string_view type_name = "ledger";
  using state = totals;
  using commands = aether::messages<get_totals, move_money>;
  using events = aether::messages<moved, charged>;
  using retired_events = aether::messages<deposited, withdrawn, salary_paid, transferred, adjusted,
                                          deposited_many, viewed, undated>;

  static aether::effect<totals> on(const get_totals&, const state& now) { return reply(now); }
  static aether::effect<totals> on(const move_money& command, const state&) {
    return persist(moved{command.cents, "today"}).reply([](const state& now) { return now; });
  }

  static void apply(state& now, const moved& event) {
    now.cents += event.cents;
    now.notes.push_back(event.note);
  }
  static void apply(state& now, const charged& event) { now.fees += event.cents; }

  static moved upcast(const deposited& old) { return {old.by, old.note}; }
  static moved upcast(const withdrawn& old) { return {old.by, old.note}; }
  static deposited upcast(const salary_paid& old) { return {100 * old.euros, "salary"}; }
  static std::tuple<moved, charged, deposited> upcast(const transferred& old) {
    return {moved{-old.cents, "out"}, charged{old.fee}, deposited{old.cents, "back"}};
  }
  static std::optional<moved> upcast(const adjusted& old) {
    if (old.cents == 0) return std::nullopt;
    return moved{old.cents, "adjusted"};
  }
  static std::vector<moved> upcast(const deposited_many& old) {
    std::vector<moved> all;
    for (const auto cents : old.cents) all.push_back({cents, "one of many"});
    return all;
  }
  static void upcast(const viewed&) {}
  static moved upcast(const undated&) { throw std::runtime_error{"boom in upcast"}; }
};

}  // namespace old_ledger
