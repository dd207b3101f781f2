#include "host.hpp"

#include "process.hpp"
#include "world.hpp"

#include <string_view>
#include <utility>

namespace aether::sim {

namespace {

using namespace std::chrono_literals;

/// Until a worker takes up an inbox.
constexpr real_time schedule_max = 80us;
constexpr std::chrono::milliseconds sweep_interval{300};
/// The part of the actors in memory that each sweep asks to go.
constexpr double swept = 0.15;
constexpr std::chrono::seconds stop_timeout{10};
constexpr std::chrono::milliseconds stop_look{20};

}  // namespace

struct host::activation : std::enable_shared_from_this<host::activation> {
  activation(const actor_traits& traits, const actor_address& self, const behavior_factory& make,
             std::uint32_t which, std::uint32_t in)
      : actor{which}, slot{in}, it{traits, self, make} {}

  const std::uint32_t actor;
  const std::uint32_t slot;
  entity it;
  std::vector<any_input> inbox;
  /// What is being worked off, in a round.
  std::vector<any_input> round;
  std::size_t next = 0;
  bool scheduled = false;
  bool gone = false;
};

host::host(world& in, process& owner)
    : in_{in}, owner_{owner}, slots_(in.slots()), actors_(in.actors().size()) {}

void host::accept(std::uint32_t slot) {
  slots_[slot].now = stage::accepted;
  end_drain(slot, false);
  if (!std::exchange(sweeping_, true)) sweep();
}

void host::release(std::uint32_t slot) {
  slots_[slot].now = stage::refused;
  send_away(slot, departure::at_once);
  end_drain(slot, false);
}

void host::drain(std::uint32_t slot, std::chrono::steady_clock::time_point deadline,
                 callback<bool> done) {
  auto& at = slots_[slot];
  if (at.now == stage::accepted) at.now = stage::draining;
  end_drain(slot, false);
  at.drained = std::move(done);
  send_away(slot, departure::when_done);
  if (at.resident == 0 || stopping_) return end_drain(slot, !stopping_);
  owner_.at(deadline, [this, slot, which = ++at.drains] {
    auto& overdue = slots_[slot];
    if (which != overdue.drains || !overdue.drained) return;
    if (overdue.now == stage::draining) overdue.now = stage::refused;
    send_away(slot, departure::at_once);
    end_drain(slot, false);
  });
}

void host::send_away(std::uint32_t slot, departure how) {
  for (auto& one : actors_)
    if (one && one->slot == slot)
      put(*one, input{[how](entity& it, instant, entity_effects& out) { it.retire(how, out); }});
}

void host::end_drain(std::uint32_t slot, bool clean) {
  if (!slots_[slot].drained) return;
  in_.time.after({}, [this, done = std::exchange(slots_[slot].drained, {}), clean]() mutable {
    owner_.when_running([done = std::move(done), clean]() mutable { done(clean); });
  });
}

std::optional<errc> host::deliver(std::uint32_t actor, envelope& command) {
  const auto slot = in_.actors()[actor].slot;
  if (stopping_) return errc::not_running;
  if (!accepts(slot)) return errc::not_owner;
  if (in_.broken.forget_commands) command.id = in_.make_command_id(owner_.wall());
  put(actors_[actor] ? *actors_[actor] : activate(actor), std::move(command));
  return std::nullopt;
}

host::activation& host::activate(std::uint32_t actor) {
  const auto& known = in_.actors()[actor];
  in_.note(happening::actor_activated, owner_.number, actor);
  auto made =
      std::make_shared<activation>(*known.traits, known.address, known.make, actor, known.slot);
  actors_[actor] = made;
  ++resident_;
  ++slots_[known.slot].resident;
  put(*made, input{[](entity& it, instant at, entity_effects& out) { it.start(at, out); }});
  return *made;
}

void host::put(activation& to, any_input what) {
  to.inbox.push_back(std::move(what));
  if (std::exchange(to.scheduled, true)) return;
  in_.time.after(in_.chance.between(0us, schedule_max), [this, self = to.shared_from_this()] {
    owner_.when_running([this, self] { resume(*self); });
  });
}

void host::set_contact_until(std::chrono::steady_clock::time_point until,
                             std::chrono::steady_clock::time_point serves_until) {
  const auto at = owner_.clock();
  if (contact_.until <= at) contact_.since = at;
  contact_.until = until;
  contact_.serves_until = serves_until;
}

instant host::now() const { return {owner_.clock(), owner_.wall(), contact_}; }

void host::resume(activation& self) {
  self.scheduled = false;
  if (self.gone) return;
  self.round = std::exchange(self.inbox, {});
  self.next = 0;
  const instant at = now();
  entity_effects effects;
  while (self.next < self.round.size()) {
    auto what = std::move(self.round[self.next++]);
    if (self.gone) {
      send_on(self.actor, what);
      continue;
    }
    if (auto* command = std::get_if<envelope>(&what))
      self.it.receive(std::move(*command), at, effects);
    else
      std::get<input>(what)(self.it, at, effects);
    carry_out_all(self, effects);
  }
  self.round.clear();
  // What came meanwhile is served first.
  if (!self.gone && self.it.now() == entity::phase::retired && self.inbox.empty()) leave(self);
}

void host::carry_out_all(activation& self, entity_effects& effects) {
  for (auto& one : effects) std::visit([&](auto& wanted) { carry_out(self, wanted); }, one);
  effects.clear();
}

template <class T>
auto host::bring_back(activation& self, void (entity::*to)(T, instant, entity_effects&)) {
  return [this, back = self.shared_from_this(), to](T got) {
    if (back->gone) return;
    put(*back,
        input{[to, got = std::move(got)](entity& it, instant now, entity_effects& out) mutable {
          (it.*to)(std::move(got), now, out);
        }});
  };
}

void host::carry_out(activation& self, entity_effect::read_tail&) {
  owner_.store.latest(self.actor, bring_back(self, &entity::tail_read));
}

void host::carry_out(activation& self, entity_effect::confirm_tail&) {
  owner_.store.latest(self.actor, bring_back(self, &entity::tail_read));
}

void host::carry_out(activation& self, entity_effect::load_snapshot&) {
  owner_.store.load(self.actor, bring_back(self, &entity::snapshot_loaded));
}

void host::carry_out(activation& self, entity_effect::read_history& wanted) {
  owner_.store.read(self.actor, wanted.from, recovery_machine::page_commits,
                    bring_back(self, &entity::history_read));
}

void host::carry_out(activation& self, entity_effect::fetch_commits& wanted) {
  owner_.store.fetch(self.actor, std::move(wanted.sequences),
                     bring_back(self, &entity::commits_fetched));
}

void host::carry_out(activation& self, entity_effect::read_records&) {
  owner_.store.records(self.actor, bring_back(self, &entity::records_read));
}

void host::carry_out(activation& self, entity_effect::append& wanted) {
  wanted.next.id = in_.make_commit_id(owner_.wall());
  wanted.next.at = std::chrono::time_point_cast<std::chrono::milliseconds>(owner_.wall());
  wanted.next.writer = in_.node_of(owner_.node).str();
  wanted.next.epoch = writer_epoch{owner_.core.table_revision()};
  owner_.store.append(self.actor, wanted.expected, std::move(wanted.next),
                      bring_back(self, &entity::appended));
}

void host::carry_out(activation& self, entity_effect::save_snapshot& wanted) {
  owner_.store.save(
      self.actor, std::move(wanted.taken),
      [this, back = self.shared_from_this()](result<void> got) {
        if (back->gone) return;
        put(*back, input{[got = std::move(got)](entity& it, instant, entity_effects& out) mutable {
          it.snapshot_saved(std::move(got), out);
        }});
      });
}

void host::carry_out(activation&, entity_effect::answer& wanted) {
  if (wanted.command.answer) wanted.command.answer(std::move(wanted.with));
}

void host::carry_out(activation&, entity_effect::act&) {}

void host::carry_out(activation& self, entity_effect::retry_later& wanted) {
  const auto half = std::chrono::nanoseconds{wanted.delay} / 2;
  owner_.after(half + in_.chance.between(0ns, half), [this, back = self.shared_from_this()] {
    if (!back->gone)
      put(*back, input{[](entity& it, instant now, entity_effects& out) { it.retry(now, out); }});
  });
}

void host::carry_out(activation& self, entity_effect::expire_at& wanted) {
  owner_.at(wanted.when, [this, back = self.shared_from_this()] {
    if (!back->gone)
      put(*back, input{[](entity& it, instant now, entity_effects& out) { it.expire(now, out); }});
  });
}

void host::carry_out(activation& self, entity_effect::report& wanted) {
  const std::string_view event{wanted.event};
  std::uint64_t code = 0;
  for (const char c : event) code = code * 31 + static_cast<unsigned char>(c);
  in_.note(happening::actor_report, owner_.number, self.actor, code % 1'000'000);
  if (event == "quarantined") in_.judge.quarantined(self.actor, wanted.detail);
}

void host::carry_out(activation& self, entity_effect::retired& wanted) {
  if (!wanted.ended && wanted.left.empty() && !self.it.forced()) return;  // after the round
  while (self.next < self.round.size()) {
    auto what = std::move(self.round[self.next++]);
    if (auto* command = std::get_if<envelope>(&what)) wanted.left.push_back(std::move(*command));
  }
  succeed(self, wanted.ended, std::move(wanted.left));
}

void host::leave(activation& self) {
  self.gone = true;
  in_.note(happening::actor_left, owner_.number, self.actor);
  --resident_;
  const auto keep = std::exchange(actors_[self.actor], nullptr);
  auto& home = slots_[self.slot];
  if (--home.resident == 0 && home.now != stage::accepted) end_drain(self.slot, true);
}

/// Commands go to the actor's next incarnation, here or where it lives by then.
void host::succeed(activation& self, bool ended, std::vector<envelope> first) {
  for (auto& what : std::exchange(self.inbox, {}))
    if (auto* command = std::get_if<envelope>(&what)) first.push_back(std::move(*command));
  const auto& home = slots_[self.slot];
  const bool drains = ended && home.now == stage::draining;
  const bool serves = !stopping_ && (drains || home.now == stage::accepted);
  const auto actor = self.actor;
  self.gone = true;
  in_.note(happening::actor_left, owner_.number, actor);
  const auto keep = std::exchange(actors_[actor], nullptr);
  if (serves && !first.empty()) {
    auto& next = activate(actor);
    for (auto& command : first) put(next, std::move(command));
    if (drains)
      put(next, input{[](entity& it, instant, entity_effects& out) {
            it.retire(departure::when_done, out);
          }});
    first.clear();
  }
  --resident_;
  auto& slot = slots_[self.slot];
  if (--slot.resident == 0 && slot.now != stage::accepted) end_drain(self.slot, true);
  for (auto& command : first) {
    command.repeated = command.repeated || self.it.forced();
    any_input what{std::move(command)};
    send_on(actor, what);
  }
}

/// For what comes after the actor has left.
void host::send_on(std::uint32_t actor, any_input& what) {
  auto* command = std::get_if<envelope>(&what);
  if (command == nullptr) return;
  if (command->answer) return command->answer(fail(errc::not_owner, "the actor has left"));
  const auto number = number_in(command->command);
  if (stopping_) return in_.note(happening::dead_letter, owner_.number, actor, number);
  const auto no = deliver(actor, *command);
  if (no == errc::not_owner) (void)owner_.commands.tell(actor, number, std::move(*command));
}

void host::sweep() {
  if (stopping_) return;
  for (auto& one : actors_)
    if (one && in_.chance.chance(swept))
      put(*one, input{[](entity& it, instant, entity_effects& out) {
        it.retire(departure::if_idle, out);
      }});
  owner_.after(sweep_interval, [this] { sweep(); });
}

void host::stop(task done) {
  stopping_ = true;
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) release(slot);
  struct waiter {
    static void look(host& in, std::chrono::steady_clock::time_point until, task then) {
      if (in.empty() || in.owner_.clock() >= until) return then();
      in.owner_.after(stop_look, [&in, until, then = std::move(then)]() mutable {
        look(in, until, std::move(then));
      });
    }
  };
  waiter::look(*this, owner_.clock() + stop_timeout, std::move(done));
}

void host::drop() {
  for (auto& one : actors_)
    if (one) one->gone = true;
  actors_.assign(actors_.size(), nullptr);
  resident_ = 0;
}

}  // namespace aether::sim
