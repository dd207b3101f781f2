#include "testing_recorder.hpp"

#include <aether/actors/caf.hpp>
#include <aether/runtime/describe.hpp>
#include "testing_subject.hpp"

#include <algorithm>
#include <utility>

namespace aether::testing::detail {

std::string describe(const deed& done) {
  const auto command = [&] { return aether::describe(done.command.type, done.command.data); };
  switch (done.what) {
    case deed::kind::told:
      return "told " + done.name + ' ' + command();
    case deed::kind::asked:
      return "asked " + done.name + ' ' + command();
    case deed::kind::told_itself:
      return "told itself " + command();
    case deed::kind::timer:
      return "timer '" + done.name + "' in " + std::to_string(done.delay.count()) + " ms with " +
             command();
    case deed::kind::timer_cancelled:
      return "timer '" + done.name + "' cancelled";
    case deed::kind::caf:
      return "work in CAF";
  }
  return "unknown";
}

void inbox::write_to(deeds* to) {
  const std::lock_guard lock{mutex_};
  into_ = to;
}

void inbox::push(envelope command) {
  const std::lock_guard lock{mutex_};
  const bool asked = static_cast<bool>(command.answer);
  if (into_ != nullptr && !asked)
    into_->push_back({.what = deed::kind::told_itself, .command = write(command.command)});
  waiting_.push_back(std::move(command));
}

std::optional<envelope> inbox::pop() {
  const std::lock_guard lock{mutex_};
  if (waiting_.empty()) return std::nullopt;
  std::optional<envelope> next{std::move(waiting_.front())};
  waiting_.pop_front();
  return next;
}

void recorder::forget_all() {
  forget_timers();
  inbox_ = std::make_shared<inbox>();
}

std::optional<envelope> recorder::next_timer(duration limit) {
  const auto first = std::ranges::min_element(timers_, {}, &timer::due);
  if (first == timers_.end() || first->due > limit) return std::nullopt;
  elapsed_ = std::max(elapsed_, first->due);
  std::optional<envelope> due{std::move(first->command)};
  timers_.erase(first);
  return due;
}

aether::detail::effect_runtime::to_self recorder::self_sender() {
  return [to = inbox_](envelope command) { to->push(std::move(command)); };
}

void recorder::write_down(deed done) {
  if (into_ != nullptr) into_->push_back(std::move(done));
}

void recorder::start_timer(std::string name, std::chrono::milliseconds delay, envelope command) {
  std::erase_if(timers_, [&](const timer& known) { return known.name == name; });
  write_down({.what = deed::kind::timer,
              .name = name,
              .command = write(command.command),
              .unchecked = command.command.share(),
              .delay = delay});
  const auto due = elapsed_ + std::max(delay, std::chrono::milliseconds{0});
  timers_.push_back({std::move(name), due, std::move(command)});
}

void recorder::cancel_timer(std::string_view name) {
  std::erase_if(timers_, [&](const timer& known) { return known.name == name; });
  write_down({.what = deed::kind::timer_cancelled, .name = std::string{name}});
}

void recorder::in_caf(caf_work) { write_down({.what = deed::kind::caf}); }

result<void> recorder::tell(const actor_address& to, envelope command) {
  if (into_ == nullptr) return fail(errc::not_running, "the actor's test has ended");
  if (to == *self_address_)
    inbox_->push(std::move(command));
  else
    write_down({.what = deed::kind::told,
                .name = to_string(to),
                .command = write(command.command),
                .unchecked = std::move(command.command)});
  return {};
}

void recorder::ask(const actor_address& to, envelope command) {
  if (into_ == nullptr)
    return command.answer(fail(errc::not_running, "the actor's test has ended"));
  deed asked{.what = deed::kind::asked,
             .name = to_string(to),
             .command = write(command.command),
             .unchecked = command.command.share()};
  if (to == *self_address_)
    inbox_->push(std::move(command));
  else
    asked.answer = std::move(command.answer);
  write_down(std::move(asked));
}

}  // namespace aether::testing::detail
