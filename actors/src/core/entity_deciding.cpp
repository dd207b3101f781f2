// How commands become one commit, and what becomes of them when it does not get stored.

#include "entity.hpp"

#include <algorithm>
#include <iterator>
#include <string>

namespace aether {

namespace {

/// What a commit's frame and one entry in it cost at most, besides names and payloads.
constexpr std::size_t frame_bytes = 4'096;
constexpr std::size_t entry_bytes = 48;
/// A queue that has grown beyond so many places gives them back when it runs empty.
constexpr std::size_t idle_capacity_max = 8;

}  // namespace

void entity::hold(envelope& command, result<any_reply> answer, bool persists) {
  batch_.push_back({std::move(command), std::move(answer), persists});
}

void entity::decide_waiting(time_point now, entity_effects& out) {
  while (phase_ == phase::ready && !waiting_.empty()) {
    AETHER_ASSERT(batch_.empty());
    batch_.reserve(batch_room());
    std::size_t taken = 0;
    while (!broken_ && taken < waiting_.size() && batch_.size() < batch_max_ &&
           decide_next(waiting_[taken], now))
      ++taken;
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(taken));
    if (broken_) return start_over(out);
    close_batch(out);
  }
  if (waiting_.empty() && waiting_.capacity() > idle_capacity_max) waiting_.shrink_to_fit();
  if (batch_.empty() && batch_.capacity() > idle_capacity_max) batch_.shrink_to_fit();
}

std::size_t entity::batch_room() const noexcept { return std::min(waiting_.size(), batch_max_); }

void entity::start_over(entity_effects& out) {
  decided culprit = std::move(batch_.back());
  batch_.pop_back();
  out.emplace_back(
      entity_effect::answer{std::move(culprit.command.answer), std::move(culprit.answer)});
  next_.reset();
  next_bytes_ = 0;
  return_batch_to_waiting(true);
  begin_recovery(out);
}

bool entity::decide_next(envelope& command, time_point now) {
  if (command.deadline <= now) {
    hold(command, fail(errc::unavailable, "its deadline passed before it was decided"));
    return true;
  }
  if (const bytes* known = window_.find(command.id)) {
    hold(command, any_reply{*known});
    return true;
  }
  if (command.repeated && window_.possibly_forgotten(command.id)) {
    hold(command, fail(errc::outcome_unknown,
                       "sent again so late that its first answer may have been forgotten"));
    return true;
  }
  return decide_guarded(command);
}

bool entity::decide_guarded(envelope& command) {
  std::string what;
  try {
    return decide_fresh(command);
  } catch (const std::exception& thrown) {
    what = std::string{"encoding an event or a reply threw: "} + thrown.what();
  } catch (...) {
    what = "encoding an event or a reply threw";
  }
  broken_ = true;
  hold(command, fail(errc::handler_failed, std::move(what)));
  return true;
}

bool entity::decide_fresh(envelope& command) {
  auto made = actor_->decide(command.command);
  if (!made || made->rejection) {
    hold(command, std::unexpected(made ? std::move(*made->rejection) : std::move(made).error()));
    return true;
  }
  if (!made->events.empty()) return persist(command, std::move(*made));
  hold(command, reply_now(*made));
  return true;
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
  next_ = std::make_unique<commit>();
  next_->first = event_version{stored_.version.value() + 1};
  next_->correlation = first.correlation;
  next_->back_pointers = trail_.list();
  next_->commands.reserve(batch_room());
  next_->events.reserve(batch_room());
}

std::size_t entity::add_events(const detail::decision& made) {
  std::size_t size = entry_bytes;
  for (const auto& next : made.events) {
    auto& record = next_->events.emplace_back(std::string{next.event.type().wire_name}, bytes{});
    next.event.encode_to(record.data);
    size += record.type.size() + record.data.size() + entry_bytes;
  }
  return size;
}

bool entity::persist(envelope& command, detail::decision made) {
  if (!next_) begin_commit(command);
  const std::size_t before = next_->events.size();
  const std::size_t size = add_events(made);
  if (next_->events.size() > commit_events_max ||
      next_bytes_ + size + frame_bytes > commit_bytes_max) {
    next_->events.resize(before);
    if (before > 0) return false;
    next_.reset();
    hold(command, fail(errc::commit_too_large,
                       std::to_string(made.events.size()) + " events of " + std::to_string(size) +
                           " bytes; a commit holds " + std::to_string(commit_events_max) +
                           " events and " + std::to_string(commit_bytes_max) + " bytes"));
    return true;
  }
  auto reply = apply(made) ? reply_now(made)
                           : fail(errc::handler_failed, "apply threw on an event not yet stored");
  if (reply) {
    next_bytes_ += size;
    add_to_commit(command, std::move(*reply), made.events.size());
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

void entity::add_to_commit(envelope& command, any_reply reply, std::size_t events) {
  command_record record{command.id, static_cast<std::uint32_t>(events), {}, {}};
  if (const auto* typed = std::get_if<any_message>(&reply)) {
    record.reply_type = typed->type().wire_name;
    typed->encode_to(record.reply);
  }
  next_bytes_ += record.reply_type.size() + record.reply.size();
  window_.remember(command.id, record.reply);
  next_->commands.push_back(std::move(record));
  hold(command, std::move(reply), true);
}

void entity::close_batch(entity_effects& out) {
  next_bytes_ = 0;
  if (!next_) return release_answers(out);
  enter(phase::appending);
  out.emplace_back(entity_effect::append{stored_, std::move(*next_)});
  next_.reset();
}

void entity::release_answers(entity_effects& out) {
  for (auto& done : batch_)
    out.emplace_back(entity_effect::answer{std::move(done.command.answer), std::move(done.answer)});
  batch_.clear();
}

void entity::appended(result<log_position> outcome, time_point now, entity_effects& out) {
  AETHER_ASSERT(phase_ == phase::appending);
  if (!outcome) return not_stored(outcome.error(), out);
  stored_ = *outcome;
  known_ = stored_.version;
  trail_.push(stored_.sequence);
  conflicts_ = 0;
  batch_max_ = std::min(commit_commands_max, batch_max_ * 2);
  release_answers(out);
  enter(phase::ready);
  if (forced_) return leave(out);
  snapshot_if_due(out);
  decide_waiting(now, out);
}

void entity::not_stored(const error& why, entity_effects& out) {
  const bool conflict = why.code() == errc::version_conflict;
  if (conflict) out.emplace_back(entity_effect::report{"append_conflict", why.message()});
  if (conflict && forced_) {
    settle_batch({errc::not_owner, "another owner went on with the actor"}, out);
  } else if (conflict && ++conflicts_ >= conflicts_max) {
    conflicts_ = 0;
    settle_batch({errc::unavailable, "another writer keeps coming first"}, out);
  } else if (conflict || (why.code() == errc::commit_too_large && shrink_batches())) {
    return_batch_to_waiting(true);
  } else {
    settle_batch(why, out);
  }
  loaded_ = false;
  if (forced_) return leave(out);
  begin_recovery(out);
}

bool entity::shrink_batches() {
  if (std::ranges::count_if(batch_, &decided::persists) < 2) return false;
  batch_max_ = batch_.size() / 2;
  return true;
}

void entity::return_batch_to_waiting(bool persisting_too) {
  std::vector<envelope> again;
  for (auto& done : batch_)
    if (persisting_too || !done.persists) again.push_back(std::move(done.command));
  std::move(waiting_.begin(), waiting_.end(), std::back_inserter(again));
  waiting_ = std::move(again);
  batch_.clear();
}

void entity::settle_batch(const error& why, entity_effects& out) {
  for (auto& done : batch_)
    if (done.persists)
      out.emplace_back(entity_effect::answer{std::move(done.command.answer), std::unexpected(why)});
  return_batch_to_waiting(false);
}

}  // namespace aether
