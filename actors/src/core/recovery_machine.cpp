#include "recovery_machine.hpp"

#include <aether/persistence/history.hpp>

#include <iterator>
#include <string>

namespace aether {

namespace {

template <class Number>
std::string number(Number of) {
  return std::to_string(of.value());
}

/// Whether the commit is the one that the position speaks of, as far as it tells.
bool same(const log_position& known, const recorded_commit& found) {
  return known == found.position() && (known.commit.is_nil() || known.commit == found.commit.id);
}

error other_history(const recorded_commit& found) {
  return {errc::stream_regressed, "the commit at stream sequence " + number(found.sequence) +
                                      " belongs to another history than the snapshot: the stream "
                                      "was restored or made anew; restore it, or remove the "
                                      "actor's snapshot to accept the loss"};
}

/// Takes away what ends with `covered` or before. Versions that are gone come as one stretch, which
/// may begin before and end after it.
void drop_covered(std::vector<recorded_commit>& history, event_version covered) {
  std::erase_if(history, [&](const recorded_commit& one) { return one.commit.last() <= covered; });
  if (history.empty()) return;
  commit& front = history.front().commit;
  if (!front.id.is_nil() || front.first > covered) return;
  const auto known = covered.value() + 1 - front.first.value();
  front.events.erase(front.events.begin(),
                     front.events.begin() + static_cast<std::ptrdiff_t>(known));
  front.first = event_version{covered.value() + 1};
}

}  // namespace

recovery_machine::steps recovery_machine::fail_with(error why) {
  phase_ = phase::failed;
  why_.emplace(std::move(why));
  return {};
}

void recovery_machine::replay_failed(error why) { (void)fail_with(std::move(why)); }

recovery_machine::steps recovery_machine::tail_read(result<std::optional<recorded_commit>> tail) {
  AETHER_ASSERT(phase_ == phase::asking && !tail_known_);
  tail_known_ = true;
  if (tail)
    tail_ = std::move(*tail);
  else
    why_ = std::move(tail).error();
  return snapshot_known_ ? compare() : steps{};
}

recovery_machine::steps recovery_machine::snapshot_read(result<std::optional<snapshot>> usable) {
  AETHER_ASSERT(phase_ == phase::asking && !snapshot_known_);
  snapshot_known_ = true;
  if (usable)
    snapshot_ = std::move(*usable);
  else
    why_ = std::move(usable).error();
  return tail_known_ ? compare() : steps{};
}

recovery_machine::steps recovery_machine::compare() {
  if (why_) return fail_with(std::move(*why_));
  goal_ = tail_ ? tail_->position() : log_position{};
  if (snapshot_) was_stored(snapshot_->position.version);
  if (stored_ > goal_.version) return behind();
  if (snapshot_ && snapshot_->position.version == goal_.version &&
      !same(snapshot_->position, *tail_))
    return explain(other_history(*tail_));
  tail_known_to_be_sound_ = true;
  steps out;
  if (snapshot_) {
    at_ = snapshot_->position;
    restored_ = at_.version;
    restored_at_ = at_.sequence;
    out.emplace_back(restore{std::move(*snapshot_)});
    snapshot_.reset();
  }
  if (tail_) note_end(*tail_);
  if (reached()) {
    phase_ = phase::done;
  } else if (careful_) {
    phase_ = phase::replaying;
    out.emplace_back(read_records{});
  } else if (tail_->surely_follows(at_)) {
    if (take(std::move(*tail_), out)) phase_ = phase::done;
  } else {
    fetched_.push_back(std::move(*tail_));
    fetch_before(fetched_.front(), out);
  }
  return out;
}

void recovery_machine::note_end(const recorded_commit& newest) {
  end_pointers_ = newest.believable_back_pointers();
  end_pointers_.push_back(newest.sequence);
}

/// Asks for what the back-pointers of `newer` name after the snapshot, or for everything in order.
void recovery_machine::fetch_before(const recorded_commit& newer, steps& out) {
  std::vector<stream_sequence> wanted;
  for (const auto pointer : newer.believable_back_pointers())
    if (pointer > at_.sequence) wanted.push_back(pointer);
  if (wanted.empty() || fetches_ == fetches_max) return read_in_order(out);
  ++fetches_;
  phase_ = phase::fetching;
  out.emplace_back(fetch{std::move(wanted)});
}

void recovery_machine::read_in_order(steps& out) {
  fetched_ = {};
  phase_ = phase::replaying;
  out.emplace_back(read{event_version{at_.version.value() + 1}, at_.sequence});
}

bool recovery_machine::joins(const std::vector<recorded_commit>& older) const {
  if (older.empty()) return false;
  const recorded_commit* next = &fetched_.front();
  for (auto it = older.rbegin(); it != older.rend(); ++it) {
    if (!next->surely_follows(it->position())) return false;
    next = &*it;
  }
  return next->commit.first > at_.version;
}

recovery_machine::steps recovery_machine::fetched(result<std::vector<recorded_commit>> commits) {
  AETHER_ASSERT(phase_ == phase::fetching);
  steps out;
  // So many at once may have been too much: in order they come in smaller parts.
  if (!commits || !joins(*commits)) {
    read_in_order(out);
    return out;
  }
  std::move(fetched_.begin(), fetched_.end(), std::back_inserter(*commits));
  fetched_ = std::move(*commits);
  if (!fetched_.front().surely_follows(at_)) {
    fetch_before(fetched_.front(), out);
    return out;
  }
  for (auto& next : fetched_)
    if (!take(std::move(next), out)) return out;
  fetched_ = {};
  phase_ = phase::done;
  return out;
}

recovery_machine::steps recovery_machine::records_read(
    result<std::vector<history_record>> records) {
  AETHER_ASSERT(phase_ == phase::replaying);
  auto all = records ? repaired(std::move(*records)) : std::unexpected(std::move(records).error());
  if (!all) return fail_with(std::move(all).error());
  drop_covered(*all, at_.version);
  steps out;
  for (auto& next : *all)
    if (!take(std::move(next), out)) return out;
  if (!reached()) return fail_with(stale());
  phase_ = phase::done;
  return out;
}

bool recovery_machine::reached() const noexcept {
  return at_.version >= goal_.version && at_.sequence >= goal_.sequence;
}

std::vector<stream_sequence> recovery_machine::back_pointers() const {
  AETHER_ASSERT(phase_ == phase::done);
  return end_pointers_;
}

error recovery_machine::stale() const {
  return {errc::unavailable, "the history read ends at version " + number(at_.version) +
                                 " but the log has version " + number(goal_.version) +
                                 " at stream sequence " + number(goal_.sequence) +
                                 ": a replica lags behind"};
}

/// Where something lies after the snapshot all the same, it is that which is wrong perhaps: the
/// history is read, and not replayed, to find its place.
recovery_machine::steps recovery_machine::explain(error why) {
  if (careful_ || !tail_ || !snapshot_ || tail_->sequence <= snapshot_->position.sequence)
    return fail_with(std::move(why));
  why_ = std::move(why);
  phase_ = phase::replaying;
  steps out;
  read_in_order(out);
  return out;
}

recovery_machine::steps recovery_machine::explain_page(const std::vector<recorded_commit>& page) {
  for (const auto& next : page) {
    if (auto wrong = misfit(next)) return fail_with(std::move(*wrong));
    at_ = next.position();
  }
  if (page.empty() || reached()) return fail_with(std::move(*why_));
  steps out;
  read_in_order(out);
  return out;
}

recovery_machine::steps recovery_machine::behind() {
  if (tail_asked_again_)
    return explain(
        {errc::stream_regressed, "the log ends at version " + number(goal_.version) +
                                     " but version " + number(stored_) +
                                     " was stored: the stream lost its end; restore it, or "
                                     "remove the actor's snapshot to accept the loss"});
  tail_asked_again_ = true;
  tail_known_ = false;
  tail_.reset();
  steps out;
  out.emplace_back(read_tail{});
  return out;
}

/// Why it cannot follow what was read.
std::optional<error> recovery_machine::misfit(const recorded_commit& next) const {
  if (next.commit.first.value() != at_.version.value() + 1)
    return error{errc::corrupt_history, "version " + std::to_string(at_.version.value() + 1) +
                                            " is missing: the commit at stream sequence " +
                                            number(next.sequence) + " begins with version " +
                                            number(next.commit.first)};
  if (!next.follows(at_)) return other_history(next);
  return std::nullopt;
}

bool recovery_machine::take(recorded_commit next, steps& out) {
  if (auto wrong = misfit(next)) {
    out = fail_with(std::move(*wrong));
    return false;
  }
  at_ = next.position();
  if (at_.sequence > goal_.sequence) note_end(next);
  out.emplace_back(replay{std::move(next.commit)});
  return true;
}

recovery_machine::steps recovery_machine::page_read(result<std::vector<recorded_commit>> page) {
  AETHER_ASSERT(phase_ == phase::replaying);
  if (!page) return fail_with(std::move(page).error());
  if (why_) return explain_page(*page);
  const bool nothing_left = page->empty();
  steps out;
  for (auto& next : *page)
    if (!take(std::move(next), out)) return out;
  if (reached()) {
    phase_ = phase::done;
  } else if (nothing_left) {
    return fail_with(stale());
  } else {
    out.emplace_back(read{event_version{at_.version.value() + 1}, at_.sequence});
  }
  return out;
}

}  // namespace aether
