#include "testing_subject.hpp"

#include <aether/persistence/commit.hpp>
#include <aether/runtime/describe.hpp>

#include <algorithm>
#include <utility>

namespace aether::testing::detail {

namespace {

/// As much as a commit's frame and one entry in it cost the runtime, besides names and payloads.
constexpr std::size_t frame_bytes = 4'096;
constexpr std::size_t entry_bytes = 48;

[[noreturn]] void complain(std::string what) { throw expectation_failed{std::move(what)}; }

std::optional<error> too_large(const std::vector<written>& events) {
  std::size_t size = frame_bytes + entry_bytes;
  for (const auto& event : events) size += event.type.size() + event.data.size() + entry_bytes;
  if (events.size() <= commit_events_max && size <= commit_bytes_max) return std::nullopt;
  return error{errc::commit_too_large, std::to_string(events.size()) + " events of " +
                                           std::to_string(size) + " bytes; a commit holds " +
                                           std::to_string(commit_events_max) + " events and " +
                                           std::to_string(commit_bytes_max) + " bytes"};
}

std::string events_of(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " event" : " events");
}

/// Calls `what`; the words of what it throws.
template <class What>
std::optional<error> guarded(const char* threw, What what) {
  try {
    what();
    return std::nullopt;
  } catch (const expectation_failed&) {
    throw;
  } catch (const std::exception& thrown) {
    return error{errc::handler_failed, std::string{threw} + ": " + thrown.what()};
  } catch (...) {
    return error{errc::handler_failed, threw};
  }
}

}  // namespace

void failed(std::string_view what, const std::string& expected, const std::string& found) {
  complain(std::string{what} + ": expected " + expected + "; found " + found);
}

std::string describe_all(const std::vector<written>& messages) {
  if (messages.empty()) return "none";
  std::string out;
  for (const auto& next : messages) out += (out.empty() ? "" : ", ") + describe(next);
  return out;
}

written write(const any_message& message) {
  written made{std::string{message.type().wire_name}, {}};
  message.encode_to(made.data);
  return made;
}

test_subject::test_subject(subject of, const actor_address& self)
    : of_{std::move(of)}, self_{&self}, live_{of_.make(self)}, state_{encoded_state()} {}

any_message test_subject::through_codec(std::string_view role, const any_message& message) const {
  return read_back(role, message.type(), write(message).data, message.object());
}

any_message test_subject::read_back(std::string_view role, const message_type& type,
                                    const bytes& data, const void* original) const {
  const std::string what = std::string{role} + " does not come back from its encoding as it was: ";
  const std::string was = aether::describe(type.wire_name, data);
  auto read = type.decode(data);
  if (!read) complain(what + was + ": " + read.error().message());
  const auto again = write(*read);
  if (again.data != data) complain(what + was + " became " + describe(again));
  const auto known = std::ranges::find(of_.comparisons, &type, &comparison::of);
  if (known != of_.comparisons.end() && !known->same(original, read->object()))
    complain(what + was +
             " does not equal what was encoded; its AETHER_MESSAGE lacks a field, or a codec "
             "drops something");
  return std::move(*read);
}

bytes test_subject::encoded_state() const {
  bytes out;
  live_->encode_state(out);
  return out;
}

std::string test_subject::words(const bytes& state) const {
  return aether::describe(of_.state->wire_name, state);
}

void test_subject::load(const bytes& state) {
  if (auto done = live_->decode_state(state); !done)
    complain("state does not come back from its encoding as it was: " + words(state) + ": " +
             done.error().message());
}

bytes test_subject::replayed(std::size_t from) {
  for (std::size_t i = from; i < history_.size(); ++i)
    if (auto done = live_->replay(history_[i]); !done)
      failed("history", aether::describe(history_[i].type, history_[i].data),
             done.error().message());
  return encoded_state();
}

bytes test_subject::replayed_from_start() {
  live_->reset();
  return replayed(0);
}

void test_subject::settle(std::size_t added, const std::optional<bytes>& as_persisted) {
  load(state_);
  const bytes from_snapshot = replayed(history_.size() - added);
  const bytes from_history = replayed_from_start();
  const std::string all = events_of(history_.size());
  if (const bytes again = replayed_from_start(); again != from_history)
    complain("apply is not deterministic: " + all + " made " + words(from_history) +
             ", and once more " + words(again));
  if (from_snapshot != from_history)
    complain("state does not come back whole from a snapshot: " + all + " from history make " +
             words(from_history) + ", the last " + std::to_string(added) +
             " of them after a snapshot " + words(from_snapshot) +
             "; the state's AETHER_MESSAGE lacks a field, or apply is not deterministic");
  if (as_persisted && *as_persisted != from_history)
    complain("events do not come back whole from history: applied as persisted they make " +
             words(*as_persisted) + ", read back " + words(from_history) +
             "; an event's AETHER_MESSAGE lacks a field, or apply is not deterministic");
  (void)read_back("state", *of_.state, from_history, live_->state());
  state_ = from_history;
  load(state_);
}

void test_subject::undo(std::size_t added, const bytes& state) {
  history_.resize(history_.size() - added);
  state_ = state;
  load(state_);
}

void test_subject::add_history(const std::vector<any_message>& events) {
  if (events.empty()) return;
  for (const auto& event : events) {
    auto stored = write(through_codec("event", event));
    history_.push_back({std::move(stored.type), std::move(stored.data)});
  }
  settle(events.size(), std::nullopt);
}

void test_subject::restart(bool from_snapshot) {
  live_ = of_.make(*self_);
  if (!from_snapshot && replayed_from_start() != state_)
    complain("apply is not deterministic: " + events_of(history_.size()) + " made " +
             words(state_) + ", and after a restart " + words(encoded_state()));
  load(state_);
}

result<aether::detail::decision> test_subject::decide(const any_message& command,
                                                      const command_context& context) {
  auto made = live_->decide(command, context);
  if (const bytes now = encoded_state(); now != state_)
    complain("deciding changed the state: " + describe(write(command)) + " made " + words(now) +
             " of " + words(state_));
  const bool threw = !made && made.error().code() == errc::handler_failed;
  if (threw && traits().on_failure == failure_policy::restart) restart(false);
  return made;
}

std::optional<error> test_subject::apply(const aether::detail::decision& made,
                                         std::vector<written>& events) {
  for (const auto& next : made.events) events.push_back(write(through_codec("event", next.event)));
  if (auto why = too_large(events)) return why;
  if (auto why = guarded("apply threw on an event not yet stored", [&] {
        for (const auto& next : made.events) next.apply(live_->state(), next.event.object());
      })) {
    restart(false);
    return why;
  }
  for (const auto& event : events) history_.push_back({event.type, event.data});
  settle(events.size(), encoded_state());
  return std::nullopt;
}

carried_out test_subject::carry_out(aether::detail::decision& made) {
  const bytes before = state_;
  carried_out done;
  if (!made.events.empty()) done.failure = apply(made, done.events);
  if (!done.failure && made.reply) {
    done.failure = guarded("making the reply threw", [&] {
      done.reply = write(through_codec("reply", made.reply(live_->state())));
    });
    if (done.failure) {
      undo(done.events.size(), before);
      if (!done.events.empty()) restart(false);
    }
  }
  if (done.failure) done.events.clear();
  return done;
}

}  // namespace aether::testing::detail
