// How an entity comes back from its history, and what becomes of it when it cannot.

#include "entity.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace aether {

namespace {

/// The fault is in the history itself, or in how this build reads it: reading again changes
/// nothing.
bool is_permanent(const error& why) {
  switch (why.code()) {
    case errc::corrupt_history:
    case errc::stream_regressed:
    case errc::unknown_message:
    case errc::decode_failed:
    case errc::handler_failed:
      return true;
    default:
      return false;
  }
}

/// Asking for that snapshot again gives the same: go without, history is the truth.
bool is_unusable(const error& why) { return is_permanent(why) || why.code() == errc::store_failed; }

bool has_marker(const history_record& record) {
  if (!record.found) return false;
  const auto& events = record.found->commit.events;
  return std::ranges::find(events, skip_marker, &event_record::type) != events.end();
}

}  // namespace

void entity::begin_recovery(instant now, entity_effects& out) {
  AETHER_ASSERT(batch_.empty());
  enter(phase::recovering);
  take_up_deferred();
  if (!make_actor(out)) return;
  actor_->reset();
  window_.clear();
  stored_ = {};
  snapshot_version_ = {};
  loaded_ = false;
  proven_ = now.steady;
  broken_ = false;
  trail_.clear();
  recovery_ = std::make_unique<recovery_machine>(known_, careful_);
  out.emplace_back(entity_effect::read_tail{});
  if (skip_snapshot_)
    (void)recovery_->snapshot_read(std::nullopt);
  else
    out.emplace_back(entity_effect::load_snapshot{});
}

bool entity::make_actor(entity_effects& out) {
  if (actor_) return true;
  std::string what = "an exception of unknown type";
  try {
    actor_ = make_(self_);
    return true;
  } catch (const std::exception& thrown) {
    what = thrown.what();
  } catch (...) {
  }
  quarantine({errc::handler_failed, std::move(what)}, "making the actor threw: ", out);
  return false;
}

void entity::tail_read(result<std::optional<recorded_commit>> tail, instant now,
                       entity_effects& out) {
  // What speaks of damage is looked into as always, by reading the history.
  if (phase_ == phase::confirming)
    return !tail && is_permanent(tail.error()) ? outdated(now, out) : confirmed(tail, now, out);
  AETHER_ASSERT(phase_ == phase::recovering);
  advance(recovery_->tail_read(std::move(tail)), now, out);
}

void entity::snapshot_loaded(result<std::optional<snapshot>> loaded, instant now,
                             entity_effects& out) {
  AETHER_ASSERT(phase_ == phase::recovering);
  if (!loaded && is_unusable(loaded.error())) {
    out.emplace_back(entity_effect::report{"snapshot_skipped", placed(loaded.error())});
    skip_snapshot_ = true;
    loaded = std::nullopt;
  }
  const unsigned failures = trouble_ ? trouble_->failures : 0;
  if (!loaded && failures >= snapshot_patience) {
    if (failures == snapshot_patience)
      out.emplace_back(entity_effect::report{"snapshot_unavailable", placed(loaded.error())});
    loaded = std::nullopt;
  }
  if (loaded && *loaded &&
      ((*loaded)->state_type != traits_.state_type || (*loaded)->schema != traits_.state_schema)) {
    out.emplace_back(entity_effect::report{
        "snapshot_skipped", traits_.type.str() + ": it holds " + (*loaded)->state_type +
                                " schema " + std::to_string((*loaded)->schema) +
                                ", this build has " + std::string{traits_.state_type} + " schema " +
                                std::to_string(traits_.state_schema)});
    known_ = std::max(known_, (*loaded)->position.version);
    recovery_->was_stored(known_);
    skip_snapshot_ = true;
    loaded = std::nullopt;
  }
  advance(recovery_->snapshot_read(std::move(loaded)), now, out);
}

void entity::history_read(result<std::vector<recorded_commit>> page, instant now,
                          entity_effects& out) {
  AETHER_ASSERT(phase_ == phase::recovering);
  advance(recovery_->page_read(std::move(page)), now, out);
}

void entity::commits_fetched(result<std::vector<recorded_commit>> commits, instant now,
                             entity_effects& out) {
  AETHER_ASSERT(phase_ == phase::recovering);
  advance(recovery_->fetched(std::move(commits)), now, out);
}

void entity::records_read(result<std::vector<history_record>> records, instant now,
                          entity_effects& out) {
  AETHER_ASSERT(phase_ == phase::recovering);
  if (records && trouble_ && trouble_->damage && std::ranges::none_of(*records, &has_marker)) {
    // Nobody had anything skipped: it stays at what was found first, which knows the place.
    return recovery_failed(error{*trouble_->damage}, false, now, out);
  }
  advance(recovery_->records_read(std::move(records)), now, out);
}

void entity::advance(recovery_machine::steps steps, instant now, entity_effects& out) {
  for (auto& step : steps) {
    if (const auto* from = std::get_if<recovery_machine::restore>(&step)) {
      if (!restore(from->from, out)) return begin_recovery(now, out);
    } else if (const auto* stored = std::get_if<recovery_machine::replay>(&step)) {
      if (!replay(stored->next)) break;
    } else {
      want(step, out);
    }
  }
  if (recovery_->now() == recovery_machine::phase::done) return recovery_ended(now, out);
  if (recovery_->now() == recovery_machine::phase::failed) {
    const bool care_may_help = recovery_->care_may_help();
    recovery_failed(error{recovery_->why()}, care_may_help, now, out);
  }
}

void entity::want(recovery_machine::step& step, entity_effects& out) const {
  if (const auto* page = std::get_if<recovery_machine::read>(&step))
    out.emplace_back(entity_effect::read_history{page->from, page->after});
  else if (auto* some = std::get_if<recovery_machine::fetch>(&step))
    out.emplace_back(entity_effect::fetch_commits{std::move(some->sequences)});
  else if (std::holds_alternative<recovery_machine::read_records>(step))
    out.emplace_back(entity_effect::read_records{});
  else
    out.emplace_back(entity_effect::read_tail{});
}

bool entity::restore(const snapshot& from, entity_effects& out) {
  auto restored = actor_->decode_state(from.state);
  if (restored) restored = window_.decode(from.window);
  if (restored) return true;
  known_ = std::max(known_, from.position.version);
  out.emplace_back(entity_effect::report{"snapshot_skipped", placed(restored.error())});
  skip_snapshot_ = true;
  return false;
}

bool entity::replay(const commit& stored) {
  std::uint64_t version = stored.first.value();
  for (const auto& event : stored.events) {
    if (auto applied = actor_->replay(event); !applied) {
      recovery_->replay_failed({errc::corrupt_history, "version " + std::to_string(version) + " (" +
                                                           event.type +
                                                           "): " + applied.error().message()});
      return false;
    }
    ++version;
  }
  for (const auto& command : stored.commands)
    if (window_.find(command.id) == nullptr) window_.remember(command.id, command.reply);
  return true;
}

void entity::recovery_ended(instant now, entity_effects& out) {
  stored_ = recovery_->position();
  known_ = stored_.version;
  snapshot_version_ = std::max(snapshot_version_, recovery_->restored());
  for (const auto pointer : recovery_->back_pointers()) trail_.push(pointer);
  trail_.forget_before(recovery_->restored_at());
  recovery_.reset();
  if (trouble_ && trouble_->crashes == 0)
    trouble_.reset();
  else if (trouble_)
    trouble_->failures = 0;
  loaded_ = true;
  // Another owner may have decided copies of what waited, and forgotten them by now: later ones of
  // an ask; of a tell the one that it got while a slot was handed over, or taken by force.
  for (auto& command : waiting_) command.repeated = true;
  enter(phase::ready);
  if (forced_) return leave(out);
  decide_waiting(now, out);
}

void entity::recovery_failed(const error& why, bool care_may_help, instant now,
                             entity_effects& out) {
  recovery_.reset();
  if (!is_permanent(why)) {
    const unsigned failures = trouble().failures++;
    return back_off(why, std::min(retry_max, retry_min * (1U << std::min(failures, 10U))), now,
                    out);
  }
  if (care_may_help) {
    careful_ = true;
    trouble().damage = why;
    return begin_recovery(now, out);
  }
  quarantine(why, "its history cannot be replayed: ", out);
}

void entity::side_effect_threw(const std::string& what, instant now, entity_effects& out) {
  const error why{errc::handler_failed, "a side effect threw: " + what};
  if (traits_.on_failure != failure_policy::restart) return;
  if (phase_ == phase::ready) return restart(why, now, out);
  if (phase_ == phase::appending || phase_ == phase::confirming)
    crash_ = std::make_unique<error>(why);
}

bool entity::may_rest(instant now) const noexcept {
  // Not where that would make it forget how often it failed.
  return draining_ || !(traits_.singleton || crashed_lately(now));
}

bool entity::crashed_lately(instant now) const noexcept {
  return trouble_ && trouble_->crashes > 0 && now.steady - trouble_->last_crash <= crash_quiet;
}

void entity::restart(const error& why, instant now, entity_effects& out) {
  auto& lately = trouble();
  if (!crashed_lately(now)) lately.crashes = lately.quarantines = 0;
  lately.last_crash = now.steady;
  const unsigned crashes = ++lately.crashes;
  crash_.reset();
  actor_.reset();
  loaded_ = false;
  stopping_ = false;
  out.emplace_back(entity_effect::report{"restarted", placed(why)});
  if (crashes >= crashes_max) {
    lately.crashes = crashes_max - 1;  // the next one too many comes soon
    return quarantine(why, "it keeps failing: ", out);
  }
  if (crashes == 1) return begin_recovery(now, out);
  back_off(why, std::min(retry_max, retry_min * (1U << (crashes - 2))), now, out);
}

void entity::quarantine(const error& why, std::string_view in_short, entity_effects& out) {
  quarantine_ = std::make_unique<error>(errc::quarantined, std::string{in_short} + why.message());
  enter(phase::quarantined);
  auto& lately = trouble();
  if (lately.quarantines == 0) out.emplace_back(entity_effect::report{"quarantined", placed(why)});
  take_up_deferred();
  if (forced_) return leave(out);
  refuse_waiting(*quarantine_, out);
  if (draining_) return leave(out);
  const auto delay =
      std::min(quarantine_max, quarantine_min * (1U << std::min(lately.quarantines, 6U)));
  ++lately.quarantines;
  out.emplace_back(entity_effect::retry_later{delay});
}

void entity::back_off(const error& why, std::chrono::milliseconds delay, instant now,
                      entity_effects& out) {
  trouble().why = why;
  take_up_deferred();
  expire_waiting(now, why, out);
  enter(phase::backing_off);
  if (forced_ || (waiting_.empty() && may_rest(now))) return leave(out);
  out.emplace_back(entity_effect::retry_later{delay});
}

void entity::retry(instant now, entity_effects& out) {
  if (phase_ == phase::quarantined) {
    quarantine_.reset();
    careful_ = false;
    // A quiet time begins when it is back.
    if (trouble().crashes > 0) trouble().last_crash = now.steady;
    return begin_recovery(now, out);
  }
  if (phase_ != phase::backing_off) return;
  expire_waiting(now, *trouble().why, out);
  if (waiting_.empty() && may_rest(now)) return leave(out);
  begin_recovery(now, out);
}

}  // namespace aether
