#include "projection_machine.hpp"

#include <algorithm>

namespace aether {

namespace {

std::uint64_t events_in(const projection_batch& batch) {
  std::uint64_t sum = 0;
  for (const auto& one : batch.commits) sum += one.record.commit.events.size();
  return sum;
}

}  // namespace

commit_id projection_machine::id_of(const history_record& record) {
  return record.found ? record.found->commit.id : commit_id{};
}

bool projection_machine::passes_by_itself(const error& why) {
  return why.transient() || why.code() == errc::timed_out || why.code() == errc::not_running;
}

bool projection_machine::position_in_doubt(const error& why) {
  return why.code() == errc::version_conflict || why.code() == errc::outcome_unknown;
}

std::size_t projection_machine::ahead() const noexcept {
  return queue_.size() + (batch_ && !batch_->replay ? batch_->commits.size() : 0);
}

std::optional<std::chrono::sys_time<std::chrono::milliseconds>> projection_machine::oldest() const {
  if (batch_ && !batch_->replay) return batch_->commits.front().record.commit.at;
  for (const auto& one : queue_)
    if (one.record.found) return one.record.found->commit.at;
  return std::nullopt;
}

// Taking over

void projection_machine::start(projection_effects& out) {
  AETHER_ASSERT(phase_ == phase::stopped);
  stopping_ = false;
  delay_ = {};
  pause_ = options_.poll_interval;
  begin_loading(out);
}

/// Forgets what was read and decided: it may be another's by now.
void projection_machine::begin_loading(projection_effects& out) {
  forget_read();
  verified_ = fenced_ = false;
  claim_ = 0;
  batch_.reset();
  attempts_ = 0;
  replayed_.reset();
  past_.clear();
  enter(phase::loading);
  out.emplace_back(projection_effect::load{});
}

/// Reading begins anew behind the position.
void projection_machine::forget_read() {
  ++round_;
  reading_ = at_end_ = fruitful_ = false;
  queue_.clear();
  behind_ = 0;
  reached_ = position_;
  read_to_ = position_.sequence;
  single_until_ = {};
}

void projection_machine::loaded(result<projection_position> found, instant now,
                                projection_effects& out) {
  if (phase_ != phase::loading) return;
  if (!found) return back_off(resume::load, found.error(), now, out);
  position_ = reached_ = *found;
  read_to_ = position_.sequence;
  verified_ = position_.sequence.value() == 0;
  lot_wanted(out);
}

void projection_machine::lot_wanted(projection_effects& out) {
  enter(phase::loading_lot);
  out.emplace_back(projection_effect::load_lot{});
}

void projection_machine::lot_loaded(result<std::pair<parking_lot, std::uint64_t>> lot, instant now,
                                    projection_effects& out) {
  if (phase_ != phase::loading_lot) return;
  if (!lot) return back_off(resume::lot, lot.error(), now, out);
  if (lot->first.retired)
    return back_off(resume::load,
                    {errc::not_running, to_string(key_) + ": this version was retired; do not run "
                                                          "it any more"},
                    now, out);
  if (claim_ != 0 && lot->first.claim != claim_) return begin_loading(out);
  std::tie(lot_, lot_revision_) = std::move(*lot);
  lot_seen_ = now.steady;
  if (claim_ != 0) return go_on(now, out);
  next_lot_ = lot_;
  ++next_lot_.claim;
  enter(phase::claiming_lot);
  out.emplace_back(projection_effect::store_lot{next_lot_, lot_revision_});
}

/// From here on the one that was replaced can change nothing that is parked; after the next store,
/// nor the position.
void projection_machine::lot_claimed(instant now, projection_effects& out) {
  claim_ = lot_.claim;
  claimed_at_ = now.steady;
  if (handler_stores_) return go_on(now, out);
  enter(phase::claiming);
  out.emplace_back(projection_effect::store{position_});
}

void projection_machine::stored(result<std::uint64_t> revision, instant now,
                                projection_effects& out) {
  if (phase_ != phase::claiming && phase_ != phase::storing) return;
  if (!revision && phase_ == phase::storing && revision.error().code() == errc::unavailable)
    return back_off(resume::store, revision.error(), now, out);
  // Where it is not known whether it was stored, what was handled may come again.
  if (!revision) return back_off(resume::load, revision.error(), now, out);
  const bool claimed = phase_ == phase::claiming;
  position_ = reached_;
  position_.revision = reached_.revision = *revision;
  fenced_ = true;
  if (claimed) return go_on(now, out);
  well();
  go_on(now, out);
}

// Waiting

void projection_machine::back_off(resume what, const error& why, instant now,
                                  projection_effects& out) {
  if (stop_now(out)) return;
  if (!problem_ || problem_->code() != why.code())
    out.emplace_back(projection_effect::report{"projection_waits", why.message()});
  problem_ = why;
  ++numbers_.retries;
  delay_ = std::clamp(delay_ * 2, options_.retry_min, options_.retry_max);
  resume_ = what;
  wake_at_ = now.steady + delay_;
  enter(phase::backing_off);
  out.emplace_back(projection_effect::wake_at{wake_at_});
}

void projection_machine::well() noexcept {
  delay_ = {};
  problem_.reset();
}

void projection_machine::tick(instant now, projection_effects& out) {
  if (now.steady < wake_at_) return;
  if (phase_ == phase::idle) {
    hinted_ = true;
    return go_on(now, out);
  }
  if (phase_ != phase::backing_off) return;
  switch (resume_) {
    case resume::load:
      return begin_loading(out);
    case resume::lot:
      return lot_wanted(out);
    case resume::go_on:
      return go_on(now, out);
    case resume::handle:
      return handle_batch(out);
    case resume::store:
      return store_position(out);
    case resume::past:
      return want_past(out);
  }
}

void projection_machine::hint(instant now, projection_effects& out) {
  hinted_ = true;
  if (phase_ == phase::idle) go_on(now, out);
}

void projection_machine::stop(projection_effects& out) {
  if (phase_ == phase::stopped) return;
  stopping_ = true;
  const bool finishes = phase_ == phase::handling || phase_ == phase::replaying ||
                        phase_ == phase::storing || phase_ == phase::parking;
  if (!finishes) (void)stop_now(out);
}

bool projection_machine::stop_now(projection_effects& out) {
  if (!stopping_) return false;
  ++round_;
  reading_ = false;
  queue_.clear();
  batch_.reset();
  enter(phase::stopped);
  out.emplace_back(projection_effect::stopped{});
  return true;
}

// Working

void projection_machine::go_on(instant now, projection_effects& out) {
  if (stop_now(out) || look_at_lot(now, out)) return;
  if (const auto* wished = next_wished()) return begin_replay(*wished, out);
  const bool ends = at_end_ && !fruitful_ && !hinted_;
  if (!reading_ && !ends && queue_.size() * 2 < options_.ahead_commits_max) read_on(now, out);
  collect();
  if (batch_) return handle_batch(out);
  if (!queue_.empty()) return park_front(now, out);
  if (reached_.sequence > position_.sequence) return store_position(out);
  if (reading_) return enter(phase::reading);
  wait(now, out);
}

/// The first that somebody wants something of, and that can be done now.
const parked_commit* projection_machine::next_wished() const {
  const auto* first = lot_.wished(position_.sequence);
  return first != nullptr && (fenced_ || !first->whole_actor) ? first : nullptr;
}

/// While something is parked, somebody may want something of it.
bool projection_machine::look_at_lot(instant now, projection_effects& out) {
  if (lot_.empty() || now.steady - lot_seen_ < lot_interval) return false;
  lot_wanted(out);
  return true;
}

void projection_machine::wait(instant now, projection_effects& out) {
  well();
  // The one before has looked at what is parked, and so found this claim, before it decides
  // anything that was stored later than a `lot_interval` after it.
  if (reading_since_ - claimed_at_ >= 2 * lot_interval) fenced_ = true;
  verified_ = position_.sequence.value() == 0;
  wake_at_ = now.steady + pause_;
  pause_ = std::min(pause_ * 2, options_.poll_interval_max);
  enter(phase::idle);
  out.emplace_back(projection_effect::wake_at{wake_at_});
}

bool projection_machine::passes_over(const shard_page::entry& entry) const {
  const bool wanted =
      types_.empty() || std::ranges::find(types_, entry.address.type) != types_.end();
  return !wanted || lot_.covers(entry.address, entry.record.sequence);
}

/// Makes the next batch of what was read; none where nothing of it is wanted, or the next is to be
/// parked unseen.
void projection_machine::collect() {
  auto made =
      std::make_shared<projection_batch>(projection_batch{key_, {}, position_, position_, false});
  const bool singly = !queue_.empty() && queue_.front().record.sequence <= single_until_.sequence;
  const std::size_t most = singly ? 1 : options_.batch_commits_max;
  while (!queue_.empty()) {
    auto& next = queue_.front();
    const bool passed = passes_over(next);
    if (!passed && (!next.record.found || made->commits.size() == most)) break;
    made->through.sequence = next.record.sequence;
    made->through.commit = id_of(next.record);
    if (!passed) made->commits.push_back({std::move(next.address), std::move(*next.record.found)});
    queue_.pop_front();
  }
  // What was passed over at the end of a batch that was split is in the queue no more.
  const bool split_ends = queue_.empty() || queue_.front().record.sequence > single_until_.sequence;
  if (split_ends && single_until_.sequence > made->through.sequence) {
    made->through.sequence = single_until_.sequence;
    made->through.commit = single_until_.commit;
  }
  if (made->commits.empty())
    reached_ = made->through;
  else
    batch_ = std::move(made);
}

void projection_machine::handle_batch(projection_effects& out) {
  enter(batch_->replay ? phase::replaying : phase::handling);
  out.emplace_back(projection_effect::handle{batch_});
}

void projection_machine::handled(result<void> outcome, instant now, projection_effects& out) {
  if (phase_ == phase::replaying) return replay_handled(outcome, now, out);
  if (phase_ == phase::handling) batch_handled(outcome, now, out);
}

void projection_machine::batch_handled(const result<void>& outcome, instant now,
                                       projection_effects& out) {
  if (!outcome) return batch_failed(outcome.error(), now, out);
  numbers_.commits += batch_->commits.size();
  numbers_.events += events_in(*batch_);
  ++numbers_.batches;
  attempts_ = 0;
  reached_ = batch_->through;
  batch_.reset();
  if (!handler_stores_) return store_position(out);
  position_ = reached_;
  position_.revision = reached_.revision = reached_.sequence.value();
  fenced_ = true;
  well();
  go_on(now, out);
}

void projection_machine::batch_failed(const error& why, instant now, projection_effects& out) {
  if (stop_now(out)) return;
  if (position_in_doubt(why)) return back_off(resume::load, why, now, out);
  if (passes_by_itself(why)) return back_off(resume::handle, why, now, out);
  if (++attempts_ < options_.attempts_max) return back_off(resume::handle, why, now, out);
  if (batch_->commits.size() == 1) return park_batch(why, now, out);
  split();
  go_on(now, out);
}

/// From now on the commits of the batch come one by one.
void projection_machine::split() {
  attempts_ = 0;
  single_until_ = batch_->through;
  for (auto one = batch_->commits.rbegin(); one != batch_->commits.rend(); ++one)
    queue_.push_front({one->address, {one->record.sequence, one->record}});
  batch_.reset();
}

void projection_machine::store_position(projection_effects& out) {
  enter(phase::storing);
  out.emplace_back(projection_effect::store{reached_});
}

std::string_view to_string(projection_machine::phase phase) noexcept {
  using enum projection_machine::phase;
  switch (phase) {
    case loading:
      return "loading";
    case loading_lot:
      return "loading_lot";
    case claiming_lot:
    case claiming:
      return "claiming";
    case reading:
      return "reading";
    case idle:
      return "idle";
    case handling:
      return "handling";
    case storing:
      return "storing";
    case parking:
      return "parking";
    case replay_reading:
      return "replay_reading";
    case replaying:
      return "replaying";
    case backing_off:
      return "backing_off";
    case stopped:
      return "stopped";
  }
  return "unknown";
}

}  // namespace aether
