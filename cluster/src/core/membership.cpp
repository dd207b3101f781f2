#include "membership.hpp"

#include <utility>

namespace aether::cluster {

namespace {

constexpr unsigned failed_probes_until_down = 2;
constexpr int timeouts_until_forgotten = 10;

bool alive(const member& one) { return one.state != member_state::down; }

member view_of(const heartbeat& from) {
  return {from.node,   from.incarnation, from.state,
          from.weight, from.types_hash,  from.table_revision};
}

member_event event_of(member_state state) {
  switch (state) {
    case member_state::joining:
      return member_event::joined;
    case member_state::up:
      return member_event::up;
    case member_state::leaving:
      return member_event::leaving;
    case member_state::down:
      return member_event::down;
  }
  std::unreachable();
}

}  // namespace

std::string_view to_string(member_event event) noexcept {
  switch (event) {
    case member_event::joined:
      return "joined";
    case member_event::up:
      return "up";
    case member_event::leaving:
      return "leaving";
    case member_event::down:
      return "down";
    case member_event::conflict:
      return "conflict";
  }
  return "unknown";
}

membership::membership(node_id self, duration failure_timeout)
    : self_{std::move(self)}, failure_timeout_{failure_timeout} {
  AETHER_ASSERT(failure_timeout > duration::zero());
}

membership::changes membership::heard(const heartbeat& from, time_point now) {
  changes out;
  if (from.node == self_) heard_self(now);
  const auto found = entries_.find(from.node);
  if (found == entries_.end()) {
    // A farewell of someone unknown is no news.
    if (from.state == member_state::down) return out;
    auto& added = entries_.emplace(from.node, entry{view_of(from), now}).first->second;
    out.push_back({event_of(from.state), added.view, "first heartbeat"});
    return out;
  }
  entry& known = found->second;
  if (known.view.incarnation.is_nil()) known.view.incarnation = from.incarnation;
  if (known.view.incarnation == from.incarnation)
    follow(known, from, now, out);
  else
    replace(known, from, now, out);
  return out;
}

// Who did not hear itself for so long did not hear others either: what it missed is its own fault.
void membership::heard_self(time_point now) {
  if (heard_self_at_ && !hears(now)) give_everyone_time(now);
  heard_self_at_ = now;
}

bool membership::hears(time_point now) const {
  return connected_ && heard_self_at_ && now - *heard_self_at_ <= failure_timeout_ / 2;
}

void membership::follow(entry& known, const heartbeat& from, time_point now, changes& out) {
  if (known.farewell) return;  // overtaken by its own farewell
  known.last_heard = now;
  known.probes_failed = 0;
  const member_state before = known.view.state;
  const bool backwards = before != member_state::down && from.state < before;
  known.view = view_of(from);
  known.view.state = before;
  if (from.state == member_state::down) {
    known.farewell = true;
    to_state(known, member_state::down, "farewell", out);
  } else if (!backwards) {
    to_state(known, from.state, before == member_state::down ? "heard again" : "announced", out);
  }
}

void membership::replace(entry& known, const heartbeat& from, time_point now, changes& out) {
  if (from.state == member_state::down) return;  // the farewell of another process
  const bool takes_over =
      from.state != member_state::joining && known.view.incarnation < from.incarnation;
  if (alive(known.view) && !takes_over) {
    out.push_back({member_event::conflict, view_of(from), "another live process has this node id"});
    return;
  }
  to_state(known, member_state::down, "replaced by another process", out);
  known = entry{view_of(from), now};
  out.push_back({event_of(from.state), known.view, "another process"});
}

void membership::to_state(entry& known, member_state next, std::string_view reason, changes& out) {
  if (known.view.state == next) return;
  known.view.state = next;
  out.push_back({event_of(next), known.view, reason});
}

membership::changes membership::probe_failed(const node_id& node, time_point now) {
  changes out;
  const auto found = entries_.find(node);
  if (found == entries_.end() || node == self_ || !hears(now) || now < grace_until_) return out;
  entry& known = found->second;
  if (alive(known.view) && ++known.probes_failed >= failed_probes_until_down)
    to_state(known, member_state::down, "no responders", out);
  return out;
}

membership::changes membership::presume_up(const node_id& node, std::uint32_t weight,
                                           time_point now) {
  changes out;
  if (node == self_ || entries_.contains(node)) return out;
  const member view{.node = node,
                    .incarnation = {},
                    .state = member_state::up,
                    .weight = weight,
                    .types_hash = 0,
                    .table_revision = 0};
  entries_.emplace(node, entry{view, now});
  out.push_back({member_event::up, view, "presumed from the shard table"});
  return out;
}

void membership::connection_lost() { connected_ = false; }

void membership::connection_regained(time_point now) {
  connected_ = true;
  give_everyone_time(now);
}

void membership::give_everyone_time(time_point now) {
  grace_until_ = now + failure_timeout_;
  for (auto& [node, known] : entries_) {
    if (!alive(known.view)) continue;
    known.last_heard = now;
    known.probes_failed = 0;
  }
}

membership::changes membership::tick(time_point now) {
  changes out;
  if (!hears(now)) return out;
  for (auto one = entries_.begin(); one != entries_.end();) {
    entry& known = one->second;
    // Only the silence between words of our own is another's.
    const duration silence = *heard_self_at_ - known.last_heard;
    if (one->first != self_ && alive(known.view) && silence > failure_timeout_)
      to_state(known, member_state::down, "no heartbeat", out);
    const bool forget = !alive(known.view) && silence > failure_timeout_ * timeouts_until_forgotten;
    one = forget ? entries_.erase(one) : std::next(one);
  }
  return out;
}

std::vector<member> membership::members() const {
  std::vector<member> all;
  all.reserve(entries_.size());
  for (const auto& [node, known] : entries_) all.push_back(known.view);
  return all;
}

const member* membership::find(const node_id& node) const {
  const auto found = entries_.find(node);
  return found == entries_.end() ? nullptr : &found->second.view;
}

}  // namespace aether::cluster
