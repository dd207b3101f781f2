#pragma once

#include <aether/aether.hpp>
#include "account.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

enum class transfer_phase : std::uint8_t {
  none,         // not started
  withdrawing,  // from `from`
  depositing,   // to `to`
  refunding,    // to `from`, because `to` refused
  done,
  refused,   // by `from`: nothing was moved
  refunded,  // all is as it was
};
[[nodiscard]] constexpr bool is_open(transfer_phase at) noexcept {
  return at == transfer_phase::withdrawing || at == transfer_phase::depositing ||
         at == transfer_phase::refunding;
}

struct transfer_state {
  transfer_phase at = transfer_phase::none;
  std::string from;
  std::string to;
  std::int64_t cents = 0;
  /// While it is open: the id of the command of the present step.
  aether::command_id step;
  /// Why it was refused or refunded.
  std::string why;
  AETHER_MESSAGE("bank.transfer_state", at, from, to, cents, step, why)
};

/// Answered when the transfer is on its way. Sent again, whatever its command id, it changes
/// nothing.
struct start_transfer {
  std::string from;
  std::string to;
  std::int64_t cents = 0;
  using reply = transfer_state;
  AETHER_MESSAGE("bank.start_transfer", from, to, cents)
};
/// Answered when the transfer has ended; `unavailable` where that takes longer than one waits.
struct await_transfer {
  using reply = transfer_state;
  AETHER_MESSAGE("bank.await_transfer")
};
struct get_transfer {
  using reply = transfer_state;
  AETHER_MESSAGE("bank.get_transfer")
};
/// Does the present step again: after a crash, from outside; else a timer does. Never harmful.
struct resume_transfer {
  /// How often the step was tried before.
  std::uint32_t tries = 0;
  AETHER_MESSAGE("bank.resume_transfer", tries)
};
/// From the transfer to itself: what an account said.
enum class step_outcome : std::uint8_t { unclear, done, refused };
struct step_answered {
  aether::command_id step;
  step_outcome how = step_outcome::unclear;
  std::string why;
  std::uint32_t tries = 0;
  AETHER_MESSAGE("bank.step_answered", step, how, why, tries)
};

// `step` is the id of the command with which the story goes on.
struct transfer_started {
  std::string from;
  std::string to;
  std::int64_t cents = 0;
  aether::command_id step;
  AETHER_MESSAGE("bank.transfer_started", from, to, cents, step)
};
struct transfer_refused {
  std::string why;
  AETHER_MESSAGE("bank.transfer_refused", why)
};
struct money_taken {
  aether::command_id step;
  AETHER_MESSAGE("bank.money_taken", step)
};
struct money_delivered {
  AETHER_MESSAGE("bank.money_delivered")
};
struct delivery_refused {
  std::string why;
  aether::command_id step;
  AETHER_MESSAGE("bank.delivery_refused", why, step)
};
struct money_returned {
  AETHER_MESSAGE("bank.money_returned")
};

/// Moves money from one account to another, or gives it back: a saga. Its id is the transfer's.
///
///   none --start--> withdrawing --done--> depositing --done--> done
///                        |                    +--refused--> refunding --done--> refunded
///                        +--refused--> refused
///
/// Each event names the command of the step that it opens, so that the step can be sent again after
/// any crash, as the same command: an account answers it then, and moves no money twice.
class transfer : public aether::event_sourced_actor<transfer> {
 public:
  static constexpr std::string_view type_name = "transfer";
  using state = transfer_state;
  using commands = aether::messages<start_transfer, await_transfer, get_transfer, resume_transfer,
                                    step_answered>;
  using events = aether::messages<transfer_started, transfer_refused, money_taken, money_delivered,
                                  delivery_refused, money_returned>;

  aether::effect<transfer_state> on(const start_transfer&, const state&);
  aether::effect<transfer_state> on(const await_transfer&, const state&);
  aether::read_only_effect<transfer_state> on(const get_transfer&, const state&);
  aether::effect<void> on(const resume_transfer&, const state&);
  aether::effect<void> on(const step_answered&, const state&, const aether::command_context&);

  static void apply(state&, const transfer_started&);
  static void apply(state&, const transfer_refused&);
  static void apply(state&, const money_taken&);
  static void apply(state&, const money_delivered&);
  static void apply(state&, const delivery_refused&);
  static void apply(state&, const money_returned&);

  /// Doubles from 100 ms to 30 s: below `passivate_after`, which ends timers.
  [[nodiscard]] static std::chrono::milliseconds pause_after(std::uint32_t tries) noexcept;

 private:
  template <class Event>
  static auto go_on(state now, Event event);
  /// Takes the present step. `sent_before`: unless this is known to be the first time.
  static void drive(const aether::actor_context<transfer>& self, const state& now,
                    std::uint32_t tries, bool sent_before);
};
