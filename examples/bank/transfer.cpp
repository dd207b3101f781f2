#include "transfer.hpp"

#include <algorithm>
#include <string>
#include <utility>

using namespace std::chrono_literals;

namespace {

using self_context = aether::actor_context<transfer>;

/// Only a rejection means no. After anything else the money may have moved, be it by an earlier
/// copy of the command.
step_answered heard(const aether::result<balance>& answer, const aether::command_id& step,
                    std::uint32_t tries) {
  if (answer) return {step, step_outcome::done, {}, tries};
  const auto& error = answer.error();
  if (error.code() != aether::errc::rejected)
    return {step, step_outcome::unclear, error.message(), tries};
  std::string why = error.text();
  if (const auto reason = aether::reason_of<insufficient_funds>(error))
    why += ": " + std::to_string(reason->missing_cents) + " cents are missing";
  return {step, step_outcome::refused, std::move(why), tries};
}

/// As the same command, however often.
template <class Command>
void send(const self_context& self, const aether::actor_ref<account>& to, Command command,
          const aether::command_id& step, std::uint32_t tries) {
  self.ask(to, std::move(command), 5s,
           [step, tries](const aether::result<balance>& got) { return heard(got, step, tries); });
}

}  // namespace

/// Persists the event, and takes the step that it opens, if any.
template <class Event>
auto transfer::go_on(state now, Event event) {
  apply(now, event);
  return persist(std::move(event)).then([now = std::move(now)](const self_context& self) {
    drive(self, now, 0, false);
  });
}

void transfer::drive(const self_context& self, const state& now, std::uint32_t tries,
                     bool sent_before) {
  const auto& whose = now.at == transfer_phase::depositing ? now.to : now.from;
  const auto to = self.actor<account>(whose).with_id(now.step, sent_before);
  if (now.at == transfer_phase::withdrawing)
    send(self, to, withdraw{now.cents}, now.step, tries);
  else if (now.at == transfer_phase::depositing)
    send(self, to, deposit{now.cents}, now.step, tries);
  else if (now.at == transfer_phase::refunding)
    send(self, to, refund{now.cents}, now.step, tries);
}

std::chrono::milliseconds transfer::pause_after(std::uint32_t tries) noexcept {
  return std::min<std::chrono::milliseconds>(100ms * (1U << std::min(tries, 16U)), 30s);
}

aether::effect<transfer_state> transfer::on(const start_transfer& command, const state& now) {
  if (now.at != transfer_phase::none) {
    if (command.from == now.from && command.to == now.to && command.cents == now.cents)
      return reply(now);
    return reject("this id is another transfer's");
  }
  if (command.cents <= 0) return reject("a transfer is of at least one cent");
  if (command.from == command.to) return reject("a transfer is between two accounts");
  if (!aether::actor_id::parse(command.from) || !aether::actor_id::parse(command.to))
    return reject("there is no such account");
  return go_on(now, transfer_started{command.from, command.to, command.cents,
                                     aether::command_id::make()})
      .reply([](const state& after) { return after; });
}

aether::effect<transfer_state> transfer::on(const await_transfer&, const state& now) {
  if (now.at == transfer_phase::none) return reject("this transfer was never started");
  if (is_open(now.at)) return defer();
  return reply(now);
}

aether::read_only_effect<transfer_state> transfer::on(const get_transfer&, const state& now) {
  return reply(now);
}

aether::effect<void> transfer::on(const resume_transfer& command, const state& now) {
  if (!is_open(now.at)) return none();
  return none().then(
      [now, tries = command.tries](const self_context& self) { drive(self, now, tries, true); });
}

aether::effect<void> transfer::on(const step_answered& command, const state& now,
                                  const aether::command_context& context) {
  if (!is_open(now.at) || command.step != now.step) return none();  // of an earlier copy
  if (command.how == step_outcome::done) {
    if (now.at == transfer_phase::withdrawing)
      return go_on(now, money_taken{aether::command_id::make()});
    if (now.at == transfer_phase::depositing) return persist(money_delivered{});
    return persist(money_returned{});
  }
  if (command.how == step_outcome::refused && now.at == transfer_phase::withdrawing)
    return persist(transfer_refused{command.why});
  if (command.how == step_outcome::refused && now.at == transfer_phase::depositing)
    return go_on(now, delivery_refused{command.why, aether::command_id::make()});
  context.log(aether::log::level::warn, "transfer_step_unclear", command.why);
  return none().then([tries = command.tries](const self_context& self) {
    self.start_timer("retry", pause_after(tries), resume_transfer{tries + 1});
  });
}

void transfer::apply(state& now, const transfer_started& event) {
  now = {transfer_phase::withdrawing, event.from, event.to, event.cents, event.step, {}};
}
void transfer::apply(state& now, const transfer_refused& event) {
  now.at = transfer_phase::refused;
  now.step = {};
  now.why = event.why;
}
void transfer::apply(state& now, const money_taken& event) {
  now.at = transfer_phase::depositing;
  now.step = event.step;
}
void transfer::apply(state& now, const money_delivered&) {
  now.at = transfer_phase::done;
  now.step = {};
}
void transfer::apply(state& now, const delivery_refused& event) {
  now.at = transfer_phase::refunding;
  now.step = event.step;
  now.why = event.why;
}
void transfer::apply(state& now, const money_returned&) {
  now.at = transfer_phase::refunded;
  now.step = {};
}
