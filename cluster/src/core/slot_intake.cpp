#include "slot_intake.hpp"

#include <aether/runtime/error.hpp>

#include <algorithm>

namespace aether::cluster {

namespace {

/// So many requests in a row that nobody heard: the giver is gone.
constexpr unsigned unreachable_max = 2;

}  // namespace

void slot_intake::enter(phase next) {
  using enum phase;
  const bool legal = (phase_ != absent && next == absent) ||
                     (phase_ == absent && (next == announcing || next == serving)) ||
                     (phase_ == announcing && next == subscribing) ||
                     (phase_ == subscribing && (next == awaiting || next == fencing)) ||
                     (phase_ == awaiting && next == fencing) ||
                     (phase_ == fencing && next == serving);
  AETHER_ASSERT(legal);
  phase_ = next;
  unreachable_in_a_row_ = 0;
}

slot_intake::effects slot_intake::assign(std::uint64_t round, bool has_giver, time_point now) {
  AETHER_ASSERT(phase_ == phase::absent && round > round_);
  round_ = round;
  giver_there_ = has_giver;
  recorded_ = false;
  forced_ = false;
  known_at_.reset();
  if (!has_giver) {
    enter(phase::serving);
    deadline_ = now + options_.listen_deadline;
    return {listen{}, open{true}, serve{}};
  }
  enter(phase::announcing);
  deadline_ = now + options_.record_deadline;
  retry_at_ = now + options_.retry_record;
  return {ask_record{}};
}

slot_intake::effects slot_intake::withdraw() {
  if (phase_ == phase::absent) return {};
  enter(phase::absent);
  return {give_up{}};
}

slot_intake::effects slot_intake::giver_gone(time_point now) {
  giver_there_ = false;
  if (phase_ == phase::announcing) {
    forced_ = true;
    return begin_listening(now);
  }
  // While subscribing it is looked at when the server knows.
  if (phase_ != phase::awaiting) return {};
  forced_ = true;
  return take_over(false, now);
}

slot_intake::effects slot_intake::recorded(std::uint64_t round, time_point now) {
  if (!waits(round, phase::announcing)) return {};
  recorded_ = true;
  return begin_listening(now);
}

slot_intake::effects slot_intake::begin_listening(time_point now) {
  enter(phase::subscribing);
  deadline_ = now + options_.listen_deadline;
  return {listen{}};
}

slot_intake::effects slot_intake::listening(std::uint64_t round, time_point now) {
  const bool awaited = waits(round, phase::subscribing) || waits(round, phase::serving);
  if (!awaited || known_at_) return {};
  known_at_ = now + options_.spread;
  return tick(now);
}

slot_intake::effects slot_intake::ask_to_release(time_point now) {
  if (!giver_there_) {
    forced_ = true;
    return take_over(false, now);
  }
  enter(phase::awaiting);
  deadline_ = now + options_.release_deadline;
  retry_at_ = now + options_.retry_release;
  return {ask_release{}};
}

slot_intake::effects slot_intake::released(std::uint64_t round, bool complete, time_point now) {
  if (!waits(round, phase::awaiting)) return {};
  return take_over(recorded_ && complete, now);
}

slot_intake::effects slot_intake::take_over(bool sure, time_point now) {
  enter(phase::fencing);
  deadline_ = now + options_.fence_deadline;
  return {open{sure}, fence{}};
}

slot_intake::effects slot_intake::fenced(std::uint64_t round) {
  if (!waits(round, phase::fencing)) return {};
  enter(phase::serving);
  return {serve{}};
}

slot_intake::effects slot_intake::unreachable(std::uint64_t round, time_point now) {
  const bool asked = waits(round, phase::announcing) || waits(round, phase::awaiting);
  if (!asked || ++unreachable_in_a_row_ < unreachable_max) return {};
  return giver_gone(now);
}

slot_intake::effects slot_intake::tick(time_point now) {
  const bool late = now >= deadline_;
  const bool repeat = now >= retry_at_;
  switch (phase_) {
    case phase::absent:
      return {};
    case phase::serving:
      if (late && !known_at_) known_at_ = now;
      return {};
    case phase::announcing:
      if (late) {
        forced_ = true;
        return begin_listening(now);
      }
      if (!repeat) return {};
      retry_at_ = now + options_.retry_record;
      return {ask_record{}};
    case phase::subscribing:
      if (known_at_ ? now < *known_at_ : !late) return {};
      forced_ = forced_ || !known_at_;
      if (!known_at_) known_at_ = now;
      return ask_to_release(now);
    case phase::awaiting:
      if (late) {
        forced_ = true;
        return take_over(false, now);
      }
      if (!repeat) return {};
      retry_at_ = now + options_.retry_release;
      return {ask_release{}};
    case phase::fencing:
      if (!late) return {};
      forced_ = true;
      return fenced(round_);
  }
  return {};
}

time_point slot_intake::wake_at() const noexcept {
  switch (phase_) {
    case phase::announcing:
    case phase::awaiting:
      return std::min(deadline_, retry_at_);
    case phase::subscribing:
      return known_at_.value_or(deadline_);
    case phase::fencing:
      return deadline_;
    case phase::serving:
      if (!known_at_) return deadline_;
      break;
    case phase::absent:
      break;
  }
  return time_point::max();
}

std::string_view to_string(slot_intake::phase phase) noexcept {
  using enum slot_intake::phase;
  switch (phase) {
    case absent:
      return "absent";
    case announcing:
      return "announcing";
    case subscribing:
      return "subscribing";
    case awaiting:
      return "awaiting";
    case fencing:
      return "fencing";
    case serving:
      return "serving";
  }
  return "unknown";
}

}  // namespace aether::cluster
