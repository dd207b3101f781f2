#include "router.hpp"

#include "process.hpp"
#include "world.hpp"

#include <utility>

namespace aether::sim {

namespace {

using cluster::ask_machine;
using cluster::attempt_result;

attempt_result classify(const outcome& how) {
  if (!how.code) return attempt_result::answered;
  switch (*how.code) {
    case errc::not_owner:
      return attempt_result::not_owner;
    case errc::unavailable:
    case errc::not_running:
      return attempt_result::unavailable;
    case errc::overloaded:
      return attempt_result::overloaded;
    case errc::timed_out:
      return attempt_result::timed_out;
    case errc::outcome_unknown:
      return attempt_result::outcome_unknown;
    case errc::rejected:
      return attempt_result::rejected;
    default:
      return attempt_result::failed;
  }
}

outcome outcome_of(const answer& got) {
  switch (got.how) {
    case answer::kind::answered:
      return static_cast<const outcome_content&>(*got.what).what;
    case answer::kind::nobody:
    case answer::kind::not_sent:
      return {errc::unavailable, {}};
    case answer::kind::timed_out:
      break;
  }
  return {errc::timed_out, {}};
}

}  // namespace

struct router::open_ask {
  open_ask(const operation& asked, const ask_machine::options& how, cluster::time_point until,
           callback<outcome> then)
      : what{asked},
        deadline{until},
        command{asked.command()},
        done{std::move(then)},
        machine{how, until} {}

  const operation what;
  const cluster::time_point deadline;
  const any_message command;
  callback<outcome> done;
  ask_machine machine;
};

void router::ask(const operation& what, std::chrono::nanoseconds within, callback<outcome> done) {
  if (stopped_) return done(outcome{errc::not_running, {}});
  const auto now = owner_.clock();
  const auto made = std::make_shared<open_ask>(what, in_.timing.ask, now + within, std::move(done));
  open_.emplace(what.number, made);
  owner_.after(within, [this, made] { carry_out(made, made->machine.tick(owner_.clock())); });
  carry_out(made, made->machine.start(now));
}

void router::carry_out(const ask_ptr& ask, ask_machine::effect effect) {
  if (const auto* attempt = std::get_if<ask_machine::send>(&effect)) return send(ask, *attempt);
  if (const auto* pause = std::get_if<ask_machine::wait>(&effect))
    return owner_.at(pause->until,
                     [this, ask] { carry_out(ask, ask->machine.tick(owner_.clock())); });
  if (const auto* end = std::get_if<ask_machine::finish>(&effect); end != nullptr && end->why)
    finish(ask, outcome{end->why->code(), {}});
}

void router::send(const ask_ptr& ask, const ask_machine::send& attempt) {
  const auto actor = ask->what.actor;
  if (!owner_.commands_in.may_be_here(in_.actors()[actor].slot)) return send_out(ask, attempt);
  auto command = local_attempt(ask, attempt.number);
  switch (owner_.commands_in.admit(actor, ask->what.number, command)) {
    case traffic::passage::through:
      if (const auto no = owner_.commands_in.deliver(actor, ask->what.number, command))
        command.answer(fail(*no, ""));
      return;
    case traffic::passage::full:
      return attempt_ended(ask, attempt.number, outcome{errc::overloaded, {}});
    case traffic::passage::shut:
      return send_out(ask, attempt);
    case traffic::passage::kept:
      return;
  }
}

envelope router::local_attempt(const ask_ptr& ask, std::uint32_t number) {
  envelope made;
  made.id = ask->what.id;
  made.repeated = number > 1;
  made.deadline = ask->deadline;
  made.command = ask->command.share();
  made.answer = [this, ask, number](result<any_reply> got) {
    attempt_ended(ask, number, sim::outcome_of(std::move(got)));
  };
  return made;
}

void router::send_out(const ask_ptr& ask, const ask_machine::send& attempt) {
  auto made = std::make_shared<command_content>();
  made->actor = ask->what.actor;
  made->operation = ask->what.number;
  made->id = ask->what.id;
  made->repeated = attempt.number > 1;
  made->within = attempt.timeout;
  made->command = ask->command.share();
  owner_.link.request(in_.commands_of(in_.actors()[made->actor].slot), made, attempt.timeout,
                      [this, ask, number = attempt.number](const answer& got) {
                        attempt_ended(ask, number, outcome_of(got));
                      });
}

void router::attempt_ended(const ask_ptr& ask, std::uint32_t number, outcome how) {
  auto effect = ask->machine.attempt_done(number, classify(how), owner_.clock());
  const auto* end = std::get_if<ask_machine::finish>(&effect);
  if (end != nullptr && !end->why) return finish(ask, std::move(how));
  carry_out(ask, std::move(effect));
}

void router::finish(const ask_ptr& ask, outcome how) {
  open_.erase(ask->what.number);
  if (ask->done) std::exchange(ask->done, {})(std::move(how));
}

std::optional<errc> router::tell(const operation& what) {
  envelope made;
  made.id = what.id;
  made.command = what.command();
  return tell(what.actor, what.number, std::move(made));
}

std::optional<errc> router::tell(std::uint32_t actor, std::uint64_t number, envelope command) {
  if (stopped_) return errc::not_running;
  switch (owner_.commands_in.admit(actor, number, command)) {
    case traffic::passage::kept:
      return std::nullopt;
    case traffic::passage::full:
      return errc::overloaded;
    case traffic::passage::through:
      // Its slot may be leaving just now: the rest of the way is over the network.
      if (const auto no = owner_.commands_in.deliver(actor, number, command); no != errc::not_owner)
        return no;
      break;
    case traffic::passage::shut:
      break;
  }
  owner_.commands_in.publish(actor, number, std::move(command));
  return std::nullopt;
}

void router::owners_changed(const std::vector<bool>& slots) {
  std::vector<ask_ptr> affected;
  for (const auto& [number, ask] : open_)
    if (slots[in_.actors()[ask->what.actor].slot]) affected.push_back(ask);
  for (const auto& ask : affected) carry_out(ask, ask->machine.owner_changed(owner_.clock()));
}

void router::drop() {
  for (const auto& [number, ask] : std::exchange(open_, {})) {
    ask->done = {};
    in_.judge.abandoned(number);
  }
}

void router::stop() {
  stopped_ = true;
  for (const auto& [number, ask] : std::exchange(open_, {}))
    if (ask->done) std::exchange(ask->done, {})(outcome{errc::outcome_unknown, {}});
}

}  // namespace aether::sim
