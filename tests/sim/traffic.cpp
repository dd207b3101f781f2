#include "traffic.hpp"

#include "process.hpp"
#include "world.hpp"

namespace aether::sim {

namespace {

/// What its sender repeats: the actor has not decided on it, or not for certain.
bool is_no_answer(const result<any_reply>& got) {
  if (got) return false;
  switch (got.error().code()) {
    case errc::not_owner:
    case errc::unavailable:
    case errc::not_running:
    case errc::overloaded:
    case errc::timed_out:
    case errc::outcome_unknown:
      return true;
    default:
      return false;
  }
}

const command_content& command_in(const message& what) {
  return static_cast<const command_content&>(*what.what);
}

}  // namespace

traffic::traffic(world& in, process& owner) : in_{in}, owner_{owner}, gates_(in.slots()) {}

std::uint32_t traffic::slot_of(std::uint32_t actor) const { return in_.actors()[actor].slot; }

bool traffic::may_be_here(std::uint32_t slot) const {
  return gates_[slot].local() != passage::shut;
}

traffic::passage traffic::admit(std::uint32_t actor, std::uint64_t operation, envelope& command) {
  auto& at = gates_[slot_of(actor)];
  const auto way = at.local();
  if (way == passage::kept) at.add_waiting({actor, operation, std::move(command)});
  // What leaves this node was not worked off here.
  if (way == passage::shut) command.repeated = at.recorded().strike(command.id) || command.repeated;
  return way;
}

std::optional<errc> traffic::deliver(std::uint32_t actor, std::uint64_t operation,
                                     envelope& command) {
  const bool repeated = command.repeated;
  const auto no = owner_.actors.deliver(actor, command);
  if (!no) in_.judge.taken(operation);
  if (no)
    in_.note(happening::command_refused, owner_.number, actor, operation,
             static_cast<std::uint64_t>(*no));
  else
    in_.note(happening::command_taken, owner_.number, actor, operation, repeated ? 1 : 0);
  return no;
}

void traffic::arrived(const message& what) {
  const auto& sent = command_in(what);
  auto& at = gates_[slot_of(sent.actor)];
  kept_command one{what, owner_.clock()};
  const auto told = sent.repeated ? cluster::command_copy::told_again : cluster::command_copy::told;
  const auto copy = what.asker != 0 ? cluster::command_copy::asked : told;
  switch (at.arrive(sent.id, copy, one)) {
    case passage::through:
      return hand_in(one, true, at.noted(sent.id));
    case passage::shut:
      return pass_on(one);
    case passage::full:
      return refuse(one.what, errc::overloaded);
    case passage::kept:
      return;
  }
}

void traffic::hand_in(const kept_command& one, bool sure, bool noted) {
  const auto& sent = command_in(one.what);
  envelope made;
  made.id = sent.id;
  made.repeated = sent.repeated || !sure;
  made.command = sent.command.share();
  if (one.what.asker == 0) {
    if (const auto no = deliver(sent.actor, sent.operation, made))
      lost(sent.actor, sent.operation, *no);
    return;
  }
  made.deadline = one.arrived + sent.within;
  made.answer = [this, asker = one.what.asker, token = one.what.token, slot = slot_of(sent.actor),
                 id = sent.id, noted](result<any_reply> got) {
    if (noted && is_no_answer(got)) (void)gates_[slot].recorded().strike(id);
    message asked;
    asked.asker = asker;
    asked.token = token;
    owner_.link.reply(asked, std::make_shared<outcome_content>(outcome_of(std::move(got))));
  };
  if (const auto no = deliver(sent.actor, sent.operation, made)) made.answer(fail(*no, ""));
}

void traffic::pass_on(const kept_command& one) {
  if (one.what.asker != 0) return refuse(one.what, errc::not_owner);
  const auto& sent = command_in(one.what);
  envelope made;
  made.id = sent.id;
  made.repeated = sent.repeated;
  made.command = sent.command.share();
  publish(sent.actor, sent.operation, std::move(made));
}

void traffic::pass_on(waiting_command one) {
  if (one.command.answer) return one.command.answer(fail(errc::not_owner, ""));
  publish(one.actor, one.operation, std::move(one.command));
}

void traffic::publish(std::uint32_t actor, std::uint64_t operation, envelope command) {
  command.repeated = gates_[slot_of(actor)].recorded().strike(command.id) || command.repeated;
  auto made = std::make_shared<command_content>();
  made->actor = actor;
  made->operation = operation;
  made->id = command.id;
  made->repeated = command.repeated;
  made->command = std::move(command.command);
  owner_.link.publish(in_.commands_of(slot_of(actor)), std::move(made));
}

void traffic::refuse(const message& what, errc why) {
  const auto& sent = command_in(what);
  in_.note(happening::command_refused, owner_.number, sent.actor, sent.operation,
           static_cast<std::uint64_t>(why));
  if (what.asker == 0) return lost(sent.actor, sent.operation, why);
  owner_.link.reply(what, std::make_shared<outcome_content>(outcome{why, {}}));
}

void traffic::lost(std::uint32_t actor, std::uint64_t operation, errc why) {
  in_.note(happening::dead_letter, owner_.number, actor, operation,
           static_cast<std::uint64_t>(why));
}

void traffic::listen(std::uint32_t slot) {
  gates_[slot].keep();
  owner_.link.listen(in_.commands_of(slot));
}

void traffic::ignore(std::uint32_t slot) { owner_.link.ignore(in_.commands_of(slot)); }

void traffic::open(std::uint32_t slot, const std::vector<command_id>& got, bool sure) {
  owner_.actors.accept(slot);
  in_.judge.serves(owner_, slot);
  auto& at = gates_[slot];
  (void)at.drop(got);
  for (auto next = at.take_kept(); !next.empty(); next = at.take_kept())
    for (const auto& one : next) {
      // The giver may have rejected a copy: its sender hears of that, or sends another one.
      if (!sure && one.what.asker != 0)
        refuse(one.what, errc::not_owner);
      else
        hand_in(one, sure, false);
    }
}

void traffic::hold_local(std::uint32_t slot) { gates_[slot].wait(); }

void traffic::serve(std::uint32_t slot) {
  auto& at = gates_[slot];
  for (auto next = at.take_waiting(); !next.empty(); next = at.take_waiting())
    for (auto& one : next) {
      const bool asked = static_cast<bool>(one.command.answer);
      const auto no = deliver(one.actor, one.operation, one.command);
      if (no && asked) one.command.answer(fail(*no, ""));
      if (no && !asked) lost(one.actor, one.operation, *no);
    }
}

void traffic::shut(std::uint32_t slot) {
  in_.judge.serves_no_more(owner_, slot);
  auto [kept, waiting] = gates_[slot].shut();
  for (const auto& one : kept) pass_on(one);
  for (auto& one : waiting) pass_on(std::move(one));
}

std::pair<bool, std::vector<command_id>> traffic::recorded(std::uint32_t slot) {
  return {gates_[slot].recorded().complete(), gates_[slot].recorded().all()};
}

}  // namespace aether::sim
