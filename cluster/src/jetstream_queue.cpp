#include "jetstream_queue.hpp"

#include <aether/runtime/codec.hpp>
#include <aether/runtime/log.hpp>
#include "jetstream_answer.hpp"

#include <utility>

namespace aether::cluster {

namespace {

/// What is kept of a queue beside it: docs/formats.md.
struct queue_record {
  std::uint32_t format = 1;
  std::uint64_t mark = 0;
  std::uint64_t first = 0;
  std::uint32_t takeovers = 0;
  AETHER_MESSAGE("aether.durable_queue", format, mark, first, takeovers)
};

pull_consumer::options consumer_of(const jetstream_queue::parts& of, std::uint32_t k) {
  return {.stream = of.names.durable_stream(k),
          .kind = "pump",
          .filter = of.names.all_durable(k),
          .inbox = of.names.inboxes(),
          .grace = of.grace};
}

}  // namespace

jetstream_queue::jetstream_queue(parts of, std::uint32_t k)
    : parts_{std::move(of)},
      k_{k},
      bucket_{parts_.over, parts_.names, jetstream_timeout},
      consumer_{
          std::make_shared<pull_consumer>(parts_.over, *parts_.clock, consumer_of(parts_, k))} {}

void jetstream_queue::open(bool anew, handlers what, opened_handler done) {
  {
    const std::lock_guard lock{mutex_};
    what_ = what;
  }
  pull_consumer::handlers passed_on;
  passed_on.delivered = [weak = weak_from_this()](const nats_message& message,
                                                  const nats_delivery& where) {
    if (const auto self = weak.lock()) self->take(message, where);
  };
  passed_on.pull_ended = what.pull_ended;
  passed_on.lost = what.lost;
  consumer_->open(std::move(passed_on), [self = shared_from_this(), anew,
                                         done = std::move(done)](result<void> opened) mutable {
    if (!opened) return done(std::unexpected(std::move(opened).error()));
    self->find_first(anew, std::move(done));
  });
}

void jetstream_queue::find_first(bool anew, opened_handler done) {
  const std::string subject = "$JS.API.STREAM.MSG.GET." + parts_.names.durable_stream(k_);
  const std::string body = "{\"seq\":1,\"next_by_subj\":\"" + parts_.names.all_durable(k_) + "\"}";
  parts_.over->request(
      {subject, as_bytes_view(body)}, jetstream_timeout,
      [self = shared_from_this(), anew, done = std::move(done)](result<nats_message> got) mutable {
        auto heard = parse_jetstream(got);
        if (!heard) return done(std::unexpected(std::move(heard).error()));
        if (heard->error_code == jetstream_answer::no_message_found)
          return self->read_record(anew, {}, std::move(done));
        if (heard->error_code != 0) return done(std::unexpected(heard->as_error("first message")));
        const auto first = number_in(heard->document, "message", "seq");
        self->read_record(anew, stream_sequence{first}, std::move(done));
      });
}

/// Writes the record at once: who had the queue before can reserve nothing from then on.
void jetstream_queue::read_record(bool anew, stream_sequence first, opened_handler done) {
  bucket_.read(key(), [self = shared_from_this(), anew, first,
                       done = std::move(done)](result<kv_entry> found) mutable {
    if (!found) return done(std::unexpected(std::move(found).error()));
    queue_record known;
    if (!found->value.empty()) {
      auto read = decode<queue_record>(found->value);
      if (!read) return done(std::unexpected(std::move(read).error()));
      known = *read;
    }
    opening how;
    {
      const std::lock_guard lock{self->mutex_};
      self->revision_ = found->revision;
      self->mark_ = known.mark;
      const bool same = first.value() != 0 && known.first == first.value();
      const bool counts = anew && !std::exchange(self->counted_, true);
      self->takeovers_ = same ? known.takeovers + (counts ? 1 : 0) : 1;
      self->first_ = first.value();
      how = {stream_sequence{known.mark}, first, self->takeovers_};
    }
    self->write_record([how, done = std::move(done)](bool stored) mutable {
      if (!stored) return done(fail(errc::unavailable, "the queue's record was not written"));
      done(how);
    });
  });
}

/// One write at a time: who comes meanwhile shares the next.
void jetstream_queue::write_record(done_handler done) {
  {
    const std::lock_guard lock{mutex_};
    waiting_.push_back(std::move(done));
    if (std::exchange(writing_, true)) return;
  }
  write_next();
}

void jetstream_queue::write_next() {
  queue_record next;
  std::uint64_t expected = 0;
  std::vector<done_handler> those;
  {
    const std::lock_guard lock{mutex_};
    those.swap(waiting_);
    next = {.mark = mark_, .first = first_, .takeovers = takeovers_};
    expected = revision_;
  }
  bucket_.write(key(), expected, encode(next),
                [self = shared_from_this(), those = std::move(those)](write_result wrote) mutable {
                  self->wrote(wrote, std::move(those));
                });
}

void jetstream_queue::wrote(const write_result& how, std::vector<done_handler> those) {
  const bool stored = how.outcome == write_outcome::stored;
  bool more = false;
  {
    const std::lock_guard lock{mutex_};
    if (stored) revision_ = how.revision;
    more = writing_ = !waiting_.empty();
  }
  for (auto& done : those) done(stored);
  if (more) write_next();
}

void jetstream_queue::survived() {
  {
    const std::lock_guard lock{mutex_};
    if (takeovers_ == 0 || revision_ == 0) return;
    takeovers_ = 0;
  }
  write_record([](bool) {});  // else it is counted too often
}

void jetstream_queue::reserve(stream_sequence mark, done_handler done) {
  {
    const std::lock_guard lock{mutex_};
    mark_ = mark.value();
  }
  write_record([weak = weak_from_this(), done = std::move(done)](bool stored) mutable {
    done(stored);
    const auto self = weak.lock();
    if (stored || !self) return;
    self->consumer_->close();
    std::function<void(const error&)> lost;
    {
      const std::lock_guard lock{self->mutex_};
      lost = self->what_.lost;
    }
    if (lost) lost({errc::unavailable, "the queue's record was not written"});
  });
}

void jetstream_queue::take(const nats_message& message, const nats_delivery& where) {
  std::function<void(stored_command)> delivered;
  {
    const std::lock_guard lock{mutex_};
    delivered = what_.delivered;
  }
  if (!delivered) return;
  const std::string ack_to{message.reply_to()};
  auto read = parse_stored(message);
  if (read) {
    read->sequence = where.sequence;
    read->repeated = read->repeated || where.times > 1;
    read->ack_to = ack_to;
    return delivered(std::move(*read));
  }
  parts_.streams->park_unreadable(
      message, read.error(), [self = shared_from_this(), ack_to](bool stored) {
        // Else it is delivered again to the next who opens the queue.
        if (stored) (void)self->parts_.over->publish({ack_to, as_bytes_view("+ACK")});
      });
}

void jetstream_queue::acknowledge(const stored_command& which) {
  (void)parts_.over->publish({which.ack_to, as_bytes_view("+ACK")}, nats_flush::soon);
}

void jetstream_queue::park(const stored_command& which, std::uint32_t deliveries, const error& why,
                           done_handler done) {
  parts_.streams->park(which, deliveries, why, parts_.wall_clock(), std::move(done));
}

void jetstream_queue::publish(const stored_command& which, const result<any_reply>& answer,
                              bool parked) {
  const outgoing_outcome made{which, answer, parked};
  const auto subject = parts_.names.outcomes(which.outcome);
  (void)parts_.over->publish(made.message(subject), nats_flush::soon);
}

void jetstream_queue::close(bool clean) {
  consumer_->close();
  {
    const std::lock_guard lock{mutex_};
    what_ = {};
    if (clean) takeovers_ = 0;
    if (revision_ == 0) return;
  }
  if (clean) write_record([](bool) {});  // who takes it over counts one more, else
}

}  // namespace aether::cluster
