// How an entity comes back from its history, and what becomes of it when it cannot.

#include "entity.hpp"

#include <algorithm>
#include <string>

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

void entity::begin_recovery(entity_effects& out) {
  AETHER_ASSERT(batch_.empty());
  actor_->reset();
  window_.clear();
  stored_ = {};
  snapshot_version_ = {};
  loaded_ = false;
  broken_ = false;
  trail_.clear();
  recovery_ = std::make_unique<recovery_machine>(known_, careful_);
  enter(phase::recovering);
  out.emplace_back(entity_effect::read_tail{});
  if (skip_snapshot_)
    (void)recovery_->snapshot_read(std::nullopt);
  else
    out.emplace_back(entity_effect::load_snapshot{});
}

void entity::tail_read(result<std::optional<recorded_commit>> tail, time_point now,
                       entity_effects& out) {
  AETHER_ASSERT(phase_ == phase::recovering);
  advance(recovery_->tail_read(std::move(tail)), now, out);
}

void entity::snapshot_loaded(result<std::optional<snapshot>> loaded, time_point now,
                             entity_effects& out) {
  AETHER_ASSERT(phase_ == phase::recovering);
  if (!loaded && is_unusable(loaded.error())) {
    out.emplace_back(entity_effect::report{"snapshot_skipped", placed(loaded.error())});
    skip_snapshot_ = true;
    loaded = std::nullopt;
  }
  if (!loaded && failures_ >= snapshot_patience) {
    if (failures_ == snapshot_patience)
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

void entity::history_read(result<std::vector<recorded_commit>> page, time_point now,
                          entity_effects& out) {
  AETHER_ASSERT(phase_ == phase::recovering);
  advance(recovery_->page_read(std::move(page)), now, out);
}

void entity::commits_fetched(result<std::vector<recorded_commit>> commits, time_point now,
                             entity_effects& out) {
  AETHER_ASSERT(phase_ == phase::recovering);
  advance(recovery_->fetched(std::move(commits)), now, out);
}

void entity::records_read(result<std::vector<history_record>> records, time_point now,
                          entity_effects& out) {
  AETHER_ASSERT(phase_ == phase::recovering);
  if (records && damage_ && std::ranges::none_of(*records, &has_marker)) {
    // Nobody had anything skipped: it stays at what was found first, which knows the place.
    return recovery_failed(error{*damage_}, false, now, out);
  }
  advance(recovery_->records_read(std::move(records)), now, out);
}

void entity::advance(recovery_machine::steps steps, time_point now, entity_effects& out) {
  for (auto& step : steps) {
    if (const auto* from = std::get_if<recovery_machine::restore>(&step)) {
      if (!restore(from->from, out)) return begin_recovery(out);
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

void entity::recovery_ended(time_point now, entity_effects& out) {
  stored_ = recovery_->position();
  known_ = stored_.version;
  snapshot_version_ = std::max(snapshot_version_, recovery_->restored());
  for (const auto pointer : recovery_->back_pointers()) trail_.push(pointer);
  trail_.forget_before(recovery_->restored_at());
  recovery_.reset();
  failures_ = 0;
  quarantines_ = 0;
  loaded_ = true;
  // Another owner may have decided later copies of what waited, and forgotten them by now.
  for (auto& command : waiting_) command.repeated = true;
  enter(phase::ready);
  if (forced_) return leave(out);
  decide_waiting(now, out);
}

void entity::recovery_failed(const error& why, bool care_may_help, time_point now,
                             entity_effects& out) {
  recovery_.reset();
  if (!is_permanent(why)) return back_off(why, now, out);
  if (care_may_help) {
    careful_ = true;
    damage_ = std::make_unique<error>(why);
    return begin_recovery(out);
  }
  quarantine(why, out);
}

void entity::quarantine(const error& why, entity_effects& out) {
  quarantine_ = std::make_unique<error>(errc::quarantined,
                                        "its history cannot be replayed: " + why.message());
  enter(phase::quarantined);
  if (quarantines_ == 0) out.emplace_back(entity_effect::report{"quarantined", placed(why)});
  refuse_waiting(*quarantine_, out);
  if (forced_) return leave(out);
  const auto delay = std::min(quarantine_max, quarantine_min * (1U << std::min(quarantines_, 6U)));
  ++quarantines_;
  out.emplace_back(entity_effect::retry_later{delay});
}

void entity::back_off(const error& why, time_point now, entity_effects& out) {
  trouble_ = std::make_unique<error>(why);
  expire_waiting(now, why, out);
  enter(phase::backing_off);
  if (forced_ || waiting_.empty()) return leave(out);
  const auto delay = std::min(retry_max, retry_min * (1U << std::min(failures_, 10U)));
  ++failures_;
  out.emplace_back(entity_effect::retry_later{delay});
}

void entity::retry(time_point now, entity_effects& out) {
  if (phase_ == phase::quarantined && recovers()) {
    quarantine_.reset();
    careful_ = false;
    return begin_recovery(out);
  }
  if (phase_ != phase::backing_off) return;
  expire_waiting(now, *trouble_, out);
  if (waiting_.empty()) return leave(out);
  begin_recovery(out);
}

}  // namespace aether
