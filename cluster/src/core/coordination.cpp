#include "coordination.hpp"

#include <algorithm>
#include <utility>

namespace aether::cluster {

namespace {

/// What a node takes off the time it may trust, for clocks of different speed.
constexpr int contact_margin_divisor = 8;
constexpr int intervals_until_trusted = 2;

template <class... Fs>
struct overloaded : Fs... {
  using Fs::operator()...;
};

}  // namespace

coordination::coordination(coordination_options options)
    : options_{std::move(options)},
      membership_{options_.node, options_.failure_timeout},
      join_{{options_.node, options_.incarnation, options_.weight, options_.types,
             options_.heartbeat}},
      lease_{{options_.node, options_.incarnation, options_.lease_ttl, options_.lease_margin}},
      duties_{options_.shards, options_.heartbeat / 2},
      types_hash_{fingerprint(options_.types)} {}

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
  if (active()) beat_if_due(now);
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
  return {.node = options_.node,
          .incarnation = options_.incarnation,
          .state = state,
          .weight = options_.weight,
          .shards = options_.shards,
          .types_hash = types_hash_,
          .table_revision = table_revision(),
          .sent_at = now.time_since_epoch().count()};
}

void coordination::beat(time_point now) {
  next_heartbeat_ = now + options_.heartbeat;
  out_.emplace_back(send_heartbeat{own_heartbeat(now)});
}

void coordination::beat_if_due(time_point now) {
  if (now < next_heartbeat_) return;
  beat(now);
  if (!lease_.leading(now)) return;
  for (const auto& one : membership_.members())
    if (one.state != member_state::down && one.node != options_.node)
      out_.emplace_back(send_probe{one.node});
}

coordination::effects coordination::heard(const heartbeat& from, time_point now) {
  if (!active()) return {};
  const bool same_id = from.node == options_.node;
  const bool own = same_id && from.incarnation == options_.incarnation;
  if (own) heard_self(from, now);
  apply(join_.heard(from, now), now);
  // Another process of the same name is not this one's member; it yields or we did just now.
  if (!active() || (same_id && !own)) return take();
  apply(membership_.heard(from, now), now);
  if (from.table_revision > std::max(table_revision(), table_revision_heard_)) {
    table_revision_heard_ = from.table_revision;
    next_refresh_ = now;
    request_table(now);
  }
  return take();
}

// After a gap others may have given this node up just before they heard it again: it does not trust
// its contact anew before it would have heard of that.
void coordination::heard_self(const heartbeat& echo, time_point now) {
  const duration trusted =
      options_.failure_timeout - options_.failure_timeout / contact_margin_divisor;
  const time_point sent = std::min(time_point{duration{echo.sent_at}}, now);
  if (now >= heard_self_at_ + trusted) regained_at_ = now;
  heard_self_at_ = now;
  if (now < contact_until_ || now >= regained_at_ + options_.heartbeat * intervals_until_trusted)
    contact_until_ = std::max(contact_until_, sent + trusted);
}

coordination::effects coordination::probe_failed(const node_id& node, time_point now) {
  if (active()) apply(membership_.probe_failed(node, now), now);
  return take();
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
                          [&](leader_duties::step_down) { apply(lease_.step_down(now), now); }},
               one);
  }
}

// A write of an earlier leadership still in flight would be taken for one of this leadership.
void coordination::consider(time_point now) {
  const bool busy = write_in_flight_ && !write_is_for_duties_;
  if (lease_.leading(now) && !busy) apply(duties_.consider(membership_.members(), now), now);
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
    if (found)
      for (const auto& one : found->nodes())
        apply(membership_.presume_up(one.node, one.weight, now), now);
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
