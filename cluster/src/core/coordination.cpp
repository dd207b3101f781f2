#include "coordination.hpp"

#include <algorithm>
#include <utility>

namespace aether::cluster {

namespace {

/// What a node takes off the time it may trust, for clocks of different speed.
constexpr int contact_margin_divisor = 8;

/// Whether `who` owns a shard of these types.
bool owns_any(const shard_table& of, const shard_table::assignment& in,
              const shard_table::entry& who) {
  return std::ranges::any_of(in.owners, [&](std::int32_t index) {
    return index != shard_table::none && of.nodes()[static_cast<std::size_t>(index)] == who;
  });
}

template <class... Fs>
struct overloaded : Fs... {
  using Fs::operator()...;
};

}  // namespace

coordination::coordination(coordination_options options)
    : options_{std::move(options)},
      membership_{options_.node, options_.incarnation, options_.failure_timeout},
      join_{{options_.node, options_.incarnation, options_.weight, options_.types, options_.observe,
             options_.heartbeat}},
      lease_{{options_.node, options_.incarnation, options_.lease_ttl, options_.lease_margin}},
      duties_{{.shards = options_.shards,
               .retry = options_.lease_ttl / 4,
               .strategy = options_.strategy,
               .moves_max = options_.moves_max}},
      types_hash_{fingerprint(options_.types)} {
  for (const auto& one : options_.types) types_.push_back(*actor_type::parse(one.type));
  std::ranges::sort(types_);
}

void coordination::enter(phase next) {
  using enum phase;
  const bool legal = (phase_ == idle && next == joining) || (phase_ == joining && next == member) ||
                     (phase_ == member && next == leaving) || (active() && next == refused) ||
                     (phase_ != idle && phase_ != left && next == left);
  AETHER_ASSERT(legal);
  phase_ = next;
}

bool coordination::active() const noexcept {
  return phase_ == phase::joining || phase_ == phase::member || phase_ == phase::leaving;
}

coordination::effects coordination::start(time_point now) {
  enter(phase::joining);
  join_.start();
  beat(now);
  request_table(now);
  return take();
}

coordination::effects coordination::tick(time_point now, duration jitter) {
  if (active()) {
    apply(membership_.tick(now), now);
    apply(join_.tick(now), now);
  }
  if (active() && now >= next_heartbeat_) beat(now);
  if (active()) probe_if_due(now);
  // The lease machine lives on after `leave`, until it has let go.
  if (phase_ != phase::idle && phase_ != phase::joining) {
    const bool eligible = phase_ == phase::member && options_.weight > 0;
    apply(lease_.tick(now, jitter, eligible), now);
  }
  consider(now);
  if (active()) request_table(now);
  return take();
}

heartbeat coordination::own_heartbeat(time_point now) const {
  auto state = member_state::down;
  if (phase_ == phase::joining)
    state = join_.current() == join_machine::phase::observing ? member_state::joining
                                                              : member_state::up;
  else if (phase_ == phase::member)
    state = member_state::up;
  else if (phase_ == phase::leaving)
    state = member_state::leaving;
  heartbeat made{.node = options_.node, .incarnation = options_.incarnation, .state = state};
  made.weight = options_.weight;
  made.shards = options_.shards;
  made.types_hash = types_hash_;
  made.types = types_;
  made.labels = options_.labels;
  made.version = options_.version;
  made.table_revision = table_revision();
  made.settled = settled_;
  made.sent_at = now.time_since_epoch().count();
  if (!lease_.leading(now)) return made;
  made.term = lease_.term();
  if (!duties_.unsettled()) made.heard = membership_.acknowledgements();
  return made;
}

void coordination::beat(time_point now) {
  next_heartbeat_ = now + options_.heartbeat;
  out_.emplace_back(send_heartbeat{own_heartbeat(now)});
}

void coordination::probe_if_due(time_point now) {
  if (!lease_.leading(now) || now < next_probe_) return;
  probe_all(now);
}

void coordination::probe_all(time_point now) {
  next_probe_ = now + (membership_.suspects() ? options_.second_probe : options_.probe_interval);
  for (const auto& one : membership_.members())
    if (one.state != member_state::down && one.incarnation != options_.incarnation)
      out_.emplace_back(send_probe{one.node, one.incarnation});
}

coordination::effects coordination::heard(const heartbeat& from, time_point now) {
  if (!active()) return {};
  const bool own = from.node == options_.node && from.incarnation == options_.incarnation;
  const bool stranger = !own && from.state == member_state::joining && phase_ != phase::joining &&
                        !membership_.knows(from);
  apply(join_.heard(from, now), now);
  if (!active()) return take();
  // Another process of the same name is a member only where it is the one to stay.
  apply(membership_.heard(from, now), now);
  if (own) take_echo(from, now);
  if (stranger) beat(now);  // so that it need not wait to know who is there
  if (from.table_revision > std::max(table_revision(), table_revision_heard_)) {
    table_revision_heard_ = from.table_revision;
    next_refresh_ = now;
    request_table(now);
  }
  take_acknowledgement(from);
  return take();
}

void coordination::take_acknowledgement(const heartbeat& from) {
  if (from.table_revision > table_revision()) return;
  for (const auto& one : from.heard) {
    if (one.of != options_.incarnation) continue;
    contact_until_ = std::max(contact_until_, time_point{duration{one.sent_at}} + trusted());
  }
}

void coordination::take_echo(const heartbeat& own, time_point now) {
  const time_point sent_at{duration{own.sent_at}};
  if (echo_until_ != time_point{} && now >= echo_until_) echoes_since_ = sent_at;
  echo_until_ = std::max(echo_until_, sent_at + trusted());
}

duration coordination::trusted() const noexcept {
  return options_.failure_timeout - options_.failure_timeout / contact_margin_divisor;
}

time_point coordination::serves_until(time_point now) const {
  const bool behind = table_revision_heard_ > table_revision();
  const bool knows_since = contact_until_ >= echoes_since_;
  if (behind || !knows_since || (!server_is_alone_ && !hears_most(now))) return {};
  return echo_until_;
}

bool coordination::hears_most(time_point now) const {
  if (!table_) return false;
  std::size_t heard = 0;
  for (const auto& one : table_->nodes())
    if (membership_.heard_since(one.node, one.incarnation, now - trusted())) ++heard;
  return 2 * heard > table_->nodes().size();
}

coordination::effects coordination::settled(std::uint64_t revision, time_point now) {
  if (!active() || revision <= settled_) return {};
  settled_ = revision;
  beat(now);
  return take();
}

coordination::effects coordination::probe_failed(const node_id& node,
                                                 const incarnation_id& incarnation,
                                                 time_point now) {
  if (!active()) return {};
  apply(membership_.probe_failed(node, incarnation, now), now);
  if (membership_.suspects()) next_probe_ = std::min(next_probe_, now + options_.second_probe);
  return take();
}

void coordination::probe_answered(const node_id& node, const incarnation_id& incarnation) {
  if (active()) membership_.probe_answered(node, incarnation);
}

coordination::effects coordination::types_answered(
    const node_id& of, const std::optional<std::vector<hosted_type>>& types, time_point now) {
  if (active()) apply(join_.types_answer(of, types), now);
  return take();
}

coordination::effects coordination::connection_changed(bool connected, time_point now) {
  if (!active()) return {};
  if (!connected) {
    membership_.connection_lost();
    return {};
  }
  membership_.connection_regained(now);
  beat(now);
  next_refresh_ = now;
  request_table(now);
  return take();
}

coordination::effects coordination::announce_leaving(time_point now) {
  if (phase_ != phase::member) return {};
  enter(phase::leaving);
  beat(now);
  return take();
}

coordination::effects coordination::leave(time_point now) {
  if (phase_ == phase::idle || phase_ == phase::left) return {};
  // A leader lets go first, so that whoever hears the farewell finds the lease free.
  const bool was_active = active();
  farewell_pending_ = was_active && lease_.leading(now);
  enter(phase::left);
  if (was_active && !farewell_pending_) beat(now);
  if (lease_.current() == lease_machine::phase::stopped)
    out_.emplace_back(left{});
  else
    apply(lease_.leave(now), now);
  return take();
}

void coordination::apply(const membership::changes& changes, time_point now) {
  for (const auto& change : changes) {
    out_.emplace_back(change);
    // The leader may be among the gone and may have let go of the lease.
    if (change.what == member_event::down && !lease_.leading(now)) lease_.read_soon();
  }
  if (!changes.empty()) consider(now);
}

void coordination::apply(join_machine::effects todo, time_point now) {
  for (auto& one : todo) {
    std::visit(overloaded{[&](join_machine::announce) { beat(now); },
                          [&](joined& done) {
                            enter(phase::member);
                            out_.emplace_back(done);
                          },
                          [&](refused& no) {
                            enter(phase::refused);
                            out_.emplace_back(std::move(no));
                            apply(lease_.leave(now), now);
                          },
                          [&](ask_types& ask) { out_.emplace_back(std::move(ask)); }},
               one);
  }
}

void coordination::apply(const lease_machine::effects& todo, time_point now) {
  for (const auto& one : todo) {
    std::visit(overloaded{[&](lease_machine::read) { out_.emplace_back(read_lease{}); },
                          [&](const lease_machine::write& write) { out_.emplace_back(write); },
                          [&](const elected& won) {
                            out_.emplace_back(won);
                            apply(duties_.elected(won.term), now);
                            probe_all(now);
                          },
                          [&](const deposed& lost) {
                            out_.emplace_back(lost);
                            duties_.deposed();
                            duties_want_read_ = read_is_for_duties_ = write_is_for_duties_ = false;
                          },
                          [&](lease_machine::stopped) {
                            if (phase_ != phase::left) return;
                            if (std::exchange(farewell_pending_, false)) beat(now);
                            out_.emplace_back(left{});
                          }},
               one);
  }
}

void coordination::apply(leader_duties::effects todo, time_point now) {
  for (auto& one : todo) {
    std::visit(overloaded{[&](leader_duties::read) {
                            duties_want_read_ = true;
                            request_table(now);
                          },
                          [&](leader_duties::write& write) {
                            write_in_flight_ = write_is_for_duties_ = true;
                            out_.emplace_back(std::move(write));
                          },
                          [&](leader_duties::written& done) {
                            adopt(done.table);
                            beat(now);  // tells everyone the new revision
                          },
                          [&](leader_duties::step_down) { apply(lease_.step_down(now), now); },
                          [&](strategy_failed& why) { out_.emplace_back(std::move(why)); }},
               one);
  }
}

// A write of an earlier leadership still in flight would be taken for one of this leadership.
void coordination::consider(time_point now) {
  const bool busy = write_in_flight_ && !write_is_for_duties_;
  if (lease_.leading(now) && !busy) apply(duties_.consider(present(), now), now);
}

std::vector<present_node> coordination::present() const {
  std::vector<present_node> there;
  for (auto& one : membership_.members()) {
    if (one.state != member_state::up && one.state != member_state::leaving) continue;
    const bool able = one.state == member_state::up && one.weight > 0;
    there.push_back({{one.node, one.incarnation, one.weight},
                     able,
                     std::move(one.types),
                     std::move(one.labels),
                     std::move(one.version),
                     one.settled});
  }
  return there;
}

// Those that were heard and fell silent are given time as well: the leader before this one may have
// heard them.
void coordination::presume_owners(const shard_table& of, time_point now) {
  for (const auto& one : of.nodes()) {
    std::vector<actor_type> types;
    for (const auto& each : of.assignments())
      if (owns_any(of, each, one)) types.insert(types.end(), each.types.begin(), each.types.end());
    std::ranges::sort(types);
    apply(membership_.presume_up(one, std::move(types), now), now);
  }
  probe_all(now);
}

void coordination::request_table(time_point now) {
  if (read_in_flight_) return;
  const bool refresh = !lease_.leading(now) && now >= next_refresh_;
  if (!duties_want_read_ && !refresh) return;
  read_in_flight_ = true;
  read_is_for_duties_ = std::exchange(duties_want_read_, false);
  next_refresh_ = now + options_.table_refresh;
  out_.emplace_back(read_table{});
}

coordination::effects coordination::lease_read(const std::optional<lease_state>& found,
                                               time_point now) {
  apply(lease_.read_done(found, now), now);
  consider(now);
  return take();
}

coordination::effects coordination::lease_written(const write_result& result, time_point now) {
  apply(lease_.write_done(result, now), now);
  consider(now);
  return take();
}

coordination::effects coordination::table_read(std::optional<shard_table> found, time_point now) {
  AETHER_ASSERT(read_in_flight_);
  read_in_flight_ = false;
  if (!active()) return {};
  if (found) adopt(*found);
  if (std::exchange(read_is_for_duties_, false)) {
    if (found) presume_owners(*found, now);
    apply(duties_.read_done(std::move(found), now), now);
    consider(now);
  }
  request_table(now);
  return take();
}

coordination::effects coordination::table_written(const write_result& result, time_point now) {
  AETHER_ASSERT(write_in_flight_);
  write_in_flight_ = false;
  if (std::exchange(write_is_for_duties_, false)) apply(duties_.write_done(result, now), now);
  consider(now);
  return take();
}

void coordination::adopt(const shard_table& found) {
  // A table without nodes is none: a key that was never written, or was deleted.
  if (found.revision() <= table_revision() || found.nodes().empty()) return;
  const shard_table none{options_.shards};
  const std::size_t moved = moved_between(table_ ? *table_ : none, found);
  table_ = std::make_shared<const shard_table>(found);
  out_.emplace_back(table_changed{table_, moved});
}

std::uint64_t coordination::table_revision() const noexcept {
  return table_ ? table_->revision() : 0;
}

std::optional<time_point> coordination::leading_until() const noexcept {
  if (lease_.current() != lease_machine::phase::leading) return std::nullopt;
  return lease_.deadline();
}

}  // namespace aether::cluster
