#include "append_operation.hpp"

#include "pub_ack.hpp"

namespace aether {

namespace {

using machine = append_machine;

machine::time_point now() { return std::chrono::steady_clock::now(); }

machine::input input_of(const error& failed) {
  switch (failed.code()) {
    case errc::unavailable:
      return machine::not_taken{failed.text()};
    case errc::invalid_argument:
      return machine::refused{failed.text()};
    case errc::not_permitted:
      return machine::refused{failed.text(), errc::not_permitted};
    case errc::not_running:
      return machine::closed{failed.text()};
    default:
      return machine::silence{failed.text()};
  }
}

/// Nothing was sent, and why.
machine::input input_unsent(const error& why) {
  switch (why.code()) {
    case errc::stream_regressed:
      return machine::regressed{why.text()};
    case errc::not_permitted:
      return machine::refused{why.text(), errc::not_permitted};
    default:
      return machine::not_taken{why.text()};
  }
}

machine::input input_of_answer(const result<nats_message>& answer, bool replicated) {
  if (!answer) return input_of(answer.error());
  pub_ack ack = parse_pub_ack(answer->payload());
  switch (ack.what) {
    case pub_ack::kind::stored:
      return machine::stored{ack.sequence};
    case pub_ack::kind::duplicate:
      return machine::duplicate{};
    case pub_ack::kind::conflict:
      return machine::conflict{};
    case pub_ack::kind::busy:
      return machine::not_taken{std::move(ack.text)};
    case pub_ack::kind::refused:
      return machine::refused{std::move(ack.text)};
    case pub_ack::kind::not_stored_here:
      if (!replicated) return machine::refused{std::move(ack.text)};
      break;
    case pub_ack::kind::unreadable:
      break;
  }
  return machine::silence{std::move(ack.text)};
}

machine::input input_of_read(const result<std::optional<stored_record>>& read,
                             const commit_place& place) {
  if (!read) {
    if (read.error().code() == errc::not_running) return machine::closed{read.error().text()};
    return machine::read_failed{read.error().text()};
  }
  if (!*read) return machine::nothing_found{};
  const auto commit = decode_record(**read, place);
  // What we cannot read we have not written: another's.
  return machine::found{commit ? commit->commit.id : commit_id{}, (*read)->sequence};
}

}  // namespace

append_operation::~append_operation() {
  if (handler_) carry_out(machine_.step(machine::closed{"the store is closing"}, now()));
}

void append_operation::start() { carry_out(machine_.start(now())); }

void append_operation::start_after_check() {
  auto read = [self = shared_from_this()](const result<std::optional<stored_record>>& record) {
    self->checked(record);
  };
  leader_get(*connection_, send_.place.stream, sequence_query(machine_.expected().sequence),
             machine_.timing().request_timeout, std::move(read), nats_flush::soon);
}

void append_operation::checked(const result<std::optional<stored_record>>& read) {
  if (!read) {
    const bool closed = read.error().code() == errc::not_running;
    return perform(
        machine::finish{fail(closed ? errc::not_running : errc::unavailable, read.error().text())});
  }
  // What is not there, or not the actor's, fails by the server's condition.
  const bool actors = *read && (*read)->subject == send_.place.subject;
  const auto found = actors ? decode_record(**read, send_.place) : result<recorded_commit>{};
  if (!actors || (found && found->commit.last() == machine_.expected().version)) return start();
  const auto expected = machine_.expected().version;
  const bool short_of_it = found && found->commit.last() < expected;
  const std::string why = found
                              ? "ends with version " + std::to_string(found->commit.last().value())
                              : "cannot be read: " + found.error().text();
  perform(machine::finish{fail(short_of_it ? errc::stream_regressed : errc::version_conflict,
                               "the commit at the expected sequence " + why + "; version " +
                                   std::to_string(expected.value()) + " was expected there")});
}

void append_operation::heard(machine::input input) {
  carry_out(machine_.step(std::move(input), now()));
}

void append_operation::carry_out(machine::effect effect) {
  std::visit([this](auto& one) { perform(std::move(one)); }, effect);
}

void append_operation::perform(machine::publish what) {
  watch_->may_write(send_.place.stream_index, what.timeout,
                    [self = shared_from_this(), timeout = what.timeout](result<void> may) {
                      if (may) return self->send(timeout);
                      self->heard(input_unsent(may.error()));
                    });
}

void append_operation::send(std::chrono::milliseconds timeout) {
  const nats_outgoing message{
      send_.place.subject,
      send_.payload,
      {{commit_header_name, send_.header}, {condition_header, send_.expected}}};
  auto answered = [self = shared_from_this(), before = watch_->reached(send_.place.stream_index)](
                      result<nats_message> answer) {
    auto input = input_of_answer(answer, self->watch_->replicated());
    if (const auto* stored = std::get_if<machine::stored>(&input))
      self->watch_->stored(self->send_.place.stream_index, before,
                           {stored->sequence, self->machine_.id()});
    self->heard(std::move(input));
  };
  connection_->request(message, timeout, std::move(answered), nats_flush::soon);
}

void append_operation::perform(machine::read_next what) {
  const stream_sequence from{machine_.expected().sequence.value() + 1};
  auto read = [self = shared_from_this()](result<std::optional<stored_record>> record) {
    self->heard(input_of_read(record, self->send_.place));
  };
  leader_get(*connection_, send_.place.stream, next_query(send_.place.subject, from), what.timeout,
             std::move(read));
}

void append_operation::perform(machine::wait what) {
  const auto clock = clock_.lock();
  if (!clock) return;
  clock->after(what.duration, [self = shared_from_this()] { self->heard(machine::elapsed{}); });
}

void append_operation::perform(machine::finish what) {
  auto handler = std::exchange(handler_, nullptr);
  if (!what.outcome) what.outcome = std::unexpected(at_place(send_.place, what.outcome.error()));
  handler(std::move(what.outcome));
}

}  // namespace aether
