#include <aether/runtime/describe.hpp>
#include "testing_stage_impl.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace aether::testing::detail {

namespace {

std::shared_ptr<const actor_address> address_of(const actor_type& type, std::string_view id) {
  return std::make_shared<const actor_address>(actor_address{type, actor_id::parse(id).value()});
}

command_id numbered(std::uint64_t number) {
  std::array<std::uint8_t, command_id::size> raw{};
  for (std::size_t i = raw.size(); number != 0; number >>= 8U)
    raw[--i] = static_cast<std::uint8_t>(number);
  return command_id{raw};
}

}  // namespace

stage::impl::impl(subject of, std::string_view id)
    : self{address_of(of.traits->type, id)}, actor{std::move(of), *self}, effects{self} {}

stage::impl::~impl() { forget_questions(); }

void stage::impl::begin_step() {
  current = nullptr;
  question = nullptr;
  next = outcomes.size();
  chain = 0;
}

void stage::impl::run(envelope command) {
  decide_waiting(std::move(command));
  settle();
}

void stage::impl::settle() {
  while (true) {
    if (decide_deferred()) continue;
    auto told = effects.next_command();
    if (!told) return;
    decide_waiting(std::move(*told));
  }
}

bool stage::impl::decide_deferred() {
  bool any = false;
  for (auto one = deferred.begin(); one != deferred.end();) {
    if (one->at == actor.version()) {
      ++one;
      continue;
    }
    any = true;
    if (decide(one->command))
      (one++)->at = actor.version();
    else
      one = deferred.erase(one);
  }
  return any;
}

void stage::impl::decide_waiting(envelope command) {
  if (!decide(command)) return;
  if (deferred.size() < actor.traits().deferred_max)
    return deferred.push_back({std::move(command), actor.version()});
  auto& out = outcomes.back();
  out.deferred = false;
  out.failure.emplace(errc::overloaded, "too many commands are deferred");
  if (command.answer) command.answer(std::unexpected(*out.failure));
}

bool stage::impl::decide(envelope& command) {
  if (++chain > chain_max)
    failed("commands that follow from one another", "at most " + std::to_string(chain_max),
           "one more: " + aether::describe(command.command));
  const any_message read = actor.through_codec("command", command.command);
  auto& out = outcomes.emplace_back(outcome{.command = write(read)});
  effects.write_to(&out.deeds);
  const command_context::facts known{actor.version(), command.id, command.correlation,
                                     command.sender, now};
  auto made = actor.decide(read, command_context{*self, known});
  out.state = actor.state();
  if (!made || made->rejection) {
    out.failure = made ? *made->rejection : made.error();
    if (command.answer) command.answer(std::unexpected(*out.failure));
    return false;
  }
  out.deferred = made->defers;
  if (!made->defers) carry_out(command, std::move(*made), known, out);
  return out.deferred;
}

void stage::impl::carry_out(envelope& command, aether::detail::decision made,
                            command_context::facts known, outcome& out) {
  auto done = actor.carry_out(made);
  out.events = std::move(done.events);
  out.reply = std::move(done.reply);
  out.failure = std::move(done.failure);
  out.state = actor.state();
  if (command.answer) {
    result<any_reply> answer;
    if (out.failure)
      answer = std::unexpected(*out.failure);
    else if (out.reply)
      answer = out.reply->data;
    command.answer(std::move(answer));
  }
  if (out.failure) return;
  known.version = actor.version();
  run_side_effects(made, command_context{*self, std::move(known)}, out);
  out.stopped = made.stops;
  if (out.stopped) leave_memory();
}

void stage::impl::run_side_effects(aether::detail::decision& made, const command_context& context,
                                   outcome& out) {
  effects.begin_side_effect();
  std::optional<std::string> threw;
  for (auto one = made.after.begin(); one != made.after.end() && !threw; ++one) {
    try {
      (*one)(effects, context);
    } catch (const std::exception& thrown) {
      threw = thrown.what();
    } catch (...) {
      threw = "something that is no std::exception";
    }
  }
  effects.end_side_effect();
  if (threw) failed("side effects of " + describe(out.command), "no exception", *threw);
  check_deeds(out.deeds);
}

void stage::impl::check_deeds(deeds& of) const {
  for (auto& done : of)
    if (!done.unchecked.empty()) {
      (void)actor.through_codec("command", done.unchecked);
      done.unchecked = {};
    }
}

void stage::impl::leave_memory() {
  effects.forget_timers();
  for (auto& waiting : deferred) waiting.at.reset();
  actor.restart(true);
}

void stage::impl::forget_questions() {
  question = nullptr;
  effects.forget_all();
  effects.write_to(nullptr);
  deferred.clear();
  // Each hears `outcome_unknown`; what it wants to do then goes nowhere.
  for (auto& done : outcomes)
    for (auto& deed : done.deeds) deed.answer = nullptr;
}

void stage::impl::pass_time(std::chrono::nanoseconds by) {
  const auto began = effects.elapsed();
  const auto wall = now;
  const auto until = began + std::max(by, std::chrono::nanoseconds{0});
  const auto go_to = [&](std::chrono::nanoseconds then) {
    now = wall + std::chrono::duration_cast<command_context::wall_time::duration>(then - began);
  };
  for (auto last = began; auto due = effects.next_timer(until); last = effects.elapsed()) {
    if (effects.elapsed() != last) chain = 0;
    go_to(effects.elapsed());
    run(std::move(*due));
  }
  effects.pass_until(until);
  go_to(until);
}

void stage::impl::give_answer(result<any_message> answer) {
  if (question == nullptr) failed("answer", "a then_asked(...) before it", "none");
  if (!question->answer) failed("answer", "a question without one", describe(*question));
  const auto name = [](const message_type* type) {
    return type == nullptr ? std::string{"none"} : std::string{type->wire_name};
  };
  const auto* given = answer && !answer->empty() ? &answer->type() : nullptr;
  if (answer && given != question->reply)
    failed("answer to " + describe(*question), name(question->reply), name(given));
  result<any_reply> sent;
  if (!answer)
    sent = std::unexpected(std::move(answer).error());
  else if (given != nullptr)
    sent = write(actor.through_codec("answer", *answer)).data;
  chain = 0;
  auto sink = std::exchange(question->answer, nullptr);
  effects.write_to(&asker->deeds);
  sink(std::move(sent));
  check_deeds(asker->deeds);
  settle();
}

stage::stage(subject of, std::string_view id) : impl_{std::make_unique<impl>(std::move(of), id)} {}
stage::~stage() = default;

void stage::add_history(std::vector<any_message> events) {
  impl_->begin_step();
  impl_->actor.add_history(events);
  impl_->settle();
}

void stage::restart(bool from_snapshot) {
  impl_->begin_step();
  impl_->forget_questions();
  impl_->actor.restart(from_snapshot);
}

void stage::set_time(command_context::wall_time now) { impl_->now = now; }

void stage::set_sender(std::string_view type, std::string_view id) {
  impl_->next_sender = address_of(actor_type::parse(type).value(), id);
}

void stage::set_correlation(command_id story) { impl_->next_correlation = story; }

void stage::when(any_message command) {
  impl_->begin_step();
  const std::size_t place = impl_->outcomes.size();
  envelope sent;
  sent.id = numbered(++impl_->commands);
  sent.correlation = std::exchange(impl_->next_correlation, {});
  sent.sender = std::exchange(impl_->next_sender, nullptr);
  sent.command = std::move(command);
  impl_->run(std::move(sent));
  impl_->current = &impl_->outcomes[place];
  impl_->next = place + 1;
}

void stage::advance(std::chrono::nanoseconds by) {
  impl_->begin_step();
  impl_->pass_time(by);
}

void stage::answer(result<any_message> answer) { impl_->give_answer(std::move(answer)); }

}  // namespace aether::testing::detail
