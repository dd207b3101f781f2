#include "router.hpp"

#include "command_format.hpp"

#include <algorithm>
#include <optional>

namespace aether::cluster {

namespace {

/// How late a deadline may be noticed.
constexpr std::chrono::milliseconds sweep_interval{20};

std::chrono::steady_clock::time_point now() { return std::chrono::steady_clock::now(); }

/// Enters the end of an ask into the books.
void note(sent_stats& in, const result<any_reply>& answer) {
  if (answer) {
    ++in.handled;
  } else if (answer.error().code() == errc::rejected) {
    ++in.rejected;
  } else if (answer.error().code() == errc::overloaded) {
    ++in.overloaded;
  } else {
    ++in.failed;
  }
}

void add_one(std::atomic<std::uint64_t>& to) { to.fetch_add(1, std::memory_order_relaxed); }

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
    case errc::rejected:
      return attempt_result::rejected;
    default:
      return attempt_result::failed;
  }
}

}  // namespace

/// One ask under way. The machine is guarded by `mutex`; effects are carried out outside of it.
struct router::open_ask {
  open_ask(actor_address address, envelope sent, std::size_t bytes, const ask_machine::options& how)
      : to{std::move(address)},
        id{sent.id},
        correlation{sent.correlation},
        repeated{sent.repeated},
        stale_read{sent.stale_read},
        deadline{sent.deadline},
        command{std::move(sent.command)},
        footprint{bytes},
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
  /// Bytes that it is counted for.
  const std::size_t footprint;
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
               const options& how, timers& clock)
    : local_{local},
      over_{std::move(over)},
      here_{std::move(here)},
      names_{std::move(names)},
      shards_{shards},
      how_{how},
      clock_{clock} {}

void router::start() { sweep(); }

result<void> router::tell(const actor_address& to, envelope command) {
  auto& home = stripe_of_thread();
  add_one(home.tells);
  auto told = pass_on(to, std::move(command));
  if (!told) add_one(home.tells_refused);
  return told;
}

void router::send(const actor_address& to, envelope command, const durable_options& how,
                  receipt_sink done) {
  if (stopped_) return done(fail(errc::not_running, "this node has left"));
  if (!durably_) return command_router::send(to, std::move(command), how, std::move(done));
  durably_(to, command, how, std::move(done));
}

void router::lost(const dead_letter& letter) { local_.dead_letters().publish(letter); }

result<void> router::pass_on(const actor_address& to, envelope command) {
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

router::stripe& router::stripe_of_thread() {
  static std::atomic<std::size_t> threads{0};
  thread_local const std::size_t mine = threads++;
  return stripes_[mine % stripes_.size()];
}

result<void> router::take_room(std::size_t bytes) {
  const auto asks = open_.fetch_add(1, std::memory_order_relaxed);
  const auto used = open_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  const bool too_many = asks >= how_.asks_max;
  // Of what size one may be that is alone, its actor's node knows.
  if (!too_many && (used == 0 || used + bytes <= how_.asks_bytes_max)) return {};
  give_room_back(bytes);
  const std::string full = too_many ? std::to_string(how_.asks_max) + " asks"
                                    : std::to_string(how_.asks_bytes_max) + " bytes of asks";
  return fail(errc::overloaded, "this node has " + full + " under way; slow down and ask again");
}

void router::give_room_back(std::size_t bytes) noexcept {
  open_.fetch_sub(1, std::memory_order_relaxed);
  open_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
}

void router::refuse(envelope& command, error why) {
  result<any_reply> answer = std::unexpected(std::move(why));
  {
    auto& home = stripe_of_thread();
    const std::lock_guard lock{home.mutex};
    ++home.books.asks;
    note(home.books, answer);
  }
  command.answer(std::move(answer));
}

void router::ask(const actor_address& to, envelope command) {
  if (stopped_) return refuse(command, {errc::not_running, "this node has left"});
  // What goes to another node is encoded beside it, and takes about as much again.
  const bool stays = !over_ || local_.accepts(to.type, shard_of(to, shards_));
  const std::size_t size = sizeof(open_ask) + command.command.footprint() * (stays ? 1 : 2);
  if (auto room = take_room(size); !room) return refuse(command, std::move(room).error());
  const auto ask = std::make_shared<open_ask>(to, std::move(command), size, how_.asks);
  {
    auto& home = stripe_of(ask.get());
    const std::lock_guard lock{home.mutex};
    ++home.books.asks;
    home.asks.emplace(ask.get(), ask);
  }
  // Too late for `stop` to find it.
  if (stopped_) return finish(ask, fail(errc::not_running, "this node has left"));
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
  add_one(stripe_of(ask.get()).attempts);
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
  auto effect =
      ask->step([&](ask_machine& machine) { return machine.attempt_done(number, how, now()); });
  auto* end = std::get_if<ask_machine::finish>(&effect);
  if (end != nullptr && !end->why) return finish(ask, std::move(answer));
  if (end != nullptr && how == attempt_result::failed)
    end->why = error{end->why->code(), end->why->text() + ": " + answer.error().message()};
  carry_out(ask, std::move(effect));
}

void router::finish(const ask_ptr& ask, result<any_reply> answer) {
  {
    auto& home = stripe_of(ask.get());
    const std::lock_guard lock{home.mutex};
    if (home.asks.erase(ask.get()) == 0) return;
    note(home.books, answer);
  }
  give_room_back(ask->footprint);
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

sent_stats router::stats() {
  sent_stats sum;
  for (auto& each : stripes_) {
    // What was refused before what was sent, so that it is never more.
    sum.tells_refused += each.tells_refused;
    sum.tells += each.tells;
    sum.attempts += each.attempts;
    const std::lock_guard lock{each.mutex};
    sum.asks += each.books.asks;
    sum.asks_open += each.asks.size();
    sum.handled += each.books.handled;
    sum.rejected += each.books.rejected;
    sum.failed += each.books.failed;
    sum.overloaded += each.books.overloaded;
  }
  return sum;
}

void router::stop() {
  stopped_ = true;
  for (const auto& ask : all_open())
    finish(ask, fail(errc::outcome_unknown, "this node left before an answer came"));
}

}  // namespace aether::cluster
