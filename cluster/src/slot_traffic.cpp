#include "slot_traffic.hpp"

#include <aether/runtime/log.hpp>
#include "command_format.hpp"

namespace aether::cluster {

namespace {

std::chrono::steady_clock::time_point now() { return std::chrono::steady_clock::now(); }

/// What its sender repeats: the actor has not decided on it, or not for certain.
bool is_no_answer(const result<any_reply>& answer) {
  if (answer) return false;
  switch (answer.error().code()) {
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

/// What a dead letter says of it.
envelope facts_of(const envelope& from) {
  envelope facts;
  facts.id = from.id;
  facts.correlation = from.correlation;
  facts.command = from.command.share();
  return facts;
}

std::unexpected<error> not_served() {
  return fail(errc::not_owner, "this slot is not served here; send it again");
}

}  // namespace

slot_traffic::slot_traffic(std::shared_ptr<nats_connection> over, subjects names, actor_host& to,
                           options how)
    : over_{std::move(over)}, names_{std::move(names)}, to_{to}, options_{std::move(how)} {
  for (const auto& type : options_.types) {
    auto& all = slots_[type];
    for (std::uint32_t i = 0; i < options_.shards; ++i)
      all.push_back(std::make_unique<guarded_slot>(slot{type, shard_id{i}}));
  }
}

std::unexpected<error> slot_traffic::too_many_kept() {
  return fail(errc::overloaded,
              "too many commands wait for a slot that is being handed over; send it again");
}

guarded_slot* slot_traffic::find(const actor_type& type, shard_id shard) noexcept {
  const auto found = slots_.find(type);
  const bool there = found != slots_.end() && shard.value() < found->second.size();
  return there ? found->second[shard.value()].get() : nullptr;
}

slot_traffic::admission slot_traffic::admit(const actor_address& to, envelope& command) {
  auto* at = find(to.type, shard_of(to, options_.shards));
  if (at == nullptr) return {};
  if (at->here.load(std::memory_order_acquire)) return {passage::through, {}};
  admission made{passage::shut, std::shared_lock{at->senders}};
  const std::lock_guard lock{at->mutex};
  made.way = at->gate.local();
  if (made.way == passage::kept) at->gate.add_waiting({to, std::move(command)});
  // What leaves this node was not worked off here; if it came here, its copies are told apart so.
  if (made.way == passage::shut)
    command.repeated = at->gate.recorded().strike(command.id) || command.repeated;
  else
    made.held.unlock();
  return made;
}

void slot_traffic::listen(guarded_slot& at) {
  {
    const std::lock_guard lock{at.mutex};
    at.gate.keep();
  }
  auto made = over_->subscribe(names_.commands(at.name.shard, at.name.type),
                               [weak = weak_from_this(), &at](nats_message message) {
                                 if (const auto self = weak.lock())
                                   self->receive(at, std::move(message));
                               });
  if (made)
    at.listening = std::move(*made);
  else
    log::error("cluster", "slot_not_served",
               {{"slot", to_string(at.name)}, {"reason", made.error().message()}});
}

void slot_traffic::ignore(guarded_slot& at) { at.listening = {}; }

void slot_traffic::open(guarded_slot& at, const std::vector<command_id>& got, bool sure) {
  to_.accept(at.name.type, at.name.shard);
  std::vector<kept_command> next;
  {
    const std::lock_guard lock{at.mutex};
    next = at.gate.drop(got);  // destroyed after the lock is gone
  }
  while (true) {
    {
      const std::lock_guard lock{at.mutex};
      next = at.gate.take_kept();
    }
    if (next.empty()) return;
    for (const auto& one : next) hand_over(at, one, sure);
  }
}

void slot_traffic::hand_over(guarded_slot& at, const kept_command& one, bool sure) {
  // The giver may have rejected a copy: its sender hears of that, or sends another one.
  if (!sure && !one.message.reply_to().empty()) return refuse(one.message, not_served().error());
  deliver(at, one.message, one.arrived, {.kept = true, .sure = sure});
}

void slot_traffic::hold_local(guarded_slot& at) {
  {
    const std::lock_guard lock{at.mutex};
    at.gate.wait();
  }
  const std::lock_guard those_who_publish_have_done_so{at.senders};
}

void slot_traffic::serve(guarded_slot& at) {
  while (true) {
    std::vector<waiting_command> next;
    {
      const std::lock_guard lock{at.mutex};
      next = at.gate.take_waiting();
    }
    if (next.empty()) break;
    for (auto& one : next) {
      const bool asked = static_cast<bool>(one.command.answer);
      const envelope known = facts_of(one.command);
      auto sent = to_.deliver_waiting(one.to, std::move(one.command));
      if (!sent && !asked) lost(one.to, known, std::move(sent).error());
    }
  }
  at.here.store(true, std::memory_order_release);
}

void slot_traffic::shut(guarded_slot& at) {
  at.here.store(false, std::memory_order_release);
  std::pair<std::vector<kept_command>, std::vector<waiting_command>> left;
  {
    const std::lock_guard lock{at.mutex};
    left = at.gate.shut();
  }
  for (const auto& one : left.first) pass_on(at, one.message, one.arrived);
  for (auto& one : left.second) pass_on(at, std::move(one));
}

void slot_traffic::start_recording(guarded_slot& at) {
  const std::lock_guard lock{at.mutex};
  at.gate.start_recording();
}

void slot_traffic::stop_recording(guarded_slot& at) {
  const std::lock_guard lock{at.mutex};
  at.gate.stop_recording();
}

std::pair<bool, std::vector<command_id>> slot_traffic::recorded(guarded_slot& at) {
  const std::lock_guard lock{at.mutex};
  return {at.gate.recorded().complete(), at.gate.recorded().all()};
}

void slot_traffic::receive(guarded_slot& at, nats_message message) {
  const auto id = command_id_of(message);
  // One that cannot be told from others is kept as an ask is: every copy.
  const bool asked = !message.reply_to().empty() || id.is_nil();
  const auto told = is_repeated(message) ? command_copy::told_again : command_copy::told;
  const std::size_t bytes = sizeof(kept_command) + message.payload().size();
  kept_command one{std::move(message), now(), {kept_bytes_, bytes}};
  const bool room = kept_bytes_.load(std::memory_order_relaxed) <= options_.kept_bytes_max;
  passage way{};
  bool noted = false;
  {
    const std::lock_guard lock{at.mutex};
    way = at.gate.keeping() && !room ? passage::full
                                     : at.gate.arrive(id, asked ? command_copy::asked : told, one);
    noted = way == passage::through && at.gate.noted(id);
  }
  switch (way) {
    case passage::through:
      return deliver(at, one.message, one.arrived, {.noted = noted});
    case passage::shut:
      return pass_on(at, one.message, one.arrived);
    case passage::full:
      return refuse(one.message, too_many_kept().error());
    case passage::kept:
      return;
  }
}

void slot_traffic::deliver(guarded_slot& at, const nats_message& message,
                           std::chrono::steady_clock::time_point arrived, way_in how) {
  auto parsed = parse_command(
      message, [this](const actor_type& type) { return to_.find_type(type); }, arrived);
  if (!parsed) return refuse(message, parsed.error());
  auto& [to, command] = *parsed;
  command.repeated = command.repeated || !how.sure;
  const bool asked = !message.reply_to().empty();
  if (asked) command.answer = answer_to(at, command.id, std::string{message.reply_to()}, how.noted);
  const envelope known = facts_of(command);
  if (how.kept) {
    auto sent = to_.deliver_waiting(to, std::move(command));
    if (!sent && !asked) lost(to, known, std::move(sent).error());
    return;
  }
  if (asked) return to_.ask(to, std::move(command));
  if (auto sent = to_.tell(to, std::move(command)); !sent) lost(to, known, std::move(sent).error());
}

reply_sink slot_traffic::answer_to(guarded_slot& at, const command_id& id, std::string reply_to,
                                   bool noted) {
  return [self = shared_from_this(), &at, id, reply_to = std::move(reply_to),
          noted](const result<any_reply>& answer) {
    if (noted && is_no_answer(answer)) (void)self->strike(at, id);
    send_answer(*self->over_, reply_to, answer);
  };
}

bool slot_traffic::strike(guarded_slot& at, const command_id& id) {
  const std::lock_guard lock{at.mutex};
  return at.gate.recorded().strike(id);
}

void slot_traffic::pass_on(guarded_slot& at, const nats_message& message,
                           std::chrono::steady_clock::time_point arrived) {
  if (!message.reply_to().empty()) return refuse(message, not_served().error());
  auto parsed = parse_command(
      message, [this](const actor_type& type) { return to_.find_type(type); }, arrived);
  if (!parsed) return refuse(message, parsed.error());
  publish(at, parsed->to, std::move(parsed->command));
}

void slot_traffic::pass_on(guarded_slot& at, waiting_command one) {
  if (one.command.answer) return one.command.answer(not_served());
  publish(at, one.to, std::move(one.command));
}

void slot_traffic::publish(guarded_slot& at, const actor_address& to, envelope command) {
  command.repeated = strike(at, command.id) || command.repeated;
  auto sent = publish_tell(*over_, names_, options_.shards, to, command, now());
  if (!sent) lost(to, command, std::move(sent).error());
}

void slot_traffic::refuse(const nats_message& message, const error& why) {
  if (!message.reply_to().empty())
    return send_answer(*over_, message.reply_to(), std::unexpected(why));
  log::warn("cluster", "command_refused", {{"reason", why.message()}});
  auto parsed = parse_command(
      message, [this](const actor_type& type) { return to_.find_type(type); }, now());
  if (parsed) lost(parsed->to, parsed->command, why);
}

void slot_traffic::lost(const actor_address& to, const envelope& command, error why) {
  to_.dead_letters().publish({to, command.id, command.correlation,
                              std::string{command.command.type().wire_name}, std::move(why)});
}

}  // namespace aether::cluster
