#include "slots.hpp"

#include "process.hpp"
#include "world.hpp"

#include <algorithm>
#include <utility>

namespace aether::sim {

namespace {

using namespace std::chrono_literals;
using cluster::slot_intake;
using cluster::slot_release;

constexpr std::chrono::seconds answer_timeout{3};
constexpr std::chrono::seconds echo_timeout{1};
/// Until another thread of the process takes up what one handed over.
constexpr real_time thread_switch_max = 200us;

struct hand_content : content {
  hand_content(cluster::hand_over_step step, cluster::process from, std::uint64_t knows,
               std::uint32_t of)
      : what{step}, taker{std::move(from)}, revision{knows}, slot{of} {}
  const cluster::hand_over_step what;
  const cluster::process taker;
  const std::uint64_t revision;
  const std::uint32_t slot;
};

struct hand_done_content : content {
  bool complete = true;
  std::vector<command_id> got;
};

std::optional<cluster::process> process_of(const cluster::shard_table::entry* from) {
  if (from == nullptr) return std::nullopt;
  return cluster::process{from->node, from->incarnation};
}

}  // namespace

slots::slots(world& in, process& owner) : in_{in}, owner_{owner}, slots_(in.slots()) {
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) slots_[slot].slot = slot;
}

void slots::start() { owner_.link.listen({subject::kind::hand_over, owner_.number}); }

/// Has `input` worked off some time later, and what it wanted done.
template <class Input>
void slots::post(Input input) {
  in_.time.after(in_.chance.between(0us, thread_switch_max),
                 [this, input = std::move(input)]() mutable {
                   owner_.when_running([this, input = std::move(input)]() mutable {
                     if (stopped_) return;
                     input();
                     finish_step();
                   });
                 });
}

void slots::follow(const std::shared_ptr<const cluster::shard_table>& next) {
  if (stopped_) return;
  const auto before = std::exchange(table_, next);
  for (auto& one : slots_) consider(one);
  finish_step();
  std::vector<bool> lost(slots_.size());
  for (const auto& one : slots_) lost[one.slot] = lost_its_server(before.get(), one.slot);
  owner_.commands.owners_changed(lost);
}

/// Whether who served the slot is gone without having handed it over: nobody will answer what it
/// got.
bool slots::lost_its_server(const cluster::shard_table* before, std::uint32_t slot) const {
  if (before == nullptr) return true;
  const auto same = [](const auto* a, const auto* b) {
    return a == nullptr || b == nullptr ? a == b : a->incarnation == b->incarnation;
  };
  const auto* giver = in_.giver_of(*before, slot);
  const auto* gives = in_.giver_of(*table_, slot);
  if (!same(in_.owner_of(*before, slot), in_.owner_of(*table_, slot))) return gives == nullptr;
  return giver != nullptr && gives == nullptr &&
         std::ranges::none_of(table_->nodes(), [&](const auto& one) { return same(&one, giver); });
}

void slots::abandon() {
  if (stopped_) return;
  table_.reset();
  for (auto& one : slots_) {
    one.mine = false;
    let_go(one);
  }
  finish_step();
}

void slots::stop() {
  if (std::exchange(stopped_, true)) return;
  for (auto& one : slots_) {
    if (one.intake && !one.intake->serves()) carry_out(one, one.intake->withdraw());
    owner_.commands_in.ignore(one.slot);
  }
  owner_.link.ignore({subject::kind::hand_over, owner_.number});
}

bool slots::empty() const {
  const auto me = in_.identity_of(owner_.number);
  for (const auto& one : slots_) {
    const bool let_go = one.release && one.release->current() == slot_release::phase::released;
    if (one.intake || (one.release && !let_go)) return false;
    if (table_ && (process_of(in_.owner_of(*table_, one.slot)) == me ||
                   process_of(in_.giver_of(*table_, one.slot)) == me))
      return false;
  }
  return true;
}

// --- what the table wants

void slots::consider(kept& one) {
  const auto me = in_.identity_of(owner_.number);
  const auto giver = process_of(in_.giver_of(*table_, one.slot));
  one.mine =
      process_of(in_.owner_of(*table_, one.slot)) == me && table_->revision() >= one.believed;
  // Until then its taker may ask again: a table that is older than the taker's does not count.
  const bool nobody_asks = giver != me && table_->revision() >= one.believed;
  if (nobody_asks && one.release && one.release->current() == slot_release::phase::released) {
    one.release.reset();
    one.askers.clear();
    owner_.commands_in.stop_recording(one.slot);
  }
  if (!one.mine && giver != me) return let_go(one);
  if (!one.mine) {
    // What never came here cannot be given: the taker asks, and hears that it may have it.
    if (one.intake && !one.intake->serves()) let_go(one);
    return;
  }
  if (one.release) carry_out(one, one.release->kept());
  if (one.release && one.release->letting_go()) return;  // looked at again when that is done
  one.release.reset();
  // Another had it in between, of which this process heard nothing: what it has is outdated.
  if (one.intake && one.intake->serves() && giver && giver != one.giver) {
    carry_out(one, one.intake->withdraw());
    owner_.actors.release(one.slot);
  }
  if (!one.intake) return take_up(one);
  if (one.giver && one.giver != giver) {
    one.giver.reset();
    carry_out(one, one.intake->giver_gone(owner_.clock()));
  }
}

void slots::take_up(kept& one) {
  one.giver = process_of(in_.giver_of(*table_, one.slot));
  if (in_.broken.seize_slots) one.giver.reset();
  one.round = std::max(table_->revision(), one.round + 1);
  one.got.clear();
  one.intake.emplace(slot_intake::options{});
  carry_out(one, one.intake->assign(one.round, one.giver.has_value(), owner_.clock()));
}

void slots::let_go(kept& one) {
  if (one.intake && !one.intake->serves()) return carry_out(one, one.intake->withdraw());
  if (one.intake || one.release) carry_out(one, releasing(one).lost(owner_.clock()));
}

slot_release& slots::releasing(kept& one) {
  if (!one.release) one.release.emplace(slot_release::options{});
  return *one.release;
}

// --- what others want

void slots::asked(const message& what) {
  if (!what.what) {  // an echo
    owner_.link.reply(what, nullptr);
    return;
  }
  post([this, what] {
    if (!table_) return;
    const auto& request = static_cast<const hand_content&>(*what.what);
    auto& one = slots_[request.slot];
    const auto owner = process_of(in_.owner_of(*table_, one.slot));
    const auto verdict = cluster::judge_claim(request.taker, request.revision, table_->revision(),
                                              owner ? &*owner : nullptr);
    if (verdict == cluster::claim::outdated) return;
    one.believed = std::max(one.believed, request.revision);
    if (request.what == step::record)
      record_requested(one, request.taker, what);
    else
      release_requested(one, what);
  });
}

void slots::record_requested(kept& one, const cluster::process& taker, const message& from) {
  const bool has = (one.intake && one.intake->serves()) || one.release;
  if (!has) return answers_.push_back({from, step::record, one.slot});
  asker_ = from;
  carry_out(one, releasing(one).record(taker));
}

void slots::release_requested(kept& one, const message& from) {
  one.mine = false;
  if (one.intake && !one.intake->serves()) carry_out(one, one.intake->withdraw());
  if (!one.intake && !one.release) return answers_.push_back({from, step::release, one.slot});
  one.askers.push_back(from);
  carry_out(one, releasing(one).release(owner_.clock()));
}

// --- what the machines want

void slots::carry_out(kept& one, const slot_intake::effects& effects) {
  for (const auto& effect : effects) std::visit([&](const auto& what) { act(one, what); }, effect);
  if (one.intake)
    in_.note(happening::slot_phase, owner_.number, one.slot,
             static_cast<std::uint64_t>(one.intake->current()), one.round);
  if (one.intake && one.intake->current() == slot_intake::phase::absent) one.intake.reset();
}

void slots::carry_out(kept& one, const slot_release::effects& effects) {
  for (const auto& effect : effects) std::visit([&](const auto& what) { act(one, what); }, effect);
  if (one.release)
    in_.note(happening::giving_phase, owner_.number, one.slot,
             static_cast<std::uint64_t>(one.release->current()));
}

void slots::act(kept& one, const slot_intake::ask_record&) {
  if (one.giver) asks_.push_back({*one.giver, step::record, &one});
}

void slots::act(kept& one, const slot_intake::ask_release&) {
  if (one.giver) asks_.push_back({*one.giver, step::release, &one});
}

void slots::act(kept& one, const slot_intake::listen&) {
  owner_.commands_in.listen(one.slot);
  echo([this, &one, round = one.round] {
    if (one.intake) carry_out(one, one.intake->listening(round, owner_.clock()));
  });
}

void slots::act(kept& one, const slot_intake::open& how) {
  in_.note(happening::slot_accepted, owner_.number, one.slot, table_ ? table_->revision() : 0,
           how.sure ? 1 : 0);
  owner_.commands_in.open(one.slot, one.got, how.sure);
  one.got.clear();
}

void slots::act(kept& one, const slot_intake::fence&) {
  owner_.commands_in.hold_local(one.slot);
  echo([this, &one, round = one.round] {
    if (one.intake) carry_out(one, one.intake->fenced(round));
  });
}

void slots::act(kept& one, const slot_intake::serve&) { owner_.commands_in.serve(one.slot); }

void slots::act(kept& one, const slot_intake::give_up&) {
  owner_.commands_in.ignore(one.slot);
  owner_.commands_in.shut(one.slot);
}

void slots::act(kept& one, const slot_release::start_recording&) {
  owner_.commands_in.start_recording(one.slot);
}

void slots::act(kept& one, const slot_release::stop_recording&) {
  owner_.commands_in.stop_recording(one.slot);
}

void slots::act(kept& one, const slot_release::tell_recorded&) {
  answers_.push_back({asker_, step::record, one.slot});
}

void slots::act(kept& one, const slot_release::close&) {
  in_.note(happening::slot_released, owner_.number, one.slot);
  one.intake.reset();
  owner_.commands_in.ignore(one.slot);
  echo([this, &one] {
    if (one.release) carry_out(one, one.release->closed(owner_.clock()));
  });
}

void slots::act(kept& one, const slot_release::drain& how) {
  owner_.commands_in.shut(one.slot);
  owner_.actors.drain(one.slot, how.deadline, [this, &one](bool) {
    post([this, &one] {
      if (one.release) carry_out(one, one.release->drained());
    });
  });
}

void slots::act(kept& one, const slot_release::cut_short&) { owner_.actors.release(one.slot); }

void slots::act(kept& one, const slot_release::tell_released&) {
  auto [complete, got] = owner_.commands_in.recorded(one.slot);
  for (auto& asker : std::exchange(one.askers, {}))
    answers_.push_back({std::move(asker), step::release, one.slot, complete, got});
  reconsider_.push_back(&one);
}

void slots::echo(callback<> back) {
  owner_.link.request({subject::kind::hand_over, owner_.number}, nullptr, echo_timeout,
                      [this, back = std::move(back)](const answer& got) mutable {
                        if (got.how != answer::kind::answered) return;
                        post([back = std::move(back)]() mutable { back(); });
                      });
}

// --- the end of a step

void slots::finish_step() {
  // What was let go of may be this node's again.
  while (!reconsider_.empty())
    for (auto* one : std::exchange(reconsider_, {}))
      if (table_) consider(*one);
  for (auto& one : std::exchange(answers_, {})) {
    auto made = std::make_shared<hand_done_content>();
    made->complete = one.complete;
    made->got = std::move(one.got);
    owner_.link.reply(one.to, std::move(made));
  }
  for (auto& one : std::exchange(asks_, {})) ask(one);
  say_settled();
  arm();
}

void slots::ask(const wanted& one) {
  auto made = std::make_shared<hand_content>(one.what, in_.identity_of(owner_.number),
                                             table_ ? table_->revision() : 0, one.of->slot);
  owner_.link.request(
      {subject::kind::hand_over, in_.number_of(one.giver)}, std::move(made), answer_timeout,
      [this, what = one.what, of = one.of, round = one.of->round](const answer& got) {
        if (got.how == answer::kind::timed_out || got.how == answer::kind::not_sent) return;
        post([this, what, of, round, got] {
          if (!of->intake) return;
          const auto now = owner_.clock();
          if (got.how == answer::kind::nobody)
            return carry_out(*of, of->intake->unreachable(round, now));
          if (what == step::record) return carry_out(*of, of->intake->recorded(round, now));
          if (of->intake->current() != slot_intake::phase::awaiting || round != of->round) return;
          const auto& done = static_cast<const hand_done_content&>(*got.what);
          of->got = done.got;
          carry_out(*of, of->intake->released(round, done.complete, now));
        });
      });
}

void slots::say_settled() {
  if (!table_ || settled_ >= table_->revision()) return;
  for (const auto& one : slots_)
    if (one.mine && !(one.intake && one.intake->settled())) return;
  settled_ = table_->revision();
  owner_.core.settled(settled_);
}

void slots::arm() {
  auto next = std::chrono::steady_clock::time_point::max();
  for (const auto& one : slots_) {
    if (one.intake) next = std::min(next, one.intake->wake_at());
    if (one.release) next = std::min(next, one.release->wake_at());
  }
  if (next >= armed_until_) return;
  armed_until_ = next;
  owner_.at(next, [this] { wake(); });
}

void slots::wake() {
  armed_until_ = std::chrono::steady_clock::time_point::max();
  if (stopped_) return;
  for (auto& one : slots_) {
    if (one.intake) carry_out(one, one.intake->tick(owner_.clock()));
    if (one.release) carry_out(one, one.release->tick(owner_.clock()));
  }
  finish_step();
}

}  // namespace aether::sim
