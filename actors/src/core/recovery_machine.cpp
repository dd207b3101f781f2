#include "recovery_machine.hpp"

#include <string>

namespace aether {

namespace {

std::string number(event_version version) { return std::to_string(version.value()); }

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
  goal_ = tail_ ? tail_->commit.last() : event_version{};
  if (snapshot_) was_stored(snapshot_->position.version);
  if (stored_ > goal_) return behind();
  steps out;
  if (snapshot_) {
    at_ = snapshot_->position;
    restored_ = at_.version;
    out.emplace_back(restore{std::move(*snapshot_)});
    snapshot_.reset();
  }
  if (at_.version == goal_) {
    phase_ = phase::done;
  } else if (tail_->commit.first.value() == at_.version.value() + 1) {
    take(std::move(*tail_), out);
    phase_ = phase::done;
  } else {
    phase_ = phase::replaying;
    out.emplace_back(read{event_version{at_.version.value() + 1}, at_.sequence});
  }
  return out;
}

recovery_machine::steps recovery_machine::behind() {
  if (tail_asked_again_)
    return fail_with(
        {errc::stream_regressed, "the log ends at version " + number(goal_) + " but version " +
                                     number(stored_) +
                                     " was stored: the stream lost its end; restore it, or "
                                     "remove the actor's snapshot to accept the loss"});
  tail_asked_again_ = true;
  tail_known_ = false;
  tail_.reset();
  steps out;
  out.emplace_back(read_tail{});
  return out;
}

bool recovery_machine::take(recorded_commit next, steps& out) {
  if (next.commit.first.value() != at_.version.value() + 1) {
    out =
        fail_with({errc::corrupt_history, "version " + std::to_string(at_.version.value() + 1) +
                                              " is missing: the commit at stream sequence " +
                                              std::to_string(next.sequence.value()) +
                                              " begins with version " + number(next.commit.first)});
    return false;
  }
  at_ = next.position();
  out.emplace_back(replay{std::move(next.commit)});
  return true;
}

recovery_machine::steps recovery_machine::page_read(result<std::vector<recorded_commit>> page) {
  AETHER_ASSERT(phase_ == phase::replaying);
  if (!page) return fail_with(std::move(page).error());
  const bool last = page->size() < page_commits;
  steps out;
  for (auto& next : *page)
    if (!take(std::move(next), out)) return out;
  if (at_.version >= goal_) {
    phase_ = phase::done;
  } else if (last) {
    return fail_with({errc::unavailable, "the history read ends at version " + number(at_.version) +
                                             " but the log has version " + number(goal_) +
                                             ": a replica lags behind"});
  } else {
    out.emplace_back(read{event_version{at_.version.value() + 1}, at_.sequence});
  }
  return out;
}

}  // namespace aether
