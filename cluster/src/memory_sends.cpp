#include "memory_sends.hpp"

#include <optional>
#include <utility>

namespace aether::cluster {

namespace {

/// An answer that may go to several who listen: encoded, as it would come over the network.
any_reply encoded_copy(const any_reply& from) {
  bytes data;
  if (const auto* typed = std::get_if<any_message>(&from)) typed->encode_to(data);
  if (const auto* raw = std::get_if<bytes>(&from)) data = *raw;
  any_reply copy{std::move(data)};
  copy.mark = from.mark;
  return copy;
}

}  // namespace

memory_sends::memory_sends(timers& clock,
                           std::function<std::chrono::system_clock::time_point()> wall_clock)
    : clock_{clock}, wall_clock_{std::move(wall_clock)} {}

void memory_sends::send(stored_command command, receipt_sink done) {
  durable_receipt receipt{receipt_id(command)};
  {
    const std::lock_guard lock{mutex_};
    if (queue_.size() + later_.size() >= waiting_max) {
      receipt.id = {};
    } else if (command.due_ms == 0) {
      command.sequence = stream_sequence{++next_};
      receipt.sequence = command.sequence;
      queue_.push_back(std::move(command));
      command.command.clear();
    }
  }
  if (receipt.id.is_nil())
    return done(fail(errc::overloaded,
                     std::to_string(waiting_max) + " commands are stored already; slow down"));
  if (receipt.sequence.value() == 0) remind(std::move(command));
  done(receipt);
  deliver();
}

void memory_sends::enqueue(stored_command command) {
  {
    const std::lock_guard lock{mutex_};
    command.sequence = stream_sequence{++next_};
    queue_.push_back(std::move(command));
  }
  deliver();
}

void memory_sends::deliver() {
  {
    const std::lock_guard lock{mutex_};
    if (std::exchange(delivering_, true)) return;
  }
  while (true) {
    std::function<void(stored_command)> take;
    std::function<void()> ended;
    std::optional<stored_command> next;
    {
      const std::lock_guard lock{mutex_};
      if (wanted_ == 0 || queue_.empty() || !what_.delivered) {
        delivering_ = false;
        return;
      }
      next = std::move(queue_.front());
      queue_.pop_front();
      take = what_.delivered;
      if (--wanted_ == 0) ended = what_.pull_ended;
    }
    take(std::move(*next));
    if (ended) ended();
  }
}

void memory_sends::remind(stored_command command) {
  const auto name = command.series;
  const auto when = std::chrono::system_clock::time_point{
      std::chrono::milliseconds{static_cast<std::int64_t>(command.due_ms)}};
  const auto wait = std::max(when - wall_clock_(), std::chrono::system_clock::duration::zero());
  {
    const std::lock_guard lock{mutex_};
    later_.insert_or_assign(name, std::move(command));
  }
  clock_.after(wait, [weak = weak_from_this(), name] {
    if (const auto self = weak.lock()) self->due(name);
  });
}

void memory_sends::due(const command_id& name) {
  const auto now =
      std::chrono::duration_cast<std::chrono::milliseconds>(wall_clock_().time_since_epoch());
  std::optional<stored_command> fires;
  {
    const std::lock_guard lock{mutex_};
    const auto found = later_.find(name);
    if (found == later_.end()) return;  // cancelled
    fires = std::move(found->second);
    later_.erase(found);
  }
  // The timer was that of one before, or the clock was set.
  if (fires->due_ms > static_cast<std::uint64_t>(now.count())) return remind(std::move(*fires));
  if (fires->every_ms > 0) remind(successor(*fires, static_cast<std::uint64_t>(now.count())));
  enqueue(std::move(*fires));
}

result<outcome_subscription> memory_sends::outcomes(std::string_view name,
                                                    outcome_handler handler) {
  const std::lock_guard lock{mutex_};
  const auto number = next_listener_++;
  const auto who = std::make_shared<outcome_listener>(std::move(handler));
  listeners_[std::string{name}].emplace(number, who);
  return outcome_subscription{std::shared_ptr<void>{
      nullptr, [weak = weak_from_this(), who, number, name = std::string{name}](void*) {
        who->end();
        const auto self = weak.lock();
        if (!self) return;
        const std::lock_guard guard{self->mutex_};
        self->listeners_[name].erase(number);
      }}};
}

void memory_sends::publish(const stored_command& which, const result<any_reply>& answer,
                           bool parked) {
  auto copy = answer ? result<any_reply>{encoded_copy(*answer)} : std::unexpected(answer.error());
  {
    const std::lock_guard lock{mutex_};
    untold_.push_back({which, std::move(copy), parked});
    if (std::exchange(telling_, true)) return;
  }
  tell();
}

void memory_sends::tell() {
  while (true) {
    std::vector<std::shared_ptr<outcome_listener>> listeners;
    std::optional<told> next;
    {
      const std::lock_guard lock{mutex_};
      if (untold_.empty()) {
        telling_ = false;
        return;
      }
      next = std::move(untold_.front());
      untold_.pop_front();
      for (const auto& [number, each] : listeners_[next->command.outcome])
        listeners.push_back(each);
    }
    const auto& of = next->command;
    for (const auto& each : listeners)
      each->tell({of.to, receipt_id(of), of.command,
                  next->answer ? result<any_reply>{encoded_copy(*next->answer)}
                               : std::unexpected(next->answer.error()),
                  next->parked});
  }
}

result<std::vector<parked_send>> memory_sends::parked(std::size_t limit) {
  const std::lock_guard lock{mutex_};
  std::vector<parked_send> found;
  for (const auto& [place, one] : parked_) {
    if (found.size() == limit) break;
    found.push_back(one.shown);
  }
  return found;
}

result<void> memory_sends::resend(const parked_send& which) {
  std::optional<stored_command> again;
  {
    const std::lock_guard lock{mutex_};
    const auto found = parked_.find(which.place.value());
    if (found == parked_.end() || receipt_id(found->second.command) != which.id)
      return fail(errc::invalid_argument, "nothing is parked there (any more)");
    again = std::move(found->second.command);
    parked_.erase(found);
  }
  again->repeated = true;
  enqueue(std::move(*again));
  return {};
}

result<void> memory_sends::discard(const parked_send& which) {
  const std::lock_guard lock{mutex_};
  parked_.erase(which.place.value());
  return {};
}

result<bool> memory_sends::cancel(const actor_address&, const command_id& id) {
  const std::lock_guard lock{mutex_};
  return later_.erase(id) > 0;
}

void memory_sends::open(bool, handlers what, opened_handler done) {
  {
    const std::lock_guard lock{mutex_};
    what_ = std::move(what);
  }
  done(opening{});
}

void memory_sends::pull(std::size_t count) {
  {
    const std::lock_guard lock{mutex_};
    wanted_ = count;
  }
  deliver();
}

void memory_sends::park(const stored_command& which, std::uint32_t deliveries, const error& why,
                        done_handler done) {
  {
    const std::lock_guard lock{mutex_};
    const stream_sequence place{++next_place_};
    parked_.emplace(place.value(),
                    aside{which,
                          {place, which.to, receipt_id(which), which.command, which.outcome,
                           why.code(), why.text(), deliveries,
                           std::chrono::floor<std::chrono::milliseconds>(wall_clock_())}});
  }
  done(true);
}

void memory_sends::close(bool) {
  const std::lock_guard lock{mutex_};
  what_ = {};
}

}  // namespace aether::cluster
