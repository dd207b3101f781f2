#include "entity.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace aether {

namespace {

error leaving_error() { return {errc::not_owner, "the actor is leaving this node"}; }

bool is_legal(entity::phase from, entity::phase to) {
  using enum entity::phase;
  switch (from) {
    case recovering:
      return to == recovering || to == backing_off || to == ready || to == quarantined;
    case backing_off:
      return to == recovering || to == leaving || to == retired;
    case ready:
      return to == appending || to == confirming || to == recovering || to == backing_off ||
             to == quarantined || to == leaving || to == retired;
    case appending:
    case confirming:
      return to == ready || to == recovering || to == backing_off || to == quarantined ||
             to == leaving || to == retired;
    case quarantined:
      return to == recovering || to == leaving || to == retired;
    case leaving:
      return to == leaving || to == ready || to == recovering || to == retired;
    case retired:
      return to == retired || to == leaving || to == ready || to == recovering;
  }
  return false;
}

}  // namespace

entity::entity(const actor_traits& traits, const actor_address& self, const behavior_factory& make)
    : traits_{traits}, self_{self}, make_{make}, window_{traits.command_window} {}

std::size_t entity::footprint() const noexcept {
  return sizeof(*this) + (actor_ ? actor_->footprint() : 0) + window_.footprint() +
         (rejected_ ? rejected_->footprint() : 0);
}

entity::hardship& entity::trouble() {
  if (!trouble_) trouble_ = std::make_unique<hardship>();
  return *trouble_;
}

void entity::enter(phase next) {
  AETHER_ASSERT(is_legal(phase_, next));
  AETHER_ASSERT(batch_.empty() || next == phase::appending || next == phase::confirming);
  phase_ = next;
}

std::string entity::placed(const error& why) const {
  return traits_.type.str() + ": " + why.message();
}

void entity::start(instant now, entity_effects& out) { begin_recovery(now, out); }

void entity::receive(envelope&& command, instant now, entity_effects& out) {
  if (forced_) return turn_away(std::move(command), out);
  if (quarantine_) {
    // Where another owner may be at work, that one may have a copy, and store it.
    const error why = !command.answer || serves(now)
                          ? *quarantine_
                          : error{errc::outcome_unknown, quarantine_->message()};
    out.emplace_back(entity_effect::answer{std::move(command), std::unexpected(why)});
    return;
  }
  if (may_look(command, now)) return answer_look(std::move(command), now, out);
  waiting_.push_back(std::move(command));
  if (stopping_) return;
  if (phase_ == phase::retired || phase_ == phase::leaving) {
    if (!loaded_) return begin_recovery(now, out);
    enter(phase::ready);
  }
  if (phase_ == phase::ready) decide_waiting(now, out);
}

void entity::snapshot_if_due(entity_effects& out) {
  if (saving_ || traits_.snapshots.is_never()) return;
  const auto last = std::max(snapshot_version_, saving_version_);
  if (stored_.version <= last) return;
  const auto events_since = stored_.version.value() - last.value();
  auto wanted = actor_->wants_snapshot(events_since);
  if (!wanted)
    out.emplace_back(entity_effect::report{"take_snapshot_failed", placed(wanted.error())});
  if (traits_.snapshots.is_due(events_since) || wanted.value_or(false)) save(out);
}

void entity::save(entity_effects& out) {
  saving_version_ = stored_.version;
  saving_sequence_ = stored_.sequence;
  try {
    out.emplace_back(entity_effect::save_snapshot{take_snapshot()});
    saving_ = true;
  } catch (...) {
    out.emplace_back(entity_effect::report{"snapshot_not_saved", "encoding the state threw"});
  }
}

snapshot entity::take_snapshot() const {
  snapshot taken{stored_, std::string{traits_.state_type}, traits_.state_schema, {}, {}};
  actor_->encode_state(taken.state);
  taken.window = window_.encode();
  return taken;
}

void entity::snapshot_saved(result<void> outcome, entity_effects& out) {
  saving_ = false;
  if (outcome) {
    snapshot_version_ = std::max(snapshot_version_, saving_version_);
    skip_snapshot_ = false;
    careful_ = false;
    trail_.forget_before(saving_sequence_);
  } else {
    out.emplace_back(entity_effect::report{"snapshot_not_saved", placed(outcome.error())});
  }
  if (phase_ != phase::leaving) return;
  if (outcome) return leave(out);
  go(out);
}

void entity::retire(departure how, entity_effects& out) {
  forced_ = forced_ || how == departure::at_once;
  draining_ = draining_ || how == departure::when_done;
  switch (phase_) {
    case phase::ready:
      if (deferred_ && !forced_ && !draining_) return;
      return leave(out);
    case phase::quarantined:
    case phase::retired:
      return leave(out);
    case phase::backing_off:
      if (forced_ || (draining_ && waiting_.empty())) leave(out);
      return;
    case phase::recovering:
    case phase::appending:
    case phase::confirming:
      if (forced_) turn_away_asks(out);
      return;
    case phase::leaving:
      return;
  }
}

bool entity::dirty() const noexcept { return loaded_ && stored_.version > snapshot_version_; }

void entity::leave(entity_effects& out) {
  take_up_deferred();
  quarantine_.reset();  // who comes while it goes has it try again
  if (forced_ || !stopping_) turn_away_asks(out);
  if (traits_.snapshots.saves_on_passivation() && dirty() && !saving_) save(out);
  if (saving_) return enter(phase::leaving);
  go(out);
}

void entity::go(entity_effects& out) {
  if (forced_) turn_away_asks(out);
  enter(phase::retired);
  out.emplace_back(entity_effect::retired{stopping_, std::exchange(waiting_, {})});
}

void entity::expire(instant now, entity_effects& out) {
  expiry_ = std::chrono::steady_clock::time_point::max();
  if (!deferred_) return;
  std::erase_if(*deferred_, [&](envelope& command) {
    if (command.deadline > now.steady) return false;
    out.emplace_back(entity_effect::answer{
        std::move(command), fail(errc::unavailable, "its deadline passed while it was deferred"),
        true});
    return true;
  });
  for (const auto& command : *deferred_) expiry_ = std::min(expiry_, command.deadline);
  if (expiry_ != std::chrono::steady_clock::time_point::max())
    out.emplace_back(entity_effect::expire_at{expiry_});
  if (deferred_->empty()) deferred_.reset();
}

std::vector<envelope> entity::give_up() {
  take_up_deferred();
  auto all = std::exchange(waiting_, {});
  for (auto& done : batch_) all.push_back(std::move(done.command));
  batch_.clear();
  unproven_ = false;
  std::erase_if(all, [](const envelope& one) { return one.command.empty(); });
  return all;
}

void entity::turn_away(envelope&& command, entity_effects& out) {
  waiting_.push_back(std::move(command));
  turn_away_asks(out);
  if (phase_ == phase::retired) go(out);
}

/// Who waits for an answer sends it again; what was told is to follow the actor.
void entity::turn_away_asks(entity_effects& out) {
  std::erase_if(waiting_, [&](envelope& command) {
    if (!command.answer) return false;
    out.emplace_back(entity_effect::answer{std::move(command), std::unexpected(leaving_error())});
    return true;
  });
}

void entity::refuse_waiting(const error& why, entity_effects& out) {
  for (auto& command : waiting_)
    out.emplace_back(entity_effect::answer{std::move(command), std::unexpected(why)});
  waiting_.clear();
}

void entity::expire_waiting(instant now, const error& why, entity_effects& out) {
  std::vector<envelope> still;
  for (auto& command : waiting_) {
    if (command.deadline > now.steady)
      still.push_back(std::move(command));
    else
      out.emplace_back(entity_effect::answer{
          std::move(command),
          fail(errc::unavailable,
               "its deadline passed before the actor was back from its history: " + why.message()),
          true});
  }
  waiting_ = std::move(still);
}

}  // namespace aether
