#include "append_machine.hpp"

#include <algorithm>

namespace aether {

namespace {

/// A reader that lags behind the writer explains one unexplained conflict, not three in a row.
constexpr std::uint32_t unexplained_max = 3;

}  // namespace

append_machine::effect append_machine::start(time_point now) {
  AETHER_ASSERT(phase_ == phase::idle);
  deadline_ = now + timing_.deadline;
  return send(now);
}

append_machine::effect append_machine::step(input heard, time_point now) {
  AETHER_ASSERT(phase_ != phase::idle && phase_ != phase::done);
  return std::visit([&](auto& one) { return on(std::move(one), now); }, heard);
}

append_machine::effect append_machine::on(stored heard, time_point) {
  AETHER_ASSERT(phase_ == phase::sending);
  return end(log_position{last_, heard.sequence, id_});
}

append_machine::effect append_machine::on(duplicate, time_point now) {
  AETHER_ASSERT(phase_ == phase::sending);
  // Should no commit follow `expected`, we cannot tell what the server meant.
  ++in_doubt_;
  return check(now);
}

append_machine::effect append_machine::on(conflict, time_point now) {
  AETHER_ASSERT(phase_ == phase::sending);
  conflicted_ = true;
  return check(now);
}

append_machine::effect append_machine::on(not_taken heard, time_point now) {
  AETHER_ASSERT(phase_ == phase::sending);
  last_trouble_ = std::move(heard.why);
  return retry(now);
}

append_machine::effect append_machine::on(refused heard, time_point now) {
  AETHER_ASSERT(phase_ == phase::sending);
  if (in_doubt_ == 0 && !conflicted_) return end(fail(heard.code, std::move(heard.why)));
  last_trouble_ = std::move(heard.why);
  return check(now);
}

append_machine::effect append_machine::on(regressed heard, time_point) {
  AETHER_ASSERT(phase_ == phase::sending);
  last_trouble_ = std::move(heard.why);
  if (in_doubt_ > 0 || conflicted_) return give_up();
  return end(fail(errc::stream_regressed, last_trouble_));
}

append_machine::effect append_machine::on(silence heard, time_point now) {
  AETHER_ASSERT(phase_ == phase::sending);
  ++in_doubt_;
  last_trouble_ = std::move(heard.why);
  return retry(now);
}

append_machine::effect append_machine::on(found heard, time_point) {
  AETHER_ASSERT(phase_ == phase::checking);
  if (heard.id == id_) return end(log_position{last_, heard.sequence, id_});
  return end(fail(errc::version_conflict,
                  "another commit follows version " + std::to_string(expected_.version.value()) +
                      ", at stream sequence " + std::to_string(heard.sequence.value())));
}

append_machine::effect append_machine::on(nothing_found, time_point now) {
  AETHER_ASSERT(phase_ == phase::checking);
  const bool unexplained = conflicted_ && in_doubt_ == 0;
  if (unexplained && ++unexplained_ == 1) unexplained_since_ = now;
  if (unexplained && unexplained_ >= unexplained_max &&
      now - unexplained_since_ >= timing_.regress_patience)
    return end(fail(errc::stream_regressed,
                    "the log ends before version " + std::to_string(expected_.version.value()) +
                        " at stream sequence " + std::to_string(expected_.sequence.value()) +
                        ", which was acknowledged"));
  return retry(now);
}

append_machine::effect append_machine::on(read_failed heard, time_point now) {
  AETHER_ASSERT(phase_ == phase::checking);
  last_trouble_ = std::move(heard.why);
  return retry(now);
}

append_machine::effect append_machine::on(elapsed, time_point now) {
  AETHER_ASSERT(phase_ == phase::waiting);
  return now < deadline_ ? send(now) : give_up();
}

append_machine::effect append_machine::on(closed heard, time_point) {
  if (phase_ == phase::sending) ++in_doubt_;
  last_trouble_ = std::move(heard.why);
  return give_up();
}

append_machine::effect append_machine::send(time_point now) {
  phase_ = phase::sending;
  ++attempts_;
  return publish{time_for_one(now)};
}

append_machine::effect append_machine::check(time_point now) {
  if (now >= deadline_) return give_up();
  phase_ = phase::checking;
  return read_next{time_for_one(now)};
}

append_machine::effect append_machine::retry(time_point now) {
  const auto pause = backoff_;
  if (now + pause >= deadline_) return give_up();
  backoff_ = std::min(2 * backoff_, timing_.backoff_max);
  phase_ = phase::waiting;
  return wait{pause};
}

append_machine::effect append_machine::give_up() {
  const std::string tried = std::to_string(attempts_) + " attempts within " +
                            std::to_string(timing_.deadline.count()) + " ms";
  const std::string trouble = last_trouble_.empty() ? "" : "; last: " + last_trouble_;
  if (in_doubt_ == 0 && !conflicted_)
    return end(fail(errc::unavailable, "nothing stored: " + tried + " were not taken" + trouble));
  return end(fail(errc::outcome_unknown, "commit " + id_.hex() + " may be stored now or later: " +
                                             tried + " and no definite answer" + trouble));
}

append_machine::effect append_machine::end(result<log_position> outcome) {
  phase_ = phase::done;
  return finish{std::move(outcome)};
}

std::chrono::milliseconds append_machine::time_for_one(time_point now) const {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - now);
  return std::min(timing_.request_timeout, left);
}

}  // namespace aether
