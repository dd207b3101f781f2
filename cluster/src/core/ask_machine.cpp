#include "ask_machine.hpp"

#include <algorithm>
#include <string>

namespace aether::cluster {

void ask_machine::enter(phase next) {
  using enum phase;
  const bool legal = (phase_ == ready && (next == sent || next == finished)) ||
                     (phase_ == sent && next != ready) ||
                     (phase_ == waiting && (next == sent || next == finished));
  AETHER_ASSERT(legal);
  phase_ = next;
}

ask_machine::effect ask_machine::start(time_point now) {
  AETHER_ASSERT(phase_ == phase::ready);
  backoff_ = options_.backoff_min;
  return send_next(now);
}

ask_machine::effect ask_machine::send_next(time_point now) {
  if (now >= deadline_) return give_up();
  enter(phase::sent);
  return send{++attempts_, std::min(options_.attempt, deadline_ - now)};
}

ask_machine::effect ask_machine::attempt_done(std::uint32_t number, attempt_result result,
                                              time_point now) {
  AETHER_ASSERT(number <= attempts_);
  if (phase_ == phase::finished) return nothing{};
  const bool rejected = result == attempt_result::rejected && number == attempts_;
  const bool failed = result == attempt_result::failed && number == attempts_;
  if (result == attempt_result::answered || rejected || (failed && !uncertain_)) {
    enter(phase::finished);
    return finish{};
  }
  if (failed) {
    enter(phase::finished);
    return finish{
        error{errc::outcome_unknown, "an earlier attempt may have taken effect; this one did not"}};
  }
  if (phase_ != phase::sent || number != attempts_) return nothing{};
  last_ = result;
  if (result == attempt_result::timed_out) {
    uncertain_ = true;
    return send_next(now);
  }
  if (result == attempt_result::outcome_unknown) uncertain_ = true;
  refusals_ = result == attempt_result::overloaded ? refusals_ + 1 : 0;
  if (refusals_ >= options_.refusals_max && !uncertain_) return give_up();
  return pause(now);
}

ask_machine::effect ask_machine::pause(time_point now) {
  if (now >= deadline_) return give_up();
  enter(phase::waiting);
  wake_at_ = std::min(now + backoff_, deadline_);
  backoff_ = std::min(backoff_ * 2, options_.backoff_max);
  return wait{wake_at_};
}

ask_machine::effect ask_machine::owner_changed(time_point now) {
  backoff_ = options_.backoff_min;
  refusals_ = 0;
  if (phase_ == phase::sent) uncertain_ = true;
  return phase_ == phase::waiting || phase_ == phase::sent ? send_next(now) : nothing{};
}

ask_machine::effect ask_machine::tick(time_point now) {
  if (phase_ == phase::waiting && now >= wake_at_) return send_next(now);
  if (phase_ == phase::sent && now >= deadline_) {
    uncertain_ = true;
    return give_up();
  }
  return nothing{};
}

ask_machine::effect ask_machine::give_up() {
  enter(phase::finished);
  const std::string tried = " (" + std::to_string(attempts_) + " attempts)";
  if (uncertain_)
    return finish{
        error{errc::outcome_unknown,
              "no answer before the deadline; the command may have taken effect" + tried}};
  if (last_ == attempt_result::overloaded)
    return finish{error{errc::overloaded, "refused again and again: a queue is full" + tried}};
  return finish{
      error{errc::unavailable, "no owner of the shard was reached before the deadline" + tried}};
}

}  // namespace aether::cluster
