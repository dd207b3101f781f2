// What a projection could not handle: how it is parked, and handled again.

#include "projection_machine.hpp"

#include <optional>
#include <string>
#include <utility>

namespace aether {

bool projection_machine::lot_is_full() const noexcept { return lot_.size() >= options_.parked_max; }

/// Nothing is lost to make room: it stands still until some are replayed or discarded.
void projection_machine::wait_for_room(instant now, projection_effects& out) {
  back_off(resume::lot,
           {errc::overloaded, to_string(key_) + ": " + std::to_string(lot_.size()) +
                                  " commits are parked, as many as there may be: replay them, or "
                                  "discard them"},
           now, out);
}

/// The next commit cannot even be read.
void projection_machine::park_front(instant now, projection_effects& out) {
  if (lot_is_full()) return wait_for_room(now, out);
  auto front = std::move(queue_.front());
  queue_.pop_front();
  const auto& why = front.record.found.error();
  projection_position reached{front.record.sequence, {}, position_.revision};
  park({.partition = key_.partition,
        .sequence = front.record.sequence,
        .address = std::move(front.address),
        .code = why.code(),
        .reason = why.text(),
        .at = now.wall,
        .whole_actor = options_.on_poison == poison_policy::park_actor},
       reached, out);
}

void projection_machine::park_batch(const error& why, instant now, projection_effects& out) {
  if (lot_is_full()) {
    split();
    return wait_for_room(now, out);
  }
  const auto& one = batch_->commits.front();
  const auto reached = batch_->through;
  parked_commit entry{.partition = key_.partition,
                      .sequence = one.record.sequence,
                      .first = one.record.commit.first,
                      .last = one.record.commit.last(),
                      .address = one.address,
                      .code = why.code(),
                      .reason = why.text(),
                      .at = now.wall,
                      .whole_actor = options_.on_poison == poison_policy::park_actor};
  attempts_ = 0;
  batch_.reset();
  park(std::move(entry), reached, out);
}

void projection_machine::park(parked_commit entry, projection_position reached,
                              projection_effects& out) {
  ++numbers_.parked;
  out.emplace_back(projection_effect::report{
      "commit_parked", to_string(entry.address) + " at " + std::to_string(entry.sequence.value()) +
                           ": " + entry.reason});
  reached_ = reached;
  next_lot_ = lot_;
  next_lot_.add(std::move(entry));
  store_lot(out);
}

void projection_machine::store_lot(projection_effects& out) {
  enter(phase::parking);
  out.emplace_back(projection_effect::store_lot{next_lot_, lot_revision_});
}

void projection_machine::lot_stored(result<std::uint64_t> revision, instant now,
                                    projection_effects& out) {
  if (phase_ != phase::parking && phase_ != phase::claiming_lot) return;
  if (!revision) return back_off(resume::load, revision.error(), now, out);
  lot_ = std::move(next_lot_);
  lot_revision_ = *revision;
  if (phase_ == phase::claiming_lot) return lot_claimed(now, out);
  well();
  if (reached_.sequence > position_.sequence) return store_position(out);
  go_on(now, out);
}

// Replaying

/// What was read meanwhile was passed over, or not, as what is parked said before.
void projection_machine::begin_replay(const parked_commit& entry, projection_effects& out) {
  forget_read();
  replayed_ = entry;
  past_.clear();
  const bool passes = entry.wish == parked_wish::discard;
  if (passes && !entry.whole_actor) return settle_entry(std::nullopt, out);
  replay_after_ = passes ? entry.sequence : stream_sequence{entry.sequence.value() - 1};
  const auto next =
      passes && entry.last.value() != 0 ? entry.last.value() + 1 : entry.first.value();
  replay_from_ = event_version{next};
  want_past(out);
}

void projection_machine::want_past(projection_effects& out) {
  enter(phase::replay_reading);
  out.emplace_back(
      projection_effect::read_past{*replayed_, replay_after_, replay_from_, ++past_round_});
}

void projection_machine::past_read(std::uint64_t round, result<std::vector<history_record>> records,
                                   instant now, projection_effects& out) {
  if (phase_ != phase::replay_reading || round != past_round_) return;
  if (!records && passes_by_itself(records.error()))
    return back_off(resume::past, records.error(), now, out);
  if (!records) return replay_failed(records.error(), out);
  for (auto& one : *records)
    if (one.sequence > replay_after_ && one.sequence <= position_.sequence)
      past_.push_back(std::move(one));
  if (!past_.empty()) return replay_next(out);
  if (replayed_->whole_actor) return settle_entry(std::nullopt, out);
  replay_failed({errc::corrupt_history, "its record cannot be read"}, out);
}

void projection_machine::replay_next(projection_effects& out) {
  auto& next = past_.front();
  if (!next.found) return replay_failed(error{next.found.error()}, out);
  auto made =
      std::make_shared<projection_batch>(projection_batch{key_, {}, position_, position_, true});
  made->commits.push_back({replayed_->address, *next.found});
  batch_ = std::move(made);
  handle_batch(out);
}

void projection_machine::replay_handled(const result<void>& outcome, instant now,
                                        projection_effects& out) {
  if (stopping_ && (!outcome || replayed_->whole_actor)) return void(stop_now(out));
  if (!outcome && position_in_doubt(outcome.error()))
    return back_off(resume::load, outcome.error(), now, out);
  if (!outcome && passes_by_itself(outcome.error()))
    return back_off(resume::handle, outcome.error(), now, out);
  batch_.reset();
  if (!outcome) return replay_failed(outcome.error(), out);
  ++numbers_.replayed;
  well();
  if (!replayed_->whole_actor) return settle_entry(std::nullopt, out);
  replay_after_ = past_.front().sequence;
  replay_from_ = event_version{past_.front().found->commit.last().value() + 1};
  past_.pop_front();
  if (past_.empty()) return want_past(out);
  replay_next(out);
}

/// It stays parked, from the commit on that failed now.
void projection_machine::replay_failed(const error& why, projection_effects& out) {
  auto left = *replayed_;
  if (!past_.empty()) {
    const auto& failed = past_.front();
    left.sequence = failed.sequence;
    left.first = failed.found ? failed.found->commit.first : event_version{};
    left.last = failed.found ? failed.found->commit.last() : event_version{};
  }
  left.wish = parked_wish::none;
  left.code = why.code();
  left.reason = why.text();
  ++left.replays;
  settle_entry(std::move(left), out);
}

void projection_machine::settle_entry(std::optional<parked_commit> left, projection_effects& out) {
  next_lot_ = lot_;
  next_lot_.remove(replayed_->sequence);
  if (left) next_lot_.add(std::move(*left));
  replayed_.reset();
  past_.clear();
  store_lot(out);
}

}  // namespace aether
