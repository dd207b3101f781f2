#include <aether/runtime/describe.hpp>
#include "testing_stage_impl.hpp"

#include <algorithm>
#include <utility>

namespace aether::testing::detail {

namespace {

std::string describe(const error& why) {
  const auto* reason = why.reason();
  if (reason == nullptr) return why.message();
  return why.message() + " (reason " + aether::describe(reason->wire_name, reason->data) + ')';
}

/// What it came to, in a few words.
std::string describe(const outcome& seen) {
  if (seen.failure) return describe(*seen.failure);
  if (seen.deferred) return "deferred";
  return "accepted, with events " + describe_all(seen.events);
}

std::string describe(const deeds& all) {
  std::string out;
  for (const auto& next : all)
    if (!next.expected) out += (out.empty() ? "" : ", ") + describe(next);
  return out.empty() ? "none" : out;
}

/// The first that is `like` and of which `also` holds, or null.
deed* find(deeds& all, const deed& like, auto also) {
  const auto found = std::ranges::find_if(all, [&](const deed& next) {
    return next.what == like.what && next.name == like.name && next.command == like.command &&
           next.delay == like.delay && also(next);
  });
  return found == all.end() ? nullptr : &*found;
}

bool unexpected(const deed& done) { return !done.expected; }
bool unanswered(const deed& done) { return static_cast<bool>(done.answer); }

}  // namespace

outcome& stage::impl::seen(std::string_view what, const std::string& expected) const {
  if (current == nullptr)
    failed(what, expected, "no command that it is about: say when(...) or then_decided(...) first");
  return *current;
}

void stage::impl::expect(const deed& like) {
  const std::string wanted = describe(like);
  auto& all = seen("side effects", wanted).deeds;
  deed* const found = find(all, like, unexpected);
  if (found == nullptr) failed("side effects", wanted, describe(all));
  found->expected = true;
}

void stage::expect_persisted(const std::vector<written>& events) {
  const std::string wanted = describe_all(events);
  const auto& seen = impl_->seen("events", wanted);
  if (seen.failure || seen.deferred) failed("events", wanted, describe(seen));
  if (seen.events != events) failed("events", wanted, describe_all(seen.events));
}

void stage::expect_persisted_nothing() {
  const auto& seen = impl_->seen("events", "none");
  if (!seen.events.empty()) failed("events", "none", describe_all(seen.events));
}

void stage::expect_replied(const written& reply) {
  const std::string wanted = describe(reply);
  const auto& seen = impl_->seen("reply", wanted);
  if (seen.failure || seen.deferred) failed("reply", wanted, describe(seen));
  if (!seen.reply) failed("reply", wanted, "none");
  if (*seen.reply != reply) failed("reply", wanted, describe(*seen.reply));
}

void stage::expect_rejected(std::string_view text) {
  const std::string wanted = "rejected: " + std::string{text};
  const auto& seen = impl_->seen("outcome", wanted);
  if (!seen.failure || seen.failure->code() != errc::rejected || seen.failure->text() != text)
    failed("outcome", wanted, describe(seen));
}

void stage::expect_rejected(const written& reason) {
  const std::string wanted = "rejected (reason " + describe(reason) + ')';
  const auto& seen = impl_->seen("outcome", wanted);
  const auto* found = seen.failure ? seen.failure->reason() : nullptr;
  if (found == nullptr || found->wire_name != reason.type || found->data != reason.data)
    failed("outcome", wanted, describe(seen));
}

void stage::expect_failed(errc code) {
  const std::string wanted{to_string(code)};
  const auto& seen = impl_->seen("outcome", wanted);
  if (!seen.failure || seen.failure->code() != code) failed("outcome", wanted, describe(seen));
}

void stage::expect_deferred() {
  const auto& seen = impl_->seen("outcome", "deferred");
  if (!seen.deferred) failed("outcome", "deferred", describe(seen));
}

void stage::expect_stopped() {
  const auto& seen = impl_->seen("outcome", "stopped");
  if (!seen.stopped) failed("outcome", "stopped", describe(seen));
}

void stage::expect_state(const written& state) {
  const written is = impl_->current != nullptr ? impl_->current->state : impl_->actor.state();
  if (is != state) failed("state", describe(state), describe(is));
}

void stage::expect_told(const std::string& whom, const written& command) {
  if (whom == to_string(*impl_->self)) return expect_told_itself(command);
  impl_->expect({.what = deed::kind::told, .name = whom, .command = command});
}

void stage::expect_asked(const std::string& whom, const written& command,
                         const message_type* reply) {
  const deed like{.what = deed::kind::asked, .name = whom, .command = command};
  auto& here = impl_->seen("side effects", describe(like));
  impl_->asker = &here;
  impl_->question = find(here.deeds, like, unexpected);
  for (auto from = impl_->outcomes.rbegin();
       impl_->question == nullptr && from != impl_->outcomes.rend(); ++from) {
    impl_->asker = &*from;
    impl_->question = find(from->deeds, like, unanswered);
  }
  if (impl_->question == nullptr) failed("side effects", describe(like), describe(here.deeds));
  impl_->question->expected = true;
  impl_->question->reply = reply;
}

void stage::expect_told_itself(const written& command) {
  impl_->expect({.what = deed::kind::told_itself, .command = command});
}

void stage::expect_timer(std::string_view name, std::chrono::milliseconds delay,
                         const written& command) {
  impl_->expect(
      {.what = deed::kind::timer, .name = std::string{name}, .command = command, .delay = delay});
}

void stage::expect_timer_cancelled(std::string_view name) {
  impl_->expect({.what = deed::kind::timer_cancelled, .name = std::string{name}});
}

void stage::expect_caf() { impl_->expect({.what = deed::kind::caf}); }

void stage::expect_no_side_effects() {
  const std::string found = describe(impl_->seen("side effects", "none").deeds);
  if (found != "none") failed("side effects", "none", found);
}

void stage::expect_decided(const written& command) {
  const std::string wanted = describe(command);
  if (impl_->next == impl_->outcomes.size()) failed("decided next", wanted, "no further command");
  auto& found = impl_->outcomes[impl_->next];
  if (found.command != command) failed("decided next", wanted, describe(found.command));
  impl_->current = &found;
  ++impl_->next;
}

void stage::expect_decided_nothing_more() {
  std::vector<written> more;
  for (std::size_t i = impl_->next; i < impl_->outcomes.size(); ++i)
    more.push_back(impl_->outcomes[i].command);
  if (!more.empty()) failed("decided next", "no further command", describe_all(more));
}

}  // namespace aether::testing::detail
