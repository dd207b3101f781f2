#include "durable_reminders.hpp"

#include <aether/runtime/log.hpp>
#include "jetstream_answer.hpp"

#include <utility>
#include <vector>

namespace aether::cluster {

namespace {

constexpr std::chrono::milliseconds reopen{1'000};
/// A timer never sleeps for longer: wall clocks are set.
constexpr std::uint64_t sleep_max_ms = 10'000;
constexpr std::size_t pull_max = 512;
}  // namespace

durable_reminders::durable_reminders(parts of, std::uint32_t k)
    : parts_{std::move(of)},
      k_{k},
      consumer_{std::make_shared<pull_consumer>(
          parts_.over, *parts_.clock,
          pull_consumer::options{.stream = parts_.names.durable_stream(k),
                                 .kind = "later",
                                 .filter = parts_.names.all_later(k),
                                 .inbox = parts_.names.inboxes()})} {}

void durable_reminders::start() { open(); }

void durable_reminders::stop() {
  {
    const std::lock_guard lock{mutex_};
    if (std::exchange(stopped_, true)) return;
    known_.clear();
  }
  consumer_->close();
}

void durable_reminders::open() {
  const auto weak = weak_from_this();
  pull_consumer::handlers handlers;
  handlers.delivered = [weak](const nats_message& message, const nats_delivery& where) {
    if (const auto self = weak.lock()) self->take(message, where.sequence);
  };
  handlers.pull_ended = [weak] {
    const auto self = weak.lock();
    if (!self) return;
    {
      const std::lock_guard lock{self->mutex_};
      self->pulling_ = false;
    }
    self->pull();
  };
  handlers.lost = [weak](const error&) {
    if (const auto self = weak.lock()) self->open_later();
  };
  consumer_->open(std::move(handlers), [weak](const result<void>& opened) {
    const auto self = weak.lock();
    if (!self) return;
    if (!opened) return self->open_later();
    {
      // All that is stored comes again.
      const std::lock_guard lock{self->mutex_};
      self->known_.clear();
      self->sequences_.clear();
      self->pulling_ = false;
      if (self->stopped_) return;
    }
    self->pull();
  });
}

void durable_reminders::open_later() {
  parts_.clock->after(reopen, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    {
      const std::lock_guard lock{self->mutex_};
      if (self->stopped_) return;
    }
    self->open();
  });
}

void durable_reminders::pull() {
  {
    const std::lock_guard lock{mutex_};
    if (stopped_ || pulling_ || sequences_.size() >= known_max) return;
    pulling_ = true;
  }
  consumer_->pull(pull_max);
}

/// What is not acknowledged for an hour comes again: it is known.
void durable_reminders::take(const nats_message& message, stream_sequence sequence) {
  reminder made{sequence, std::string{message.reply_to()}};
  const auto read = parse_stored(message);
  if (!read || read->due_ms == 0 || read->series.is_nil()) {
    const error why =
        read ? error{errc::decode_failed, "a reminder without a due time"} : read.error();
    return parts_.streams->park_unreadable(message, why,
                                           [self = shared_from_this(), made](bool stored) {
                                             if (stored) self->done(made);
                                           });
  }
  {
    const std::lock_guard lock{mutex_};
    if (stopped_ || !sequences_.insert(sequence.value()).second) return;
    known_.emplace(read->due_ms, std::move(made));
  }
  arm();
}

std::uint64_t durable_reminders::now_ms() const {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(parts_.wall_clock().time_since_epoch())
          .count());
}

/// One timer for the first of them, and no more of them than there were firsts.
void durable_reminders::arm() {
  const auto now = now_ms();
  std::uint64_t until = 0;
  {
    const std::lock_guard lock{mutex_};
    if (stopped_ || known_.empty()) return;
    until = std::clamp(known_.begin()->first, now, now + sleep_max_ms);
    if (armed_for_ != 0 && armed_for_ <= until) return;
    armed_for_ = until;
  }
  parts_.clock->after(std::chrono::milliseconds{until - now}, [weak = weak_from_this(), until] {
    const auto self = weak.lock();
    if (!self) return;
    {
      const std::lock_guard lock{self->mutex_};
      if (self->armed_for_ == until) self->armed_for_ = 0;
    }
    self->fire_due();
  });
}

void durable_reminders::fire_due() {
  const auto now = now_ms();
  std::vector<reminder> due;
  {
    const std::lock_guard lock{mutex_};
    while (!known_.empty() && known_.begin()->first <= now && due.size() < pull_max) {
      due.push_back(std::move(known_.begin()->second));
      known_.erase(known_.begin());
    }
  }
  for (auto& one : due) fire(std::move(one));
  arm();
  pull();
}

/// It is read once more: it may have been cancelled.
void durable_reminders::fire(reminder which) {
  const std::string subject = "$JS.API.DIRECT.GET." + parts_.names.durable_stream(k_);
  const std::string body = "{\"seq\":" + std::to_string(which.sequence.value()) + "}";
  parts_.over->request({subject, as_bytes_view(body)}, jetstream_timeout,
                       [self = shared_from_this(), which = std::move(which)](
                           const result<nats_message>& got) { self->fetched(which, got); });
}

void durable_reminders::fetched(reminder which, const result<nats_message>& got) {
  if (!got) return again(std::move(which));
  if (got->status() != 0) return look_at_leader(std::move(which));
  auto command = parse_stored(*got);
  if (!command) return again(std::move(which));
  if (command->every_ms == 0) return enqueue(which, *command);
  const auto next = successor(*command, now_ms());
  parts_.streams->enqueue_later(next, which.sequence,
                                [self = shared_from_this(), which, command = std::move(*command)](
                                    const result<stream_sequence>& stored) {
                                  // Conflict: it was stored before, or the series was cancelled
                                  // just now.
                                  const bool known =
                                      stored || stored.error().code() == errc::version_conflict;
                                  if (!known) return self->again(which);
                                  self->enqueue(which, command);
                                });
}

/// A replica may lag behind; what the leader has not, was cancelled.
void durable_reminders::look_at_leader(reminder which) {
  const std::string subject = "$JS.API.STREAM.MSG.GET." + parts_.names.durable_stream(k_);
  const std::string body = "{\"seq\":" + std::to_string(which.sequence.value()) + "}";
  parts_.over->request(
      {subject, as_bytes_view(body)}, jetstream_timeout,
      [self = shared_from_this(), which = std::move(which)](const result<nats_message>& got) {
        const auto heard = parse_jetstream(got);
        const bool gone = heard && heard->error_code == jetstream_answer::no_message_found;
        return gone ? self->done(which) : self->again(which);
      });
}

void durable_reminders::enqueue(const reminder& which, const stored_command& command) {
  auto due = command;
  due.every_ms = 0;
  parts_.streams->enqueue(
      due, {}, [self = shared_from_this(), which](const result<stream_sequence>& stored) {
        if (stored) return self->done(which);
        log::info("durable", "reminder_not_queued", {{"why", stored.error().message()}});
        self->again(which);
      });
}

void durable_reminders::again(reminder which) {
  {
    const std::lock_guard lock{mutex_};
    if (stopped_) return;
    known_.emplace(now_ms() + static_cast<std::uint64_t>(reopen.count()), std::move(which));
  }
  arm();
}

void durable_reminders::done(const reminder& which) {
  {
    const std::lock_guard lock{mutex_};
    sequences_.erase(which.sequence.value());
  }
  (void)parts_.over->publish({which.ack_to, as_bytes_view("+ACK")}, nats_flush::soon);
}

}  // namespace aether::cluster
