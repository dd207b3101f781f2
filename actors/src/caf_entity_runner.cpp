#include "caf_entity_runner.hpp"

#include <aether/runtime/log.hpp>

#include <algorithm>
#include <random>
#include <utility>

namespace aether {

namespace {

/// The one at work on this thread.
thread_local entity_runner* at_work = nullptr;

/// The time in a round: read anew only when the coarse clock has moved on, which costs little for
/// each command.
class round_clock final : public running_clock {
 public:
  explicit round_clock(const host_core& host) noexcept : host_{host} {}

  void read(instant& into) override {
    const std::uint32_t tick = host_.now_ms();
    if (tick_ != tick) {
      tick_ = tick;
      now_ = host_.now();
      now_.from = this;
    }
    into = now_;
  }

 private:
  const host_core& host_;
  std::optional<std::uint32_t> tick_;
  instant now_;
};

struct shift {
  explicit shift(entity_runner& of) noexcept { at_work = &of; }
  ~shift() { at_work = nullptr; }
};

}  // namespace

bool entity_runner::joins_round(const activation& to, any_entity_input& input) {
  if (at_work != &to) return false;
  at_work->round_->join(std::move(input));
  return true;
}

caf::resumable::resume_result entity_runner::resume(caf::execution_unit*, std::size_t) {
  // Both are empty between runs; they are per thread so that an idle actor owns no buffers.
  thread_local inbox_round round;
  thread_local entity_effects effects;
  for (unsigned rounds = 0; rounds < rounds_max; ++rounds) {
    if (!host_.take_inbox(*this, round.taken, std::exchange(freed_, 0))) return awaiting_message;
    const shift mine{*this};
    round_ = &round;
    try {
      work_off(round, effects);
    } catch (const std::exception& thrown) {
      crash(thrown.what(), effects);
    } catch (...) {
      crash("an exception of unknown type", effects);
    }
    effects.clear();
    round.clear();
    if (!left_) continue;
    host_.earn(*this, std::exchange(freed_, 0));
    entity_.reset();  // a store's answer may hold this object for a while yet
    return awaiting_message;
  }
  return resume_later;
}

void entity_runner::abandon() {
  inbox.clear();
  forget_alarms();
  entity_.reset();
  belongings_.reset();  // its companion has ended with all others
}

void entity_runner::work_off(inbox_round& round, entity_effects& effects) {
  round_clock clock{host_};
  instant now{.from = &clock};
  while (round.left() > 0) {
    any_entity_input input = round.pop();
    now.renew();
    if (left_) {
      refuse(input);
      continue;
    }
    feed(input, now, effects);
    carry_out(effects);
    if (const auto what = std::exchange(threw_, nullptr); what && !left_) {
      entity_->side_effect_threw(*what, now, effects);
      carry_out(effects);
    }
  }
  if (left_) return;
  settle_up();
  // What came meanwhile is served first.
  std::vector<any_entity_input> none;
  if (entity_->now() == entity::phase::retired && host_.let_go(me(), false, none)) leave({});
}

void entity_runner::settle_up() {
  leaving.store(entity_->now() == entity::phase::leaving, std::memory_order_relaxed);
  in_trouble.store(entity_->in_trouble(), std::memory_order_relaxed);
  if (entity_->now() == entity::phase::recovering) return;
  if (std::exchange(permitted_, false)) {
    ahead_.reset();
    host_.permits.give_back();
  }
  // A state seldom grows by more than its events; so it is walked through for the weight only now
  // and then.
  if (std::exchange(weighed_, true) && grown_ <= weight / 8 + 4'096) return;
  grown_ = 0;
  host_.weigh(*this, sizeof(*this) - sizeof(entity) + entity_->footprint() +
                         self.type.str().size() + self.id.str().size());
}

void entity_runner::feed(any_entity_input& input, instant now, entity_effects& out) {
  struct {
    entity_runner& me;
    instant now;
    entity_effects& out;
    void operator()(entity_input::begin in) {
      me.entity_.emplace(*me.type_.traits, me.self, me.type_.factory);
      now.steady = in.at;  // what was read ahead was read after that
      me.entity_->start(now, out);
    }
    void operator()(envelope&& command) { me.entity_->receive(std::move(command), now, out); }
    void operator()(entity_input::tail&& in) {
      me.entity_->tail_read(std::move(*in.got), now, out);
    }
    void operator()(entity_input::loaded&& in) {
      me.entity_->snapshot_loaded(std::move(*in.got), now, out);
    }
    void operator()(entity_input::page&& in) {
      me.entity_->history_read(std::move(in.got), now, out);
    }
    void operator()(entity_input::fetched&& in) {
      me.entity_->commits_fetched(std::move(in.got), now, out);
    }
    void operator()(entity_input::records&& in) {
      me.entity_->records_read(std::move(in.got), now, out);
    }
    void operator()(entity_input::appended&& in) {
      if (in.got) ++me.host_.count.commits;
      me.entity_->appended(std::move(in.got), now, out);
    }
    void operator()(entity_input::saved&& in) {
      me.entity_->snapshot_saved(std::move(in.got), out);
    }
    void operator()(entity_input::retry) { me.entity_->retry(now, out); }
    void operator()(entity_input::expire) { me.entity_->expire(now, out); }
    void operator()(entity_input::timer) {
      if (!me.belongings_) return;
      // Through the door like any other, so that it is counted; the mailbox may be full.
      for (auto& command : me.belongings_->timers_ended(now.steady))
        me.host_.deliver_home(me.self, std::move(command));
      side_effects{me.host_, me, me.belongings_}.arm_timers();
    }
    void operator()(entity_input::permitted) {
      me.permitted_ = true;
      if (std::exchange(me.wants_tail_, false)) me.read_tail();
      if (std::exchange(me.wants_snapshot_, false)) me.load_snapshot();
    }
    void operator()(entity_input::retire in) { me.entity_->retire(in.how, out); }
    void operator()(entity_input::ahead&& in) { me.take_ahead(std::move(in.found)); }
  } visitor{*this, now, out};
  std::visit(visitor, std::move(input));
}

void entity_runner::carry_out(entity_effects& effects) {
  // No effect makes another one: what it causes comes back through the inbox.
  for (auto& wanted : effects)
    std::visit([this](auto&& effect) { carry_out(std::move(effect)); }, wanted);
  effects.clear();
}

template <class Input>
auto entity_runner::bring_back() {
  return [host = host_.shared_from_this(), to = me()](auto got) {
    host->post(to, Input{std::move(got)});
  };
}

void entity_runner::post_later(timers::ticket& entry, std::chrono::steady_clock::time_point when,
                               any_entity_input input) {
  host_.clock.cancel(entry);
  entry = host_.clock.at(
      when, [weak = host_.weak_from_this(), to = me(), input = std::move(input)]() mutable {
        if (const auto host = weak.lock()) host->post(to, std::move(input));
      });
}

entity_runner::alarms& entity_runner::my_alarms() {
  if (!alarms_) alarms_ = std::make_unique<alarms>();
  return *alarms_;
}

void entity_runner::forget_alarms() {
  if (belongings_) host_.clock.cancel(belongings_->alarm);
  if (!alarms_) return;
  host_.clock.cancel(alarms_->retry);
  host_.clock.cancel(alarms_->expire);
  alarms_.reset();
}

void entity_runner::take_ahead(std::unique_ptr<read_ahead> found) {
  ahead_ = std::move(found);
  awaited_ = true;
  if (std::exchange(wants_tail_, false)) carry_out(entity_effect::read_tail{});
  if (permitted_ && std::exchange(wants_snapshot_, false)) load_snapshot();
}

void entity_runner::read_tail() {
  // Once: when the log seems to end too early it is asked again.
  if (ahead_ && std::exchange(ahead_->to_the_end, false)) {
    std::optional<recorded_commit> newest;
    if (!ahead_->commits.empty()) newest = ahead_->commits.back();
    return bring_back<entity_input::tail>()(
        result<std::optional<recorded_commit>>{std::move(newest)});
  }
  host_.events->latest(self, bring_back<entity_input::tail>());
}

void entity_runner::load_snapshot() {
  // Where the shard had none it is gone without: what came since is read from the history.
  if (ahead_) {
    bring_back<entity_input::loaded>()(
        result<std::optional<snapshot>>{std::exchange(ahead_->newest, std::nullopt)});
    return;
  }
  host_.snapshots->load(self, any_version, bring_back<entity_input::loaded>());
}

std::vector<recorded_commit> entity_runner::ahead(const entity_effect::fetch_commits& wanted) {
  if (!ahead_) return {};
  auto& all = ahead_->commits;
  const auto is_wanted = [&](const recorded_commit& one) {
    return std::ranges::binary_search(wanted.sequences, one.sequence);
  };
  if (std::cmp_not_equal(std::ranges::count_if(all, is_wanted), wanted.sequences.size())) return {};
  const auto first = std::ranges::find_if(all, is_wanted);
  std::vector<recorded_commit> found;
  for (auto it = first; it != all.end(); ++it)
    if (is_wanted(*it)) found.push_back(std::move(*it));
  // What is left has no gaps: it may still be read in order.
  all.erase(first, all.end());
  return found;
}

std::vector<recorded_commit> entity_runner::ahead(const entity_effect::read_history& wanted) {
  if (!ahead_) return {};
  std::vector<recorded_commit> found;
  for (const auto& one : ahead_->commits)
    if (one.commit.last() >= wanted.from && found.size() < recovery_machine::page_commits)
      found.push_back(one);
  if (!found.empty() && found.front().commit.first > wanted.from) found.clear();
  return found;
}

void entity_runner::carry_out(entity_effect::read_tail) {
  if (expects_ahead && !awaited_) {
    wants_tail_ = true;
    return;
  }
  if (!permitted_) permitted_ = host_.permits.take_or_wait(me());
  if (permitted_)
    read_tail();
  else
    wants_tail_ = true;
}

void entity_runner::carry_out(entity_effect::confirm_tail) {
  host_.events->latest(self, bring_back<entity_input::tail>());
}

void entity_runner::carry_out(entity_effect::load_snapshot) {
  if (permitted_)
    load_snapshot();
  else
    wants_snapshot_ = true;
}

void entity_runner::carry_out(entity_effect::read_history wanted) {
  auto back = bring_back<entity_input::page>();
  if (auto found = ahead(wanted); !found.empty())
    return back(result<std::vector<recorded_commit>>{std::move(found)});
  host_.events->read(self, wanted.from, wanted.after, recovery_machine::page_commits,
                     std::move(back));
}

void entity_runner::carry_out(entity_effect::fetch_commits wanted) {
  auto back = bring_back<entity_input::fetched>();
  if (auto found = ahead(wanted); !found.empty())
    return back(result<std::vector<recorded_commit>>{std::move(found)});
  host_.events->fetch(self, std::move(wanted.sequences), std::move(back));
}

void entity_runner::carry_out(entity_effect::read_records) {
  host_.events->records(self, bring_back<entity_input::records>());
}

void entity_runner::carry_out(entity_effect::append wanted) {
  wanted.next.id = commit_id::make_after(wanted.expected.commit);
  wanted.next.at = std::chrono::time_point_cast<std::chrono::milliseconds>(host_.wall_clock());
  wanted.next.writer = host_.options.node_name;
  wanted.next.epoch = writer_epoch{host_.epoch.load(std::memory_order_relaxed)};
  for (const auto& event : wanted.next.events) grown_ += event.data.size();
  host_.events->append(self, wanted.expected, std::move(wanted.next),
                       bring_back<entity_input::appended>());
}

void entity_runner::carry_out(entity_effect::save_snapshot wanted) {
  host_.snapshots->save(self, std::move(wanted.taken), bring_back<entity_input::saved>());
}

void entity_runner::carry_out(entity_effect::answer wanted) {
  freed_ += wanted.command.command.footprint() + sizeof(envelope);
  host_.ended(*this, wanted.command, wanted.with, wanted.expired);
  if (!wanted.command.answer) return;
  try {
    wanted.command.answer(std::move(wanted.with));
  } catch (...) {
    log::error("actor", "answer_handler_threw", {{"actor", to_string(self)}});
  }
}

void entity_runner::carry_out(entity_effect::act wanted) {
  const command_context known{self, std::move(wanted.known)};
  side_effects reach{host_, *this, belongings_};
  std::string what;
  try {
    for (auto& effect : wanted.what) effect(reach, known);
    return;
  } catch (const std::exception& thrown) {
    what = thrown.what();
  } catch (...) {
    what = "an exception of unknown type";
  }
  log::error("actor", "side_effect_threw",
             {{"actor", to_string(self)}, {"command", known.command().hex()}, {"what", what}});
  threw_ = std::make_unique<std::string>(std::move(what));
}

void entity_runner::carry_out(entity_effect::retry_later wanted) {
  // A store that comes back is not to be asked by everyone at once.
  thread_local std::minstd_rand random{std::random_device{}()};
  const auto half = wanted.delay / 2;
  std::uniform_int_distribution<std::int64_t> spread{0, half.count()};
  post_later(my_alarms().retry,
             std::chrono::steady_clock::now() + half + std::chrono::milliseconds{spread(random)},
             entity_input::retry{});
}

void entity_runner::carry_out(entity_effect::expire_at wanted) {
  post_later(my_alarms().expire, wanted.when, entity_input::expire{});
}

void entity_runner::carry_out(entity_effect::report wanted) {
  const std::string_view event{wanted.event};
  if (event == "append_conflict") ++host_.count.conflicts;
  if (event == "quarantined") ++host_.count.quarantines;
  if (event == "restarted") ++host_.count.restarts;
  log::warn("actor", event, {{"actor", to_string(self)}, {"detail", wanted.detail}});
}

void entity_runner::carry_out(entity_effect::retired wanted) {
  if (!wanted.ended && wanted.left.empty() && !entity_->forced()) return;  // after the round
  while (round_->left() > 0) {
    auto input = round_->pop();
    if (auto* command = std::get_if<envelope>(&input))
      wanted.left.push_back(std::move(*command));
    else
      refuse(input);
  }
  std::vector<any_entity_input> left;
  host_.succeed(me(), wanted.ended, std::move(wanted.left), left);
  leave(std::move(left));
}

void entity_runner::crash(const char* what, entity_effects& effects) {
  log::error("actor", "crashed", {{"actor", to_string(self)}, {"what", what}});
  std::vector<any_entity_input> left;
  if (!left_ && host_.let_go(me(), true, left)) {
    leave(std::move(left));
    host_.keep_alive(*this);
  }
  for (auto& effect : effects)
    if (auto* said = std::get_if<entity_effect::answer>(&effect);
        said != nullptr && !said->command.command.empty())
      carry_out(std::move(*said));
  if (entity_)
    for (auto& command : entity_->give_up())
      carry_out(entity_effect::answer{std::move(command),
                                      fail(errc::outcome_unknown, "the actor crashed")});
  while (round_->left() > 0) {
    auto input = round_->pop();
    refuse(input);
  }
}

void entity_runner::leave(std::vector<any_entity_input> left) {
  left_ = true;
  for (auto& input : left) refuse(input);
  if (std::exchange(permitted_, false)) host_.permits.give_back();
  forget_alarms();
  if (belongings_) host_.with_caf.dismiss(belongings_->companion);
  belongings_.reset();
  host_.left_memory(home);
}

void entity_runner::refuse(any_entity_input& input) {
  if (auto* command = std::get_if<envelope>(&input)) send_on(std::move(*command));
  if (std::holds_alternative<entity_input::permitted>(input)) host_.permits.give_back();
}

void entity_runner::send_on(envelope command) {
  if (command.answer || host_.stopping())
    return carry_out(entity_effect::answer{std::move(command),
                                           fail(errc::not_owner, "the actor has left this node")});
  // By force it leaves where another owner may have had a copy for long, and have forgotten its id.
  command.repeated = command.repeated || (entity_ && entity_->forced());
  freed_ += command.command.footprint() + sizeof(envelope);
  host_.handed_on(*this);
  host_.deliver_home(self, std::move(command));
}

}  // namespace aether
