#include "durable_worker.hpp"

#include <aether/actors/dead_letters.hpp>
#include <aether/runtime/log.hpp>

#include <optional>
#include <utility>

namespace aether::cluster {

namespace {

using verdict = durable_pump::verdict;

std::chrono::steady_clock::time_point now() { return std::chrono::steady_clock::now(); }

verdict verdict_of(const result<any_reply>& answer) {
  if (answer) return verdict::done;
  switch (answer.error().code()) {
    case errc::rejected:
      return verdict::done;
    case errc::outcome_unknown:
    case errc::timed_out:
      return verdict::unknown;
    case errc::quarantined:
    case errc::not_permitted:
      return verdict::unwell;
    case errc::unavailable:
    case errc::overloaded:
    case errc::not_owner:
    case errc::not_running:
    case errc::version_conflict:
    case errc::store_failed:
    case errc::stream_regressed:
      return verdict::again;
    default:
      return verdict::failed;
  }
}

}  // namespace

/// Feeds the machine and carries out what it wants, outside the lock.
template <class Input>
void durable_worker::step(Input input) {
  durable_pump::effects wanted;
  {
    const std::lock_guard lock{mutex_};
    wanted = input(pump_);
  }
  carry_out(std::move(wanted));
}

void durable_worker::start() { open(true); }

void durable_worker::stop() {
  {
    const std::lock_guard lock{mutex_};
    if (std::exchange(stopped_, true)) return;
    pump_.stop();
  }
  parts_.queue->close(true);
}

durable_worker::numbers durable_worker::stats() const {
  const std::lock_guard lock{mutex_};
  return {held_.size(), decided_, parked_};
}

void durable_worker::open(bool anew) {
  {
    const std::lock_guard lock{mutex_};
    if (stopped_) return;
  }
  const std::weak_ptr weak{weak_from_this()};
  durable_queue::handlers handlers;
  handlers.delivered = [weak](stored_command command) {
    if (const auto self = weak.lock()) self->delivered(std::move(command));
  };
  handlers.pull_ended = [weak] {
    if (const auto self = weak.lock())
      self->step([](durable_pump& pump) { return pump.pull_ended(now()); });
  };
  handlers.lost = [weak](const error& why) {
    if (const auto self = weak.lock()) self->lost(why);
  };
  parts_.queue->open(anew, std::move(handlers), [weak](result<durable_queue::opening> how) {
    if (const auto self = weak.lock()) self->opened(std::move(how));
  });
}

void durable_worker::opened(result<durable_queue::opening> how) {
  if (!how) {
    log::debug("durable", "not_opened", {{"queue", how_.name}, {"why", how.error().message()}});
    return open_later();
  }
  step([&](durable_pump& pump) -> durable_pump::effects {
    if (stopped_) return {};
    mark_ = std::max(how->mark, seen_);
    takeovers_ = ever_open_ ? 0 : how->takeovers;
    first_ = how->first;
    ever_open_ = true;
    return pump.start(how->mark, takeovers_ > how_.pump.deliveries_max, now());
  });
}

void durable_worker::lost(const error& why) {
  log::info("durable", "lost", {{"queue", how_.name}, {"why", why.message()}});
  open_later();
}

void durable_worker::open_later() {
  parts_.clock->after(how_.reopen, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    bool anew = false;
    {
      const std::lock_guard lock{self->mutex_};
      if (self->stopped_) return;
      anew = !self->ever_open_;
    }
    self->open(anew);
  });
}

void durable_worker::delivered(stored_command command) {
  const auto which = command.sequence;
  bool hopeless = false, regressed = false;
  step([&](durable_pump& pump) {
    // Of one that is held only the way back is new; and others may have had it meanwhile.
    if (const auto known = held_.find(which.value()); known != held_.end()) {
      auto& same = *known->second;
      regressed = same.command.id != command.id || same.command.to != command.to;
      same.uncertain = true;
      if (!regressed) same.command.ack_to = command.ack_to;
      return durable_pump::effects{};
    }
    if (stopped_) return durable_pump::effects{};
    if (which <= mark_) command.repeated = true;
    seen_ = std::max(seen_, which);
    const auto to = command.to;
    held_.emplace(which.value(), std::make_shared<held>(std::move(command), now()));
    hopeless = std::exchange(takeovers_, 0) > 2 * how_.pump.deliveries_max;
    if (hopeless)
      return pump.refuse(
          which, to,
          error{errc::handler_failed,
                "each node that took the queue over went down before this command was decided"});
    return pump.delivered(which, to, now());
  });
  if (regressed) start_anew();
}

/// The server has another command where one is held: its stream lost its end, or was made anew.
void durable_worker::start_anew() {
  log::error("durable", "stream_regressed",
             {{"queue", how_.name}, {"held", stats().held}, {"what", "begins anew"}});
  std::unordered_map<std::uint64_t, held_ptr> gone;
  {
    const std::lock_guard lock{mutex_};
    gone.swap(held_);
    if (stopped_) return;
    pump_ = durable_pump{how_.pump};
    mark_ = seen_ = {};
  }
  parts_.queue->close(false);
  open_later();
}

durable_worker::held_ptr durable_worker::find(stream_sequence which) const {
  const std::lock_guard lock{mutex_};
  const auto found = held_.find(which.value());
  return found == held_.end() ? nullptr : found->second;
}

void durable_worker::carry_out(durable_pump::effects effects) {
  for (auto& one : effects) {
    if (const auto* what = std::get_if<durable_pump::ask>(&one)) {
      ask(*what);
    } else if (const auto* done = std::get_if<durable_pump::acknowledge>(&one)) {
      acknowledge(done->which);
    } else if (auto* aside = std::get_if<durable_pump::park>(&one)) {
      park(std::move(*aside));
    } else if (const auto* more = std::get_if<durable_pump::pull>(&one)) {
      parts_.queue->pull(more->count);
    } else if (const auto* ahead = std::get_if<durable_pump::reserve>(&one)) {
      reserve(ahead->mark);
    } else if (const auto* later = std::get_if<durable_pump::wake>(&one)) {
      parts_.clock->at(later->at, [weak = weak_from_this()] {
        if (const auto self = weak.lock())
          self->step([](durable_pump& pump) { return pump.tick(now()); });
      });
    }
  }
}

/// Where the actor's type is not hosted, the command is passed on as it is.
result<any_message> durable_worker::decode(const stored_command& command) const {
  const auto* traits = parts_.find(command.to.type);
  if (traits == nullptr) return any_message::encoded(command.command, command.payload);
  const auto* type = traits->find_command(command.command);
  if (type == nullptr)
    return fail(errc::unknown_message, "actor type '" + command.to.type.str() +
                                           "' has no command '" + command.command + "'");
  return type->decode(command.payload);
}

void durable_worker::ask(const durable_pump::ask& what) {
  const auto kept = find(what.which);
  if (!kept) return;
  const auto& command = kept->command;
  auto message = decode(command);
  if (!message) return answered(kept, std::unexpected(std::move(message).error()));
  envelope sent;
  sent.id = command.id;
  sent.correlation = command.correlation;
  {
    const std::lock_guard lock{mutex_};
    sent.repeated = command.repeated || kept->uncertain || now() - kept->since > how_.fresh;
  }
  sent.deadline = now() + how_.attempt;
  sent.command = std::move(*message);
  sent.sender = command.sender;
  sent.answer = detail::answer_once{[weak = weak_from_this(), kept](result<any_reply> answer) {
    if (const auto self = weak.lock()) self->answered(kept, std::move(answer));
  }};
  parts_.router->ask(command.to, std::move(sent));
}

void durable_worker::answered(const held_ptr& kept, result<any_reply> answer) {
  const auto which = kept->command.sequence;
  if (find(which) != kept) return;  // it is another's place now
  const auto how = verdict_of(answer);
  error why = answer ? error{errc::rejected, ""} : answer.error();
  if (how == verdict::done) report(kept->command, answer, false);
  bool survived = false;
  {
    const std::lock_guard lock{mutex_};
    kept->uncertain = kept->uncertain || how == verdict::unknown;
    survived = which == first_;
    if (survived) first_ = {};
  }
  if (survived) parts_.queue->survived();
  step([&](durable_pump& pump) { return pump.answered(which, how, std::move(why), now()); });
}

void durable_worker::acknowledge(stream_sequence which) {
  held_ptr gone;
  {
    const std::lock_guard lock{mutex_};
    auto found = held_.extract(which.value());
    if (found.empty()) return;
    gone = std::move(found.mapped());
    ++decided_;
  }
  parts_.queue->acknowledge(gone->command);
}

void durable_worker::park(durable_pump::park what) {
  const auto kept = find(what.which);
  if (!kept) return;
  log::warn("durable", "parked",
            {{"queue", how_.name},
             {"actor", to_string(kept->command.to)},
             {"command", kept->command.command},
             {"id", kept->command.id.hex()},
             {"deliveries", what.deliveries},
             {"reason", what.why.message()}});
  const auto why = what.why;
  std::optional<stored_command> copy;
  {
    const std::lock_guard lock{mutex_};
    copy = kept->command;
  }
  parts_.queue->park(
      *copy, what.deliveries, why,
      [weak = weak_from_this(), kept, which = what.which, why](bool stored) {
        const auto self = weak.lock();
        if (!self || self->find(which) != kept) return;
        if (stored) {
          self->report(kept->command, std::unexpected(why), true);
          const std::lock_guard lock{self->mutex_};
          ++self->parked_;
        }
        self->step([&](durable_pump& pump) { return pump.parked(which, stored, now()); });
      });
}

/// Whoever asked to be told is; else what did not take effect is a dead letter.
void durable_worker::report(const stored_command& command, const result<any_reply>& answer,
                            bool parked) {
  if (!command.outcome.empty()) return parts_.queue->publish(command, answer, parked);
  if (!answer)
    parts_.dead->publish(
        {command.to, receipt_id(command), command.correlation, command.command, answer.error()});
}

void durable_worker::reserve(stream_sequence mark) {
  parts_.queue->reserve(mark, [weak = weak_from_this(), mark](bool stored) {
    const auto self = weak.lock();
    // Not stored, the queue says that it is lost.
    if (self && stored) self->step([&](durable_pump& pump) { return pump.reserved(mark, now()); });
  });
}

}  // namespace aether::cluster
