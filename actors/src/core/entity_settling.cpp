// What becomes of a batch: its commit stored, refused or unknown, its state confirmed or outdated.

#include "entity.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace aether {

namespace {

/// Whether the log, whose newest commit is `tail`, ends at `known`.
bool is_end(const std::optional<recorded_commit>& tail, const log_position& known) {
  const auto end = tail ? tail->position() : log_position{};
  const bool other_log =
      !end.commit.is_nil() && !known.commit.is_nil() && end.commit != known.commit;
  return end == known && !other_log;
}

}  // namespace

void entity::close_batch(instant now, entity_effects& out) {
  asked_ = now.steady;
  if (!draft_) {
    actor_->end_tentative();
    if (unproven_) {
      enter(phase::confirming);
      out.emplace_back(entity_effect::confirm_tail{});
      return;
    }
    release_answers(now, out);
    return turn_ended(now, out);
  }
  enter(phase::appending);
  out.emplace_back(entity_effect::append{stored_, std::move(draft_->next)});
  draft_.reset();
}

void entity::disown(decided& done) {
  if (!done.answer && done.answer.error().code() != errc::rejected) return;
  forget_rejection(done);
  done.answer = fail(done.persists || done.recalled ? errc::outcome_unknown : errc::unavailable,
                     replaced_unheard);
  done.stops = false;
  done.after.clear();
}

void entity::release_answers(instant now, entity_effects& out) {
  const bool may_speak = serves(now);
  for (auto& done : batch_) {
    if (!may_speak && !done.defers) disown(done);
    stopping_ = stopping_ || done.stops;
    if (done.defers) {
      defer(std::move(done.command), out);
      continue;
    }
    if (done.answer) done.answer->mark = {stored_.version, stored_.sequence};
    auto known =
        done.after.empty() ? command_context::facts{} : facts_of(done.command, done.version, now);
    out.emplace_back(entity_effect::answer{std::move(done.command), std::move(done.answer)});
    if (!done.after.empty())
      out.emplace_back(entity_effect::act{std::move(done.after), std::move(known)});
  }
  batch_.clear();
  unproven_ = false;
}

void entity::turn_ended(instant now, entity_effects& out) {
  if (forced_ || (stopping_ && !crash_)) return leave(out);
  if (crash_) restart(error{*crash_}, now, out);
}

void entity::appended(result<log_position> outcome, instant now, entity_effects& out) {
  AETHER_ASSERT(phase_ == phase::appending);
  if (!outcome) return not_stored(outcome.error(), now, out);
  actor_->end_tentative();
  proven_ = asked_;
  stored_ = *outcome;
  known_ = stored_.version;
  trail_.push(stored_.sequence);
  conflicts_ = 0;
  batch_max_ =
      static_cast<std::uint16_t>(std::min<std::size_t>(commit_commands_max, batch_max_ * 2U));
  release_answers(now, out);
  take_up_deferred();
  enter(phase::ready);
  turn_ended(now, out);
  if (phase_ != phase::ready) return;
  snapshot_if_due(out);
  decide_waiting(now, out);
}

void entity::confirmed(const result<std::optional<recorded_commit>>& tail, instant now,
                       entity_effects& out) {
  if (!tail) return not_confirmed(tail.error(), now, out);
  if (!is_end(*tail, stored_)) return outdated(now, out);
  proven_ = asked_;
  conflicts_ = 0;
  go_on(now, out);
}

void entity::not_confirmed(const error& why, instant now, entity_effects& out) {
  for (auto& done : batch_) {
    if (!done.unproven || done.defers) continue;
    forget_rejection(done);
    done.answer = fail(errc::unavailable,
                       "out of contact, and whether the actor's state is still the newest could "
                       "not be read: " +
                           why.message());
    done.stops = false;
    done.after.clear();
  }
  go_on(now, out);
}

void entity::outdated(instant now, entity_effects& out) {
  out.emplace_back(entity_effect::report{
      "state_outdated", traits_.type.str() + ": another writer came after version " +
                            std::to_string(stored_.version.value())});
  if (!forced_ && ++conflicts_ >= conflicts_max) {
    conflicts_ = 0;
    settle_batch({errc::unavailable, "another writer keeps coming first"}, &decided::unproven, out);
  } else {
    return_batch_to_waiting();
  }
  read_back(now, out);
}

void entity::go_on(instant now, entity_effects& out) {
  release_answers(now, out);
  enter(phase::ready);
  turn_ended(now, out);
  if (phase_ == phase::ready) decide_waiting(now, out);
}

void entity::not_stored(const error& why, instant now, entity_effects& out) {
  const bool conflict = why.code() == errc::version_conflict;
  if (conflict) out.emplace_back(entity_effect::report{"append_conflict", why.message()});
  if (conflict && forced_) {
    return_batch_to_waiting();  // the next owner decides it
  } else if (conflict && ++conflicts_ >= conflicts_max) {
    conflicts_ = 0;
    settle_batch({errc::unavailable, "another writer keeps coming first"}, &decided::persists, out);
  } else if (conflict || (why.code() == errc::commit_too_large && shrink_batches())) {
    return_batch_to_waiting();
  } else {
    settle_batch(why, &decided::persists, out);
  }
  read_back(now, out);
}

void entity::read_back(instant now, entity_effects& out) {
  loaded_ = false;
  if (forced_) return leave(out);
  // Who made it crash within this batch is decided again, and is counted then.
  if (std::exchange(crash_, nullptr)) actor_.reset();
  begin_recovery(now, out);
}

bool entity::shrink_batches() {
  if (std::ranges::count_if(batch_, &decided::persists) < 2) return false;
  batch_max_ = static_cast<std::uint16_t>(batch_.size() / 2);
  return true;
}

void entity::return_batch_to_waiting() {
  std::vector<envelope> again;
  for (auto& done : batch_) {
    forget_rejection(done);
    again.push_back(std::move(done.command));
  }
  std::move(waiting_.begin(), waiting_.end(), std::back_inserter(again));
  waiting_ = std::move(again);
  batch_.clear();
  unproven_ = false;
}

void entity::settle_batch(const error& why, bool decided::*those, entity_effects& out) {
  std::erase_if(batch_, [&](decided& done) {
    if (!(done.*those)) return false;
    forget_rejection(done);
    out.emplace_back(entity_effect::answer{std::move(done.command), std::unexpected(why)});
    return true;
  });
  return_batch_to_waiting();
}

}  // namespace aether
