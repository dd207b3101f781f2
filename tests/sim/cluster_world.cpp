#include "cluster_world.hpp"

#include "support/tables.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace aether::cluster::sim {

namespace {

using namespace std::chrono_literals;

constexpr double drift_max = 0.01;
constexpr real_time hop_max = 5ms;
constexpr real_time request_timeout = 500ms;
constexpr real_time notice_max = 4s;  // until a side notices that the cable is cut

std::uint64_t next_process_number() {
  static std::uint64_t number = 0;
  return ++number;
}

coordination_options options_for(const std::string& node, std::uint64_t number,
                                 std::uint32_t weight) {
  return {.node = samples::node(node),
          .incarnation = samples::process(number),
          .weight = weight,
          .shards = world::shards,
          .types = {{"account", {}, {}, 1}}};
}

}  // namespace

// --- process

process::process(world& world_of, const std::string& node, std::uint32_t share)
    : in{world_of},
      name{node},
      weight{share},
      number{next_process_number()},
      rate{1 + (in.fraction() * 2 - 1) * drift_max},
      offset{in.between(0s, 100s)},
      core{options_for(node, number, share)} {}

time_point process::clock() const {
  return samples::at(offset + real_time{std::int64_t(double(in.now().count()) * rate)});
}

void process::when_running(std::function<void()> what) {
  if (!alive) return;
  if (in.now() >= paused_until) return what();
  in.after(paused_until - in.now(), [this, what] { when_running(what); });
}

void process::start() {
  core.trust_missing_responders(true);
  carry_out(core.start(clock()));
  tick();
}

void process::tick() {
  when_running([this] {
    const auto jitter = in.between(0ms, 25ms);
    carry_out(core.tick(clock(), jitter));
    in.after(20ms, [this] { tick(); });
  });
}

void process::leave() {
  when_running([this] { carry_out(core.leave(clock())); });
}

void process::announce_leaving() {
  when_running([this] { carry_out(core.announce_leaving(clock())); });
}

void process::carry_out(coordination::effects effects) {
  for (const auto& one : effects) std::visit([this](const auto& what) { carry_out(what); }, one);
}

void process::carry_out(const coordination::send_heartbeat& effect) {
  if (linked && connected) in.heartbeat_sent(*this, effect.what);
}

void process::carry_out(const coordination::send_probe& effect) {
  if (!linked || !connected) return;
  in.after(in.between(0ms, hop_max * 2), [this, effect] {
    if (!reachable() || !connected) return;
    const bool nobody = !in.has_subscriber(effect.incarnation);
    when_running([this, effect, nobody] {
      if (nobody)
        carry_out(core.probe_failed(effect.to, effect.incarnation, clock()));
      else
        core.probe_answered(effect.to, effect.incarnation);
    });
  });
}

void process::carry_out(const coordination::ask_types& effect) {
  in.after(10ms, [this, of = effect.of] {
    when_running(
        [this, of] { carry_out(core.types_answered(of, std::vector<hosted_type>{}, clock())); });
  });
}

void process::carry_out(const coordination::read_lease&) {
  in.request<std::optional<lease_state>>(
      *this, [this] { return std::optional{in.lease()}; }, std::nullopt,
      [this](const auto& found) { carry_out(core.lease_read(found, clock())); });
}

void process::carry_out(const coordination::write_lease& effect) {
  in.request<write_result>(
      *this, [this, effect] { return in.write_lease(effect); }, write_result{},
      [this](const auto& result) { carry_out(core.lease_written(result, clock())); });
}

void process::carry_out(const coordination::read_table&) {
  in.request<std::optional<shard_table>>(
      *this, [this] { return std::optional{in.table()}; }, std::nullopt,
      [this](const auto& found) { carry_out(core.table_read(found, clock())); });
}

void process::carry_out(const coordination::write_table& effect) {
  in.request<write_result>(
      *this, [this, effect] { return in.write_table(effect); }, write_result{},
      [this](const auto& result) { carry_out(core.table_written(result, clock())); });
}

void process::carry_out(const coordination::table_changed& effect) {
  if (effect.table->revision() <= last_table) in.violated("a node went back to an older table");
  last_table = effect.table->revision();
  in.after(in.between(0ms, hop_max * 4), [this, revision = last_table] {
    when_running([this, revision] { carry_out(core.settled(revision, clock())); });
  });
}

void process::carry_out(const coordination::member_changed& effect) {
  if (effect.what == member_event::down) in.declared_down(effect);
}

void process::carry_out(const coordination::elected& effect) { in.elected(*this, effect.term); }

// --- world

process& world::add(const std::string& node, std::uint32_t weight) {
  processes_.push_back(std::make_unique<process>(*this, node, weight));
  auto& added = *processes_.back();
  added.start();
  return added;
}

real_time world::between(real_time from, real_time to) {
  return from + real_time{std::int64_t(fraction() * double((to - from).count()))};
}

void world::after(real_time delay, std::function<void()> what) {
  events_.emplace(now_ + delay, std::move(what));
}

void world::run_for(real_time span) {
  const real_time end = now_ + span;
  while (!events_.empty() && events_.begin()->first <= end) {
    auto event = events_.extract(events_.begin());
    now_ = event.key();
    event.mapped()();
    check();
    if (!violation_.empty()) throw std::logic_error{violation_};
  }
  now_ = end;
}

void world::violated(const std::string& what) {
  violation_ += (violation_.empty() ? "" : "; ") + what + " (at " +
                std::to_string(std::chrono::duration<double>(now_).count()) + " s)";
}

void world::heartbeat_sent(const process& from, const heartbeat& what) {
  if (!from.linked || !server_up_) return;
  for (auto& to : processes_) {
    if (chance(heartbeats_lost)) continue;
    after(between(0ms, hop_max), [this, to = to.get(), what] {
      if (!to->reachable() || !to->connected || !server_up_) return;
      to->when_running([to, what] { to->carry_out(to->core.heard(what, to->clock())); });
    });
  }
}

bool world::has_subscriber(const incarnation_id& which) const {
  return !server_up_ || std::ranges::any_of(processes_, [&](const auto& one) {
    return samples::process(one->number) == which && one->subscribed && !one->done;
  });
}

template <class Answer>
void world::request(process& from, std::function<Answer()> at_server, Answer no_answer,
                    std::function<void(const Answer&)> feed) {
  auto answered = std::make_shared<bool>(false);
  const auto reply = [&from, answered, feed](const Answer& what) {
    if (std::exchange(*answered, true)) return;
    from.when_running([feed, what] { feed(what); });
  };
  after(request_timeout, [reply, no_answer] { reply(no_answer); });
  // What is sent while there is no connection may wait in the client and go out later.
  const bool passes = from.linked && from.connected && server_up_;
  if (!passes && chance(0.5)) return;
  const auto way = passes ? between(0ms, hop_max) : between(0ms, 3s);
  after(way, [this, &from, at_server, reply] {
    if (!server_up_ || !from.linked) return;
    const Answer what = at_server();
    after(between(0ms, hop_max), [this, &from, reply, what] {
      if (server_up_ && from.linked) reply(what);
    });
  });
}

write_result world::write_lease(const coordination::write_lease& what) {
  if (what.expected != lease_.revision) return {.outcome = write_outcome::conflict};
  lease_ = {++sequence_, what.record};
  return {.outcome = write_outcome::stored, .revision = sequence_};
}

write_result world::write_table(const coordination::write_table& what) {
  if (what.expected != table_.revision()) return {.outcome = write_outcome::conflict};
  const auto& next = what.table;
  if (next.term() < table_.term()) violated("a table of an older term replaced a newer one");
  for (const auto& one : next.assignments())
    if (std::ranges::find(one.owners, shard_table::none) != one.owners.end())
      violated("a slot without an owner");
  if (next.in_hand_over() > options_for("any", 1, 1).moves_max)
    violated("more slots are in hand-over than may be");
  table_ = next;
  table_.set_revision(++sequence_);
  ++tables_;
  return {.outcome = write_outcome::stored, .revision = sequence_};
}

void world::elected(const process& who, std::uint64_t term) {
  const auto [known, fresh] = terms_.emplace(term, who.name);
  if (!fresh) violated("two leaders of one term");
  if (known->first != terms_.rbegin()->first) violated("a term that does not increase");
}

// Only silence: that nobody listens is the server's word, and a half-dead connection knows nothing
// of it.
void world::declared_down(const member_change& change) {
  if (change.reason != "no heartbeat") return;
  for (const auto& one : processes_)
    if (one->alive && !one->done && one->connected &&
        samples::process(one->number) == change.who.incarnation &&
        one->clock() < one->core.contact_until())
      violated("a node was declared down that may still trust its contact");
}

void world::check() {
  int leaders = 0;
  for (const auto& one : processes_) {
    if (!one->alive || !one->core.leading(one->clock())) continue;
    ++leaders;
    const auto phase = one->core.current();
    if (phase != coordination::phase::member && phase != coordination::phase::leaving)
      violated("a leader that is no member");
  }
  if (leaders > 1) violated("two leaders at one instant");
}

void world::kill(process& one) {
  one.alive = false;
  one.linked = one.subscribed = one.connected = false;
}

void world::pause(process& one, real_time span) { one.paused_until = now_ + span; }

void world::reconnect(process& one) {
  if (!one.alive || !server_up_) return;
  one.linked = one.subscribed = one.connected = true;
  one.when_running([&one] { one.carry_out(one.core.connection_changed(true, one.clock())); });
}

void world::cut_off(process& one, real_time span) {
  one.linked = false;
  after(between(0ms, notice_max), [&one] {
    if (!one.linked) one.subscribed = false;
  });
  after(between(0ms, notice_max), [this, &one] {
    if (one.linked || !one.alive || !one.connected) return;
    one.connected = false;
    one.when_running([&one] { one.carry_out(one.core.connection_changed(false, one.clock())); });
  });
  after(span, [this, &one] { reconnect(one); });
}

void world::restart_server(real_time span) {
  server_up_ = false;
  ++server_restarts_;
  for (const auto& one : processes_) {
    if (!one->alive) continue;
    one->linked = one->subscribed = one->connected = false;
    one->when_running(
        [one = one.get()] { one->carry_out(one->core.connection_changed(false, one->clock())); });
  }
  after(span, [this, restart = server_restarts_] {
    if (restart != server_restarts_) return;
    server_up_ = true;
    for (const auto& one : processes_)
      after(between(0ms, 150ms), [this, one = one.get()] { reconnect(*one); });
  });
}

std::vector<process*> world::running() {
  std::vector<process*> found;
  for (const auto& one : processes_) {
    const auto phase = one->core.current();
    const bool takes_part =
        phase == coordination::phase::joining || phase == coordination::phase::member;
    if (one->alive && !one->done && takes_part) found.push_back(one.get());
  }
  return found;
}

process* world::leader() {
  for (const auto& one : processes_)
    if (one->alive && one->core.leading(one->clock())) return one.get();
  return nullptr;
}

std::vector<present_node> world::expected_owners() {
  std::vector<present_node> owners;
  for (const auto* one : running())
    if (one->weight > 0) owners.push_back(samples::there(one->name, one->weight, one->number));
  std::ranges::sort(owners, {}, [](const present_node& one) {
    return std::pair{one.who.node, one.who.incarnation};
  });
  return owners;
}

std::string world::disagreement() {
  auto expected = expected_owners();
  if (expected.empty()) return {};
  if (leader() == nullptr) return "no leader";
  if (table_.in_hand_over() > 0) return "a hand-over is under way";
  for (auto& one : expected) one.settled = table_.revision();
  if (!same_assignment(table_, samples::plan(table_, expected).table))
    return "the table is not that of those who run";
  for (const auto* one : running()) {
    if (one->core.current() != coordination::phase::member) return one->name + " is no member";
    if (!one->core.table() || one->core.table()->revision() != table_.revision())
      return one->name + " has another table";
  }
  return {};
}

}  // namespace aether::cluster::sim
