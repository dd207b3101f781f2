// How commands become one commit.

#include "entity.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

namespace aether {

namespace {

/// What a commit's frame and one entry in it cost at most, besides names and payloads.
constexpr std::size_t frame_bytes = 4'096;
constexpr std::size_t entry_bytes = 48;

/// A queue that has grown beyond so many places gives them back when it runs empty.
constexpr std::size_t idle_capacity_max = 8;

}  // namespace

entity::decided& entity::hold(envelope& command, result<any_reply> answer) {
  return batch_.emplace_back(std::move(command), std::move(answer));
}

bool entity::takes_more() const noexcept {
  const bool ends_here = broken_ || crash_ || stopping_ || (!batch_.empty() && batch_.back().stops);
  return !ends_here && batch_.size() < batch_max_;
}

void entity::decide_waiting(instant now, entity_effects& out) {
  while (phase_ == phase::ready && !waiting_.empty()) {
    AETHER_ASSERT(batch_.empty());
    batch_.reserve(batch_room());
    std::size_t taken = 0;
    while (taken < waiting_.size() && takes_more() && decide_next(waiting_[taken], now, out)) {
      ++taken;
      // What was decided on nothing but stored events need not wait for those that follow.
      if (!draft_ && !broken_ && !unproven_) release_answers(now, out);
    }
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(taken));
    if (broken_) return start_over(now, out);
    close_batch(now, out);
  }
  if (waiting_.empty() && waiting_.capacity() > idle_capacity_max) waiting_.shrink_to_fit();
  if (batch_.empty() && batch_.capacity() > idle_capacity_max) batch_.shrink_to_fit();
  if (draining_ && phase_ == phase::ready) leave(out);
}

std::size_t entity::batch_room() const noexcept {
  return std::min<std::size_t>(waiting_.size(), batch_max_);
}

void entity::start_over(instant now, entity_effects& out) {
  decided culprit = std::move(batch_.back());
  batch_.pop_back();
  const error why = culprit.answer.error();
  out.emplace_back(entity_effect::answer{std::move(culprit.command), std::move(culprit.answer)});
  draft_.reset();
  return_batch_to_waiting();
  restart(why, now, out);
}

bool entity::decide_next(envelope& command, instant now, entity_effects& out) {
  now.renew();  // those before it may have taken their time
  if (command.deadline <= now.steady) {
    out.emplace_back(entity_effect::answer{
        std::move(command), fail(errc::unavailable, "its deadline passed before it was decided"),
        true});
    return true;
  }
  if (!traits_.read_only.empty() && traits_.only_reads(command.command)) {
    if (command.stale_read || is_sure(now)) {
      answer_look(std::move(command), now, out);
    } else {
      auto seen = look(command, now);
      hold(command, std::move(seen));
      mark_unproven(now);
    }
    return true;
  }
  if (recall(command, now)) return true;
  if (command.answer && !serves(now)) {
    // Not "nothing": that other one may have a copy.
    hold(command, fail(errc::outcome_unknown, replaced_unheard));
    return true;
  }
  if (!decide_guarded(command, now)) return false;
  mark_unproven(now);
  return true;
}

bool entity::recall(envelope& command, instant now) {
  if (const bytes* known = window_.find(command.id)) {
    hold(command, any_reply{*known}).recalled = true;
    return true;
  }
  if (command.repeated && window_.possibly_forgotten(command.id)) {
    hold(command, fail(errc::outcome_unknown,
                       "sent again so late that its first answer may have been forgotten"));
    return true;
  }
  const error* told = rejected_ ? rejected_->find(command, now.steady) : nullptr;
  if (told == nullptr) return false;
  hold(command, std::unexpected(*told));
  return true;
}

void entity::hold_rejection(envelope& command, error why, instant now) {
  if (command.answer) {
    if (!rejected_) rejected_ = std::make_unique<rejections>();
    rejected_->remember(command, why, now.steady);
  }
  hold(command, std::unexpected(std::move(why)));
}

void entity::forget_rejection(const decided& done) noexcept {
  if (rejected_ && !done.answer && done.answer.error().code() == errc::rejected)
    rejected_->forget(done.command.id);
}

bool entity::is_sure(instant now) const noexcept {
  return now.steady < now.contact.until && proven_ >= now.contact.since;
}

bool entity::serves(instant now) const noexcept {
  if (forced_ && !now.contact.is_for_good()) return false;
  return now.steady < std::max(now.contact.until, now.contact.serves_until);
}

void entity::mark_unproven(instant now) noexcept {
  if (batch_.back().persists || is_sure(now)) return;
  batch_.back().unproven = true;
  unproven_ = true;
}

bool entity::decide_guarded(envelope& command, instant now) {
  std::string what;
  try {
    return decide_fresh(command, now);
  } catch (const std::exception& thrown) {
    what = std::string{"encoding an event or a reply threw: "} + thrown.what();
  } catch (...) {
    what = "encoding an event or a reply threw";
  }
  broken_ = true;
  hold(command, fail(errc::handler_failed, std::move(what)));
  return true;
}

bool entity::decide_fresh(envelope& command, instant now) {
  const event_version seen = tentative_version();
  auto made = actor_->decide(command.command, command_context{self_, facts_of(command, seen, now)});
  if (!made) {
    const bool threw = made.error().code() == errc::handler_failed;
    if (threw && traits_.on_failure == failure_policy::restart)
      crash_ = std::make_unique<error>(made.error());
    hold(command, std::unexpected(std::move(made).error()));
    return true;
  }
  if (made->rejection) {
    hold_rejection(command, std::move(*made->rejection), now);
    return true;
  }
  if (made->defers && may_defer()) {
    hold(command, any_reply{}).defers = true;  // which keeps its place until the batch is stored
    return true;
  }
  if (made->defers) {
    hold(command,
         fail(errc::overloaded, "the actor has put off " + std::to_string(traits_.deferred_max) +
                                    " commands already"));
    return true;
  }
  if (!made->events.empty()) return persist(command, std::move(*made));
  auto& held = hold(command, reply_now(*made));
  if (!held.answer) return true;
  held.stops = made->stops;
  held.after = std::move(made->after);
  held.version = seen;
  return true;
}

bool entity::may_look(const envelope& command, instant now) const noexcept {
  const bool may = phase_ == phase::appending ? command.stale_read || is_sure(now)
                                              : phase_ == phase::confirming && command.stale_read;
  return may && traits_.only_reads(command.command);
}

void entity::answer_look(envelope&& command, instant now, entity_effects& out) {
  if (command.deadline <= now.steady) {
    out.emplace_back(entity_effect::answer{
        std::move(command), fail(errc::unavailable, "its deadline passed before it was decided"),
        true});
    return;
  }
  auto seen = look(command, now);
  out.emplace_back(entity_effect::answer{std::move(command), std::move(seen)});
}

result<any_reply> entity::look(const envelope& command, instant now) {
  const command_context context{self_, facts_of(command, stored_.version, now)};
  auto seen = actor_->look(command.command, context);
  if (!seen && seen.error().code() == errc::handler_failed &&
      traits_.on_failure == failure_policy::restart)
    crash_ = std::make_unique<error>(seen.error());
  if (!seen) return std::unexpected(std::move(seen).error());
  any_reply made{std::move(*seen)};
  made.mark = {stored_.version, stored_.sequence};
  return made;
}

bool entity::may_defer() const noexcept {
  const auto now = static_cast<std::size_t>(std::ranges::count_if(batch_, &decided::defers));
  return now + (deferred_ ? deferred_->size() : 0) < traits_.deferred_max;
}

void entity::defer(envelope command, entity_effects& out) {
  if (!deferred_) deferred_ = std::make_unique<std::vector<envelope>>();
  if (command.deadline < expiry_) {
    expiry_ = command.deadline;
    out.emplace_back(entity_effect::expire_at{expiry_});
  }
  deferred_->push_back(std::move(command));
}

void entity::take_up_deferred() {
  if (!deferred_) return;
  auto all = std::move(*deferred_);
  deferred_.reset();
  std::move(waiting_.begin(), waiting_.end(), std::back_inserter(all));
  waiting_ = std::move(all);
}

command_context::facts entity::facts_of(const envelope& command, event_version version,
                                        instant now) const {
  return {version, command.id, command.correlation, command.sender, now.wall};
}

event_version entity::tentative_version() const noexcept {
  return event_version{stored_.version.value() + (draft_ ? draft_->next.events.size() : 0)};
}

result<any_reply> entity::reply_now(detail::decision& made) {
  if (!made.reply) return any_reply{};
  try {
    return any_reply{made.reply(actor_->state())};
  } catch (const std::exception& thrown) {
    return fail(errc::handler_failed, std::string{"making the reply threw: "} + thrown.what());
  } catch (...) {
    return fail(errc::handler_failed, "making the reply threw");
  }
}

void entity::begin_commit(const envelope& first) {
  actor_->begin_tentative();
  draft_ = std::make_unique<draft>();
  commit& next = draft_->next;
  next.first = event_version{stored_.version.value() + 1};
  next.correlation = first.correlation;
  next.back_pointers = trail_.list();
  next.commands.reserve(batch_room());
  next.events.reserve(batch_room());
}

std::size_t entity::add_events(const detail::decision& made) {
  std::size_t size = entry_bytes;
  for (const auto& next : made.events) {
    auto& record =
        draft_->next.events.emplace_back(std::string{next.event.type().wire_name}, bytes{});
    next.event.encode_to(record.data);
    size += record.type.size() + record.data.size() + entry_bytes;
  }
  return size;
}

bool entity::persist(envelope& command, detail::decision made) {
  if (!draft_) begin_commit(command);
  auto& events = draft_->next.events;
  const std::size_t before = events.size();
  const std::size_t size = add_events(made);
  if (events.size() > commit_events_max || draft_->bytes + size + frame_bytes > commit_bytes_max) {
    events.resize(before);
    if (before > 0) return false;
    draft_.reset();
    hold(command, fail(errc::commit_too_large,
                       std::to_string(made.events.size()) + " events of " + std::to_string(size) +
                           " bytes; a commit holds " + std::to_string(commit_events_max) +
                           " events and " + std::to_string(commit_bytes_max) + " bytes"));
    return true;
  }
  auto reply = apply(made) ? reply_now(made)
                           : fail(errc::handler_failed, "apply threw on an event not yet stored");
  if (reply) {
    draft_->bytes += size;
    add_to_commit(command, std::move(*reply), made);
  } else {
    broken_ = true;
    hold(command, std::move(reply));
  }
  return true;
}

bool entity::apply(detail::decision& made) {
  try {
    for (const auto& next : made.events) next.apply(actor_->state(), next.event.object());
    return true;
  } catch (...) {
    return false;
  }
}

void entity::add_to_commit(envelope& command, any_reply reply, detail::decision& made) {
  command_record record{command.id, static_cast<std::uint32_t>(made.events.size()), {}, {}};
  if (const auto* typed = std::get_if<any_message>(&reply)) {
    record.reply_type = typed->type().wire_name;
    typed->encode_to(record.reply);
  }
  draft_->bytes += record.reply_type.size() + record.reply.size();
  window_.remember(command.id, record.reply);
  draft_->next.commands.push_back(std::move(record));
  auto& held = hold(command, std::move(reply));
  held.persists = true;
  held.stops = made.stops;
  held.after = std::move(made.after);
  held.version = tentative_version();
}

}  // namespace aether
