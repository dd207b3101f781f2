#include "durable_pump.hpp"

#include <algorithm>
#include <utility>

namespace aether::cluster {

void durable_pump::enter(lane& of, phase next) {
  using enum phase;
  const bool legal = (of.now == ready && (next == asked || next == parking)) ||
                     (of.now == asked && next != asked) || (of.now == pausing && next == ready) ||
                     (of.now == parking && (next == ready || next == pausing));
  AETHER_ASSERT(legal);
  of.now = next;
}

durable_pump::effects durable_pump::start(stream_sequence mark, bool alone, time_point) {
  mark_ = std::max(mark_, mark.value());
  alone_ = alone;
  pulling_ = false;
  reserving_ = false;
  return settle({});
}

durable_pump::effects durable_pump::delivered(stream_sequence which, const actor_address& to,
                                              time_point, bool* taken) {
  const bool fresh = !stopped_ && !holds(which);
  if (taken != nullptr) *taken = fresh;
  if (!fresh) return {};
  auto& of = lanes_.try_emplace(to, lane{to}).first->second;
  of.waiting.push_back(which);
  lane_of_.emplace(which.value(), &of);
  ++held_;
  highest_ = std::max(highest_, which.value());
  if (of.waiting.size() == 1) ready_.push_back(which);
  return settle({});
}

durable_pump::effects durable_pump::pull_ended(time_point) {
  pulling_ = false;
  return settle({});
}

durable_pump::lane* durable_pump::head_lane(stream_sequence which, phase expected) {
  const auto found = lane_of_.find(which.value());
  if (found == lane_of_.end()) return nullptr;
  auto& of = *found->second;
  return of.waiting.front() == which && of.now == expected ? &of : nullptr;
}

bool durable_pump::hopeless(lane& of, verdict how) const {
  const bool passes_perhaps = how == verdict::unknown || how == verdict::unwell;
  of.unknowns = passes_perhaps ? of.unknowns + 1 : 0;
  if (passes_perhaps) return of.unknowns >= options_.unknowns_max;
  return how == verdict::failed && ++of.failures >= options_.deliveries_max;
}

durable_pump::effects durable_pump::answered(stream_sequence which, verdict how, error why,
                                             time_point now) {
  effects out;
  auto* of = head_lane(which, phase::asked);
  if (of == nullptr) return out;
  --under_way_;
  alone_ = false;  // whatever became of it, nobody went down
  if (how == verdict::done) {
    out.emplace_back(acknowledge{which});
    enter(*of, phase::ready);
    finish(*of);
  } else if (hopeless(*of, how)) {
    enter(*of, phase::parking);
    out.emplace_back(park{which, of->attempts, std::move(why)});
  } else {
    pause(*of, now, out);
  }
  return settle(std::move(out));
}

durable_pump::effects durable_pump::refuse(stream_sequence which, const actor_address& to,
                                           error why) {
  if (stopped_ || holds(which)) return {};
  auto& of = lanes_.try_emplace(to, lane{to}).first->second;
  AETHER_ASSERT(of.waiting.empty() && "only the first message of a queue is refused");
  of.waiting.push_back(which);
  lane_of_.emplace(which.value(), &of);
  ++held_;
  enter(of, phase::parking);
  effects out;
  out.emplace_back(park{which, 0, std::move(why)});
  return settle(std::move(out));
}

durable_pump::effects durable_pump::parked(stream_sequence which, bool stored, time_point now) {
  effects out;
  auto* of = head_lane(which, phase::parking);
  if (of == nullptr) return out;
  alone_ = false;
  if (stored) {
    out.emplace_back(acknowledge{which});
    enter(*of, phase::ready);
    finish(*of);
  } else {
    // Tried once more then, and parked at once when it fails again.
    of->failures = options_.deliveries_max - 1;
    pause(*of, now, out);
  }
  return settle(std::move(out));
}

durable_pump::effects durable_pump::reserved(stream_sequence mark, time_point) {
  reserving_ = false;
  mark_ = std::max(mark_, mark.value());
  return settle({});
}

durable_pump::effects durable_pump::tick(time_point now) {
  effects out;
  while (!pauses_.empty() && pauses_.begin()->first <= now) {
    const auto which = pauses_.begin()->second;
    pauses_.erase(pauses_.begin());
    if (auto* of = head_lane(which, phase::pausing)) {
      enter(*of, phase::ready);
      ready_.push_back(which);
    }
  }
  return settle(std::move(out));
}

void durable_pump::finish(lane& of) {
  lane_of_.erase(of.waiting.front().value());
  of.waiting.pop_front();
  --held_;
  of.attempts = of.failures = of.unknowns = 0;
  of.backoff = {};
  if (of.waiting.empty()) {
    lanes_.erase(actor_address{of.actor});
    return;
  }
  ready_.push_back(of.waiting.front());
}

void durable_pump::pause(lane& of, time_point now, effects& out) {
  enter(of, phase::pausing);
  of.backoff = of.backoff == duration{} ? options_.backoff_min
                                        : std::min(of.backoff * 2, options_.backoff_max);
  const auto until = now + of.backoff;
  pauses_.emplace(until, of.waiting.front());
  out.emplace_back(wake{until});
}

void durable_pump::fill(effects& out) {
  const std::size_t room = alone_ ? 1 : options_.window;
  while (under_way_ < room && !ready_.empty() && ready_.front().value() <= mark_) {
    const auto which = ready_.front();
    ready_.pop_front();
    auto& of = *lane_of_.at(which.value());
    enter(of, phase::asked);
    ++under_way_;
    out.emplace_back(ask{which, ++of.attempts});
  }
}

void durable_pump::ask_for_mark(effects& out) {
  if (reserving_ || highest_ + options_.mark_ahead / 2 <= mark_) return;
  reserving_ = true;
  out.emplace_back(reserve{stream_sequence{highest_ + options_.mark_ahead}});
}

void durable_pump::ask_for_more(effects& out) {
  if (pulling_) return;
  const std::size_t most = alone_ ? 1 : options_.held_max;
  const std::size_t room = held_ < most ? most - held_ : 0;
  // In large pieces, where many are under way: each costs the server a request.
  if (room == 0 || (held_ > 0 && room < most / 4)) return;
  pulling_ = true;
  out.emplace_back(pull{room});
}

durable_pump::effects durable_pump::settle(effects out) {
  if (stopped_) {
    std::erase_if(out, [](const effect& one) { return !std::holds_alternative<acknowledge>(one); });
    return out;
  }
  fill(out);
  ask_for_mark(out);
  ask_for_more(out);
  return out;
}

}  // namespace aether::cluster
