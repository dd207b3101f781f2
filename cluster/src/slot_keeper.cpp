#include "slot_keeper.hpp"

#include <aether/runtime/log.hpp>

#include <algorithm>

namespace aether::cluster {

namespace {

std::chrono::steady_clock::time_point now() { return std::chrono::steady_clock::now(); }

std::optional<process> process_of(const shard_table::entry* from) {
  return from == nullptr ? std::nullopt : std::optional{process{from->node, from->incarnation}};
}

}  // namespace

slot_keeper::slot_keeper(std::shared_ptr<slot_traffic> traffic,
                         std::shared_ptr<hand_over_talk> talk, actor_host& host, timers& clock,
                         options how)
    : traffic_{std::move(traffic)},
      talk_{std::move(talk)},
      host_{host},
      clock_{clock},
      options_{std::move(how)} {
  traffic_->for_each([this](guarded_slot& at) { slots_.try_emplace(&at, at); });
}

result<void> slot_keeper::start(settled_handler on_settled) {
  on_settled_ = std::move(on_settled);
  return talk_->start([weak = weak_from_this()](hand_request request, std::string reply_to) {
    const auto self = weak.lock();
    if (!self) return;
    self->post([raw = self.get(), request = std::move(request), reply_to = std::move(reply_to)] {
      raw->requested(request, reply_to);
    });
  });
}

/// Has `input` worked off on the thread of the timers. It may use `this`.
template <class Input>
void slot_keeper::post(Input input) {
  clock_.at(now(), [weak = weak_from_this(), input = std::move(input)]() mutable {
    const auto self = weak.lock();
    if (!self) return;
    const std::lock_guard step{self->step_mutex_};
    if (self->stopped_) return;
    input();
    self->finish_step();
  });
}

void slot_keeper::follow(const std::shared_ptr<const shard_table>& next) {
  const std::lock_guard step{step_mutex_};
  if (stopped_) return;
  table_ = next;
  for (auto& [at, one] : slots_) consider(one);
  finish_step();
}

void slot_keeper::abandon() {
  const std::lock_guard step{step_mutex_};
  if (stopped_) return;
  table_.reset();
  for (auto& [at, one] : slots_) {
    one.mine = false;
    let_go(one);
  }
  finish_step();
}

void slot_keeper::stop() {
  const std::lock_guard step{step_mutex_};
  if (std::exchange(stopped_, true)) return;
  for (auto& [at, one] : slots_) {
    if (one.intake && !one.intake->serves()) carry_out(one, one.intake->withdraw());
    traffic_->ignore(one.at);
  }
  talk_->stop();
}

slot_keeper::kept* slot_keeper::find(const slot& which) {
  const auto found = slots_.find(traffic_->find(which.type, which.shard));
  return found == slots_.end() ? nullptr : &found->second;
}

// What the table wants

/// Brings one slot in line with the table, as far as what is under way lets it.
void slot_keeper::consider(kept& one) {
  const auto& [type, shard] = one.at.name;
  const auto owner = process_of(table_->owner(type, shard));
  const auto giver = process_of(table_->giver(type, shard));
  one.mine = owner == options_.self && table_->revision() >= one.believed;
  // Until then its taker may ask again: a table that is older than the taker's does not count.
  const bool nobody_asks = giver != options_.self && table_->revision() >= one.believed;
  if (nobody_asks && one.release && one.release->current() == slot_release::phase::released) {
    one.release.reset();
    one.askers.clear();
    traffic_->stop_recording(one.at);
  }
  if (!one.mine && giver != options_.self) return let_go(one);
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
    evict(one);
  }
  if (!one.intake) return take_up(one);
  if (one.giver && one.giver != giver) {
    one.giver.reset();
    carry_out(one, one.intake->giver_gone(now()));
  }
}

void slot_keeper::take_up(kept& one) {
  one.giver = process_of(table_->giver(one.at.name.type, one.at.name.shard));
  one.round = std::max(table_->revision(), one.round + 1);
  one.since = now();
  one.got.clear();
  one.intake.emplace(options_.intake);
  carry_out(one, one.intake->assign(one.round, one.giver.has_value(), now()));
}

/// Nobody will ask for it.
void slot_keeper::let_go(kept& one) {
  if (one.intake && !one.intake->serves()) return carry_out(one, one.intake->withdraw());
  if (one.intake || one.release) carry_out(one, releasing(one).lost(now()));
}

void slot_keeper::evict(kept& one) {
  if (options_.tenant != nullptr) options_.tenant->evict(one.at.name);
  host_.release(one.at.name.type, one.at.name.shard);
}

slot_release& slot_keeper::releasing(kept& one) {
  if (!one.release) one.release.emplace(options_.release);
  return *one.release;
}

bool slot_keeper::idle(const kept& one) const {
  const bool taken = !one.intake || (one.intake->current() == slot_intake::phase::serving &&
                                     one.intake->settled());
  const bool given = !one.release || !one.release->letting_go() ||
                     one.release->current() == slot_release::phase::released;
  return taken && given;
}

// What others want

void slot_keeper::requested(const hand_request& request, const std::string& reply_to) {
  if (!table_) return;
  for (const auto& which : request.slots) {
    auto* one = find(which);
    if (one == nullptr) {
      out_.answers[{reply_to, request.step}].push_back({which});
      continue;
    }
    const auto owner = process_of(table_->owner(which.type, which.shard));
    const auto verdict = judge_claim(request.taker, request.table_revision, table_->revision(),
                                     owner ? &*owner : nullptr);
    if (verdict == claim::outdated) continue;
    one->believed = std::max(one->believed, request.table_revision);
    if (request.step == hand_over_step::record)
      record_requested(*one, request.taker, reply_to);
    else
      release_requested(*one, reply_to);
  }
}

void slot_keeper::record_requested(kept& one, const process& taker, const std::string& reply_to) {
  const bool has = (one.intake && one.intake->serves()) || one.release;
  if (!has) {
    out_.answers[{reply_to, hand_over_step::record}].push_back({one.at.name});
    return;
  }
  asker_ = reply_to;
  carry_out(one, releasing(one).record(taker));
}

void slot_keeper::release_requested(kept& one, const std::string& reply_to) {
  one.mine = false;
  if (one.intake && !one.intake->serves()) carry_out(one, one.intake->withdraw());
  if (!one.intake && !one.release) {
    out_.answers[{reply_to, hand_over_step::release}].push_back({one.at.name});
    return;
  }
  one.askers.push_back(reply_to);
  carry_out(one, releasing(one).release(now()));
}

void slot_keeper::answered(const hand_answer& answer,
                           const std::vector<std::pair<kept*, std::uint64_t>>& asked) {
  for (const auto& done : answer.done) {
    const auto found =
        std::ranges::find(asked, find(done.which), [](const auto& a) { return a.first; });
    if (found == asked.end() || !found->first->intake) continue;
    auto& [one, round] = *found;
    if (answer.step == hand_over_step::record) {
      carry_out(*one, one->intake->recorded(round, now()));
    } else if (one->intake->current() == slot_intake::phase::awaiting && round == one->round) {
      one->got = done.got;
      carry_out(*one, one->intake->released(round, done.complete, now()));
    }
  }
}

// Effects

void slot_keeper::carry_out(kept& one, const slot_intake::effects& effects) {
  const bool had = one.has;
  for (const auto& effect : effects) std::visit([&](const auto& what) { act(one, what); }, effect);
  if (one.intake && one.intake->current() == slot_intake::phase::absent) one.intake.reset();
  note(one, had);
}

void slot_keeper::carry_out(kept& one, const slot_release::effects& effects) {
  const bool had = one.has;
  for (const auto& effect : effects) std::visit([&](const auto& what) { act(one, what); }, effect);
  note(one, had);
}

/// Enters into the books where the slot stands.
void slot_keeper::note(kept& one, bool had) {
  const bool let_go = one.release && one.release->current() == slot_release::phase::released;
  one.has = one.intake || (one.release && !let_go);
  if (one.has && !had) ++still_has_;
  if (!one.has && had) --still_has_;
  if (idle(one))
    active_.erase(&one);
  else
    active_.insert(&one);
}

void slot_keeper::act(kept& one, const slot_intake::ask_record&) {
  if (one.giver) out_.asks[{*one.giver, hand_over_step::record}].push_back(&one);
}

void slot_keeper::act(kept& one, const slot_intake::ask_release&) {
  if (one.giver) out_.asks[{*one.giver, hand_over_step::release}].push_back(&one);
}

void slot_keeper::act(kept& one, const slot_intake::listen&) {
  traffic_->listen(one.at);
  out_.echoes.emplace_back([this, &one, round = one.round] {
    if (one.intake) carry_out(one, one.intake->listening(round, now()));
  });
}

void slot_keeper::act(kept& one, const slot_intake::open& how) {
  traffic_->open(one.at, one.got, how.sure);
  one.got.clear();
  if (options_.tenant != nullptr) options_.tenant->move_in(one.at.name);
  taken_.push_back(one.at.name);
  // Where nobody had it, as after a restart of all, there was nobody to ask.
  if (one.intake->forced() && one.giver)
    log::warn("cluster", "slot_taken_by_force",
              {{"slot", to_string(one.at.name)}, {"giver", one.giver->node.str()}});
}

void slot_keeper::act(kept& one, const slot_intake::fence&) {
  traffic_->hold_local(one.at);
  out_.echoes.emplace_back([this, &one, round = one.round] {
    if (one.intake) carry_out(one, one.intake->fenced(round));
  });
}

void slot_keeper::act(kept& one, const slot_intake::serve&) {
  // Without a giver there was no fence: nothing waits.
  traffic_->serve(one.at);
}

void slot_keeper::act(kept& one, const slot_intake::give_up&) {
  traffic_->ignore(one.at);
  traffic_->shut(one.at);
}

void slot_keeper::act(kept& one, const slot_release::start_recording&) {
  traffic_->start_recording(one.at);
}

void slot_keeper::act(kept& one, const slot_release::stop_recording&) {
  traffic_->stop_recording(one.at);
}

void slot_keeper::act(kept& one, const slot_release::tell_recorded&) {
  out_.answers[{asker_, hand_over_step::record}].push_back({one.at.name});
}

void slot_keeper::act(kept& one, const slot_release::close&) {
  one.since = now();
  one.intake.reset();
  traffic_->ignore(one.at);
  out_.echoes.emplace_back([this, &one] {
    if (one.release) carry_out(one, one.release->closed(now()));
  });
}

void slot_keeper::act(kept& one, const slot_release::drain& how) {
  traffic_->shut(one.at);
  if (options_.tenant == nullptr) return drain_actors(one, how.deadline);
  options_.tenant->move_out(
      one.at.name, how.deadline, [weak = weak_from_this(), &one, deadline = how.deadline](bool) {
        if (const auto self = weak.lock())
          self->post([raw = self.get(), &one, deadline] { raw->drain_actors(one, deadline); });
      });
}

void slot_keeper::drain_actors(kept& one, std::chrono::steady_clock::time_point deadline) {
  host_.drain({one.at.name}, deadline, [weak = weak_from_this(), &one](bool clean) {
    const auto self = weak.lock();
    if (!self) return;
    self->post([raw = self.get(), &one, clean] {
      if (!clean) log::warn("cluster", "slot_let_go_by_force", {{"slot", to_string(one.at.name)}});
      if (one.release) raw->carry_out(one, one.release->drained());
    });
  });
}

void slot_keeper::act(kept& one, const slot_release::cut_short&) { evict(one); }

void slot_keeper::act(kept& one, const slot_release::tell_released&) {
  const auto [complete, got] = traffic_->recorded(one.at);
  for (const auto& asker : std::exchange(one.askers, {}))
    out_.answers[{asker, hand_over_step::release}].push_back({one.at.name, complete, got});
  reconsider_.insert(&one);
}

// The end of a step

void slot_keeper::finish_step() {
  // What was let go of may be this node's again.
  while (!reconsider_.empty())
    for (auto* one : std::exchange(reconsider_, {}))
      if (table_) consider(*one);
  auto out = std::exchange(out_, {});
  for (auto& [to, done] : out.answers) talk_->answer(to.first, to.second, std::move(done));
  for (auto& [to, slots] : out.asks) ask(to.first, to.second, slots);
  if (!out.echoes.empty())
    talk_->echo([weak = weak_from_this(), back = std::move(out.echoes)] {
      if (const auto self = weak.lock())
        self->post([back] {
          for (const auto& one : back) one();
        });
    });
  say_settled();
  arm();
}

void slot_keeper::ask(const process& giver, hand_over_step step, const std::vector<kept*>& of) {
  for (std::size_t begin = 0; begin < of.size(); begin += hand_request::slots_max) {
    const std::size_t end = std::min(of.size(), begin + hand_request::slots_max);
    hand_request request{step, options_.self, table_->revision(), {}};
    std::vector<std::pair<kept*, std::uint64_t>> asked;
    for (std::size_t i = begin; i < end; ++i) {
      request.slots.push_back(of[i]->at.name);
      asked.emplace_back(of[i], of[i]->round);
    }
    const auto weak = weak_from_this();
    talk_->ask(
        giver, request,
        [weak, asked](hand_answer answer) {
          const auto self = weak.lock();
          if (!self) return;
          self->post([raw = self.get(), asked, answer = std::move(answer)] {
            raw->answered(answer, asked);
          });
        },
        [weak, asked] {
          const auto self = weak.lock();
          if (!self) return;
          self->post([raw = self.get(), asked] {
            for (const auto& [one, round] : asked)
              if (one->intake) raw->carry_out(*one, one->intake->unreachable(round, now()));
          });
        });
  }
}

void slot_keeper::say_settled() {
  if (!table_ || settled_ >= table_->revision()) return;
  const bool waits = std::ranges::any_of(active_, [](const kept* one) {
    return one->mine && !(one->intake && one->intake->settled());
  });
  if (waits) return;
  settled_ = table_->revision();
  on_settled_(settled_, std::exchange(taken_, {}));
}

void slot_keeper::arm() {
  auto next = std::chrono::steady_clock::time_point::max();
  for (const auto* one : active_) {
    if (one->intake) next = std::min(next, one->intake->wake_at());
    if (one->release) next = std::min(next, one->release->wake_at());
  }
  if (next >= armed_until_) return;
  armed_until_ = next;
  clock_.at(next, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self) self->post([raw = self.get()] { raw->wake(); });
  });
}

void slot_keeper::wake() {
  armed_until_ = std::chrono::steady_clock::time_point::max();
  for (auto* one : std::vector<kept*>{active_.begin(), active_.end()}) {
    if (one->intake) carry_out(*one, one->intake->tick(now()));
    if (one->release) carry_out(*one, one->release->tick(now()));
  }
}

}  // namespace aether::cluster
