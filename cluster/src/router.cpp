#include "router.hpp"

#include "command_format.hpp"

#include <algorithm>
#include <optional>

namespace aether::cluster {

namespace {

/// How late a deadline may be noticed.
constexpr std::chrono::milliseconds sweep_interval{20};

std::chrono::steady_clock::time_point now() { return std::chrono::steady_clock::now(); }

envelope copy_of_tell(const envelope& from) {
  envelope copy;
  copy.id = from.id;
  copy.correlation = from.correlation;
  copy.repeated = from.repeated;
  copy.stale_read = from.stale_read;
  copy.deadline = from.deadline;
  copy.command = from.command.share();
  copy.sender = from.sender;
  return copy;
}

/// What an answer means for the ask: whether it is the actor's, or the way was barred.
attempt_result classify(const result<any_reply>& answer) {
  if (answer) return attempt_result::answered;
  switch (answer.error().code()) {
    case errc::not_owner:
      return attempt_result::not_owner;
    case errc::unavailable:
      return attempt_result::unavailable;
    case errc::not_running:
      return attempt_result::unavailable;
    case errc::overloaded:
      return attempt_result::overloaded;
    case errc::timed_out:
      return attempt_result::timed_out;
    case errc::outcome_unknown:
      return attempt_result::outcome_unknown;
    default:
      return attempt_result::answered;
  }
}

}  // namespace

/// One ask under way. The machine is guarded by `mutex`; effects are carried out outside of it.
struct router::open_ask {
  open_ask(actor_address address, envelope sent, const ask_machine::options& how)
      : to{std::move(address)},
        id{sent.id},
        correlation{sent.correlation},
        repeated{sent.repeated},
        stale_read{sent.stale_read},
        deadline{sent.deadline},
        command{std::move(sent.command)},
        sender{std::move(sent.sender)},
        sink{std::move(sent.answer)},
        machine{how, sent.deadline} {}

  const actor_address to;
  const command_id id;
  const command_id correlation;
  const bool repeated;
  const bool stale_read;
  const std::chrono::steady_clock::time_point deadline;
  const any_message command;
  const std::shared_ptr<const actor_address> sender;
  std::mutex mutex;
  reply_sink sink;
  ask_machine machine;
  /// Made when it first goes to another node; used by one attempt at a time.
  std::optional<outgoing_command> encoded;

  template <class Input>
  ask_machine::effect step(Input input) {
    const std::lock_guard lock{mutex};
    return input(machine);
  }

  [[nodiscard]] envelope wrap(bool again) const {
    return {id, correlation, repeated || again, stale_read, deadline, command.share(), {}, sender};
  }
};

router::router(actor_host& local, std::shared_ptr<nats_connection> over,
               std::shared_ptr<slot_traffic> here, subjects names, std::uint32_t shards,
               ask_machine::options how, timers& clock)
    : local_{local},
      over_{std::move(over)},
      here_{std::move(here)},
      names_{std::move(names)},
      shards_{shards},
      how_{how},
      clock_{clock} {}

void router::start() { sweep(); }

result<void> router::tell(const actor_address& to, envelope command) {
  if (stopped_) return fail(errc::not_running, "this node has left");
  if (!over_) return local_.tell(to, std::move(command));
  const auto admitted = here_->admit(to, command);
  if (admitted.way == slot_traffic::passage::kept) return {};
  if (admitted.way == slot_traffic::passage::full) return slot_traffic::too_many_kept();
  if (admitted.way == slot_traffic::passage::through) {
    auto spare = copy_of_tell(command);
    auto sent = local_.tell(to, std::move(command));
    // Its slot is leaving just now: the rest of the way is over the network.
    if (sent || sent.error().code() != errc::not_owner) return sent;
    command = std::move(spare);
  }
  return publish_tell(*over_, names_, shards_, to, command, now());
}

router::stripe& router::stripe_of(const open_ask* ask) {
  return stripes_[std::hash<const open_ask*>{}(ask) / alignof(std::max_align_t) % stripes_.size()];
}

void router::ask(const actor_address& to, envelope command) {
  if (stopped_) return command.answer(fail(errc::not_running, "this node has left"));
  const auto ask = std::make_shared<open_ask>(to, std::move(command), how_);
  {
    auto& home = stripe_of(ask.get());
    const std::lock_guard lock{home.mutex};
    home.asks.emplace(ask.get(), ask);
  }
  carry_out(ask, ask->step([](ask_machine& machine) { return machine.start(now()); }));
}

void router::carry_out(const ask_ptr& ask, ask_machine::effect effect) {
  if (const auto* attempt = std::get_if<ask_machine::send>(&effect)) return send(ask, *attempt);
  if (const auto* pause = std::get_if<ask_machine::wait>(&effect)) {
    clock_.at(pause->until, [weak = weak_from_this(), ask] {
      if (const auto self = weak.lock())
        self->carry_out(ask, ask->step([](ask_machine& machine) { return machine.tick(now()); }));
    });
    return;
  }
  if (auto* end = std::get_if<ask_machine::finish>(&effect); end != nullptr && end->why)
    finish(ask, std::unexpected(std::move(*end->why)));
}

void router::send(const ask_ptr& ask, const ask_machine::send& attempt) {
  if (!over_) return local_.ask(ask->to, local_attempt(ask, attempt.number));
  auto command = local_attempt(ask, attempt.number);
  const auto admitted = here_->admit(ask->to, command);
  switch (admitted.way) {
    case slot_traffic::passage::through:
      return local_.ask(ask->to, std::move(command));
    case slot_traffic::passage::full:
      return attempt_ended(ask, attempt.number, slot_traffic::too_many_kept());
    case slot_traffic::passage::shut:
      return send_remote(ask, attempt);
    case slot_traffic::passage::kept:
      return;
  }
}

envelope router::local_attempt(const ask_ptr& ask, std::uint32_t number) {
  envelope command = ask->wrap(number > 1);
  command.answer = [self = shared_from_this(), ask, number](result<any_reply> answer) {
    self->attempt_ended(ask, number, std::move(answer));
  };
  return command;
}

void router::send_remote(const ask_ptr& ask, const ask_machine::send& attempt) {
  const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(attempt.timeout);
  const bool again = attempt.number > 1;
  if (!ask->encoded) ask->encoded.emplace(names_, shards_, ask->to, ask->wrap(again));
  over_->request(
      ask->encoded->message(ask->repeated || again, timeout), timeout,
      [self = shared_from_this(), ask, number = attempt.number](result<nats_message> answer) {
        self->attempt_ended(
            ask, number,
            answer ? parse_answer(*answer) : result<any_reply>{std::unexpected(answer.error())});
      });
}

void router::attempt_ended(const ask_ptr& ask, std::uint32_t number, result<any_reply> answer) {
  const auto how = classify(answer);
  const auto effect =
      ask->step([&](ask_machine& machine) { return machine.attempt_done(number, how, now()); });
  const auto* end = std::get_if<ask_machine::finish>(&effect);
  if (end != nullptr && !end->why) return finish(ask, std::move(answer));
  carry_out(ask, effect);
}

void router::finish(const ask_ptr& ask, result<any_reply> answer) {
  {
    auto& home = stripe_of(ask.get());
    const std::lock_guard lock{home.mutex};
    home.asks.erase(ask.get());
  }
  reply_sink sink;
  {
    const std::lock_guard lock{ask->mutex};
    sink = std::exchange(ask->sink, nullptr);
  }
  if (sink) sink(std::move(answer));
}

std::vector<router::ask_ptr> router::due(std::chrono::steady_clock::time_point when) {
  std::vector<ask_ptr> found;
  for (auto& next : stripes_) {
    const std::lock_guard lock{next.mutex};
    for (const auto& [key, ask] : next.asks)
      if (ask->deadline <= when) found.push_back(ask);
  }
  return found;
}

std::vector<router::ask_ptr> router::all_open() {
  return due(std::chrono::steady_clock::time_point::max());
}

void router::sweep() {
  if (stopped_) return;
  for (const auto& ask : due(now()))
    carry_out(ask, ask->step([](ask_machine& machine) { return machine.tick(now()); }));
  clock_.after(sweep_interval, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->sweep();
  });
}

void router::owners_changed(const std::function<bool(const actor_type&, shard_id)>& changed) {
  for (const auto& ask : all_open())
    if (changed(ask->to.type, shard_of(ask->to, shards_)))
      carry_out(ask, ask->step([](ask_machine& machine) { return machine.owner_changed(now()); }));
}

void router::stop() {
  stopped_ = true;
  for (const auto& ask : all_open())
    finish(ask, fail(errc::outcome_unknown, "this node left before an answer came"));
}

}  // namespace aether::cluster
