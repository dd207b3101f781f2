#include "slot_release.hpp"

#include <aether/runtime/error.hpp>

#include <utility>

namespace aether::cluster {

void slot_release::enter(phase next) {
  using enum phase;
  const bool legal = (phase_ == serving && (next == recording || next == closing)) ||
                     (phase_ == recording && (next == serving || next == closing)) ||
                     (phase_ == closing && next == draining) ||
                     (phase_ == draining && next == released);
  AETHER_ASSERT(legal);
  phase_ = next;
}

slot_release::effects slot_release::record(const process& taker) {
  const bool begins = phase_ == phase::serving || recording_for_ != taker;
  // From `draining` on nothing comes here that a taker could get too.
  if (!begins || phase_ == phase::draining || phase_ == phase::released) return {tell_recorded{}};
  recording_for_ = taker;
  if (phase_ == phase::serving) enter(phase::recording);
  return {start_recording{}, tell_recorded{}};
}

slot_release::effects slot_release::release(time_point now) {
  if (!letting_go()) return begin_closing(now);
  if (phase_ == phase::released) return {tell_released{}};
  return {};
}

slot_release::effects slot_release::lost(time_point now) {
  if (phase_ == phase::released || std::exchange(lost_, true)) return {};
  if (phase_ == phase::draining) return {cut_short{}};
  effects out;
  if (phase_ != phase::closing) {
    enter(phase::closing);
    out.emplace_back(close{});
  }
  enter(phase::draining);
  deadline_ = now + options_.drain_grace;
  out.emplace_back(drain{now});
  return out;
}

slot_release::effects slot_release::kept() {
  if (phase_ != phase::recording) return {};
  recording_for_.reset();
  enter(phase::serving);
  return {stop_recording{}};
}

slot_release::effects slot_release::begin_closing(time_point now) {
  enter(phase::closing);
  deadline_ = now + options_.close_deadline;
  return {close{}};
}

slot_release::effects slot_release::closed(time_point now) {
  if (phase_ != phase::closing) return {};
  enter(phase::draining);
  const auto until = now + options_.drain_deadline;
  deadline_ = until + options_.drain_grace;
  return {drain{until}};
}

slot_release::effects slot_release::drained() {
  if (phase_ != phase::draining) return {};
  enter(phase::released);
  return {tell_released{}};
}

slot_release::effects slot_release::tick(time_point now) {
  if (now < wake_at()) return {};
  forced_ = true;
  return phase_ == phase::closing ? closed(now) : drained();
}

time_point slot_release::wake_at() const noexcept {
  return phase_ == phase::closing || phase_ == phase::draining ? deadline_ : time_point::max();
}

std::string_view to_string(slot_release::phase phase) noexcept {
  using enum slot_release::phase;
  switch (phase) {
    case serving:
      return "serving";
    case recording:
      return "recording";
    case closing:
      return "closing";
    case draining:
      return "draining";
    case released:
      return "released";
  }
  return "unknown";
}

claim judge_claim(const process& asker, std::uint64_t asked_under, std::uint64_t known,
                  const process* owner) {
  if (asked_under > known) return claim::obey;
  return owner != nullptr && *owner == asker ? claim::obey : claim::outdated;
}

}  // namespace aether::cluster
