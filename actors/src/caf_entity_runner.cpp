#include "caf_entity_runner.hpp"

#include <aether/runtime/log.hpp>

#include <algorithm>
#include <random>
#include <utility>

namespace aether {

namespace {

/// The one at work on this thread.
thread_local entity_runner* at_work = nullptr;

struct shift {
  explicit shift(entity_runner& of) noexcept { at_work = &of; }
  ~shift() { at_work = nullptr; }
};

}  // namespace

entity_runner::entity_runner(caf::actor_config& config, std::shared_ptr<host_core> host,
                             activation_ptr self, const host_core::hosted_type& type)
    : caf::event_based_actor{config}, host_{std::move(host)}, self_{std::move(self)}, type_{type} {}

caf::behavior entity_runner::make_behavior() {
  return {[this](wake_atom) { run(); }};
}

bool entity_runner::joins_round(const activation& to, any_entity_input& input) {
  if (at_work == nullptr || at_work->self_.get() != &to) return false;
  at_work->round_->join(std::move(input));
  return true;
}

void entity_runner::run() {
  // Both are empty between runs; they are per thread so that an idle actor owns no buffers.
  thread_local inbox_round round;
  thread_local entity_effects effects;
  const shift mine{*this};
  round_ = &round;
  for (unsigned rounds = 0; rounds < rounds_max; ++rounds) {
    if (gone_ || !host_->take_inbox(*self_, round.taken)) return;
    try {
      work_off(round, effects);
    } catch (const std::exception& thrown) {
      crash(thrown.what());
    } catch (...) {
      crash("an exception of unknown type");
    }
    effects.clear();
    round.clear();
  }
  send(this, wake_atom::value);
}

void entity_runner::work_off(inbox_round& round, entity_effects& effects) {
  const auto now = std::chrono::steady_clock::now();
  while (round.left() > 0) {
    any_entity_input input = round.pop();
    if (gone_) {
      refuse(input);
    } else {
      feed(input, now, effects);
      carry_out(effects);
    }
  }
  if (permitted_ && entity_->now() != entity::phase::recovering) {
    permitted_ = false;
    ahead_.reset();
    host_->permits.give_back();
  }
}

void entity_runner::make_entity() {
  std::string what = "an exception of unknown type";
  try {
    entity_.emplace(*type_.traits, type_.factory(self_->self));
    return;
  } catch (const std::exception& thrown) {
    what = thrown.what();
  } catch (...) {
  }
  entity_.emplace(*type_.traits, error{errc::handler_failed, "making the actor threw: " + what});
}

void entity_runner::feed(any_entity_input& input, entity::time_point now, entity_effects& out) {
  struct {
    entity_runner& me;
    entity::time_point now;
    entity_effects& out;
    void operator()(entity_input::begin) {
      me.make_entity();
      me.entity_->start(out);
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
      if (in.got) ++me.host_->count.commits;
      me.entity_->appended(std::move(in.got), now, out);
    }
    void operator()(entity_input::saved&& in) {
      me.entity_->snapshot_saved(std::move(in.got), out);
    }
    void operator()(entity_input::retry) { me.entity_->retry(now, out); }
    void operator()(entity_input::permitted) {
      me.permitted_ = true;
      if (std::exchange(me.wants_tail_, false)) me.read_tail();
      if (std::exchange(me.wants_snapshot_, false)) me.load_snapshot();
    }
    void operator()(entity_input::retire in) { me.entity_->retire(in.forced, out); }
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
  return [host = host_, self = self_](auto got) { host->post(self, Input{std::move(got)}); };
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
  host_->events->latest(self_->self, bring_back<entity_input::tail>());
}

void entity_runner::load_snapshot() {
  // Where the shard had none it is gone without: what came since is read from the history.
  if (ahead_) {
    bring_back<entity_input::loaded>()(
        result<std::optional<snapshot>>{std::exchange(ahead_->newest, std::nullopt)});
    return;
  }
  host_->snapshots->load(self_->self, any_version, bring_back<entity_input::loaded>());
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
  if (self_->expects_ahead && !awaited_) {
    wants_tail_ = true;
    return;
  }
  if (!permitted_) permitted_ = host_->permits.take_or_wait(self_);
  if (permitted_)
    read_tail();
  else
    wants_tail_ = true;
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
  host_->events->read(self_->self, wanted.from, wanted.after, recovery_machine::page_commits,
                      std::move(back));
}

void entity_runner::carry_out(entity_effect::fetch_commits wanted) {
  auto back = bring_back<entity_input::fetched>();
  if (auto found = ahead(wanted); !found.empty())
    return back(result<std::vector<recorded_commit>>{std::move(found)});
  host_->events->fetch(self_->self, std::move(wanted.sequences), std::move(back));
}

void entity_runner::carry_out(entity_effect::read_records) {
  host_->events->records(self_->self, bring_back<entity_input::records>());
}

void entity_runner::carry_out(entity_effect::append wanted) {
  wanted.next.id = commit_id::make_after(wanted.expected.commit);
  wanted.next.at =
      std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  wanted.next.writer = host_->options.node_name;
  wanted.next.epoch = writer_epoch{host_->epoch.load(std::memory_order_relaxed)};
  host_->events->append(self_->self, wanted.expected, std::move(wanted.next),
                        bring_back<entity_input::appended>());
}

void entity_runner::carry_out(entity_effect::save_snapshot wanted) {
  host_->snapshots->save(self_->self, std::move(wanted.taken), bring_back<entity_input::saved>());
}

void entity_runner::carry_out(entity_effect::answer wanted) {
  self_->held.fetch_sub(1, std::memory_order_relaxed);
  if (wanted.sink) {
    try {
      return wanted.sink(std::move(wanted.with));
    } catch (...) {
      return log::error("actor", "answer_handler_threw", {{"actor", to_string(self_->self)}});
    }
  }
  if (wanted.with || wanted.with.error().code() == errc::rejected) return;
  ++host_->count.dead_letters;
  log::warn("actor", "dead_letter",
            {{"actor", to_string(self_->self)}, {"reason", wanted.with.error().message()}});
}

void entity_runner::carry_out(entity_effect::retry_later wanted) {
  // A store that comes back is not to be asked by everyone at once.
  thread_local std::minstd_rand random{std::random_device{}()};
  const auto half = wanted.delay / 2;
  std::uniform_int_distribution<std::int64_t> spread{0, half.count()};
  host_->clock.after(half + std::chrono::milliseconds{spread(random)},
                     [host = host_, self = self_] { host->post(self, entity_input::retry{}); });
}

void entity_runner::carry_out(entity_effect::report wanted) {
  if (std::string_view{wanted.event} == "append_conflict") ++host_->count.conflicts;
  if (std::string_view{wanted.event} == "quarantined") ++host_->count.quarantines;
  log::warn("actor", wanted.event, {{"actor", to_string(self_->self)}, {"detail", wanted.detail}});
}

void entity_runner::carry_out(entity_effect::retired) {
  // What came meanwhile is still served; when that is no command, the next sweep asks again.
  if (round_->left() > 0 && !entity_->forced()) return;
  std::vector<any_entity_input> left;
  if (host_->let_go(self_, entity_->forced(), left)) leave(std::move(left));
}

void entity_runner::crash(const char* what) {
  log::error("actor", "crashed", {{"actor", to_string(self_->self)}, {"what", what}});
  std::vector<any_entity_input> left;
  if (!gone_ && host_->let_go(self_, true, left)) leave(std::move(left));
  while (round_->left() > 0) {
    auto input = round_->pop();
    refuse(input);
  }
}

void entity_runner::leave(std::vector<any_entity_input> left) {
  gone_ = true;
  for (auto& input : left) refuse(input);
  if (std::exchange(permitted_, false)) host_->permits.give_back();
  quit();
}

void entity_runner::refuse(any_entity_input& input) {
  if (auto* command = std::get_if<envelope>(&input))
    carry_out(entity_effect::answer{std::move(command->answer),
                                    fail(errc::not_owner, "the actor has left this node")});
  if (std::holds_alternative<entity_input::permitted>(input)) host_->permits.give_back();
}

}  // namespace aether
