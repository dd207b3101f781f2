#include "membership.hpp"

#include <algorithm>
#include <utility>

namespace aether::cluster {

namespace {

constexpr unsigned failed_probes_until_down = 2;
constexpr int timeouts_until_forgotten = 10;

bool alive(const member& one) { return one.state != member_state::down; }

member view_of(const heartbeat& from) {
  member made{.node = from.node, .incarnation = from.incarnation, .state = from.state};
  made.weight = from.weight;
  made.types_hash = from.types_hash;
  made.types = from.types;
  made.labels = from.labels;
  made.version = from.version;
  made.table_revision = from.table_revision;
  made.settled = from.settled;
  return made;
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

membership::membership(node_id self, incarnation_id incarnation, duration failure_timeout)
    : self_{std::move(self), incarnation}, failure_timeout_{failure_timeout} {
  AETHER_ASSERT(failure_timeout > duration::zero());
}

membership::changes membership::heard(const heartbeat& from, time_point now) {
  changes out;
  const key who{from.node, from.incarnation};
  if (is_self(who)) heard_self(now);
  if (const auto found = entries_.find(who); found != entries_.end())
    follow(found->second, from, now, out);
  else if (from.state != member_state::down)  // a farewell of someone unknown is no news
    meet(from, now, out);
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
  if (known.farewell) return;  // overtaken by it
  known.last_heard = known.heard_at = now;
  known.sent_at = from.sent_at;
  known.probes_failed = 0;
  const member_state before = known.view.state;
  const bool was_superseded = known.view.superseded;
  // Who slept while a later process of its name came and went is its node's only one again.
  const bool superseded = was_superseded && has_successor(from.node, from.incarnation);
  const bool backwards =
      before != member_state::down && from.state < before && was_superseded == superseded;
  known.view = view_of(from);
  known.view.superseded = superseded;
  known.view.state = before;
  if (from.state == member_state::down) {
    known.farewell = known.view.gone = true;
    to_state(known, member_state::down, "farewell", out);
  } else if (superseded) {
    to_state(known, member_state::leaving, "heard again", out);
  } else if (!backwards) {
    to_state(known, from.state, before == member_state::down ? "heard again" : "announced", out);
  }
  const bool returns = before == member_state::down && alive(known.view) && !superseded;
  if (returns && from.state != member_state::joining) supersede_earlier(from, out);
}

bool membership::has_successor(const node_id& node, const incarnation_id& incarnation) const {
  return std::ranges::any_of(entries_, [&](const auto& one) {
    return one.first.first == node && one.first.second > incarnation && alive(one.second.view) &&
           one.second.view.state != member_state::joining;
  });
}

void membership::supersede_earlier(const heartbeat& by, changes& out) {
  for (auto& [who, known] : entries_) {
    if (who.first != by.node || who.second >= by.incarnation || !alive(known.view) ||
        known.view.superseded)
      continue;
    known.view.superseded = true;
    to_state(known, member_state::leaving, "replaced by another process", out);
  }
}

void membership::meet(const heartbeat& from, time_point now, changes& out) {
  const auto same_name = [&](const auto& one) {
    return one.first.first == from.node && alive(one.second.view) && !one.second.view.superseded;
  };
  for (auto& one : entries_) {
    if (!same_name(one)) continue;
    const bool takes_over =
        from.state != member_state::joining && one.first.second < from.incarnation;
    if (!takes_over) {
      out.push_back(
          {member_event::conflict, view_of(from), "another live process has this node id"});
      return;
    }
    one.second.view.superseded = true;
    to_state(one.second, member_state::leaving, "replaced by another process", out);
  }
  auto& added =
      entries_.emplace(key{from.node, from.incarnation}, entry{view_of(from), now}).first->second;
  added.sent_at = from.sent_at;
  added.heard_at = now;
  out.push_back({event_of(from.state), added.view, "first heartbeat"});
}

void membership::to_state(entry& known, member_state next, std::string_view reason, changes& out) {
  if (known.view.state == next) return;
  known.view.state = next;
  out.push_back({event_of(next), known.view, reason});
}

membership::changes membership::probe_failed(const node_id& node, const incarnation_id& incarnation,
                                             time_point now) {
  changes out;
  const auto found = entries_.find({node, incarnation});
  if (found == entries_.end() || is_self(found->first) || !trusts_server_ || !hears(now) ||
      now < grace_until_)
    return out;
  entry& known = found->second;
  if (!alive(known.view) || ++known.probes_failed < failed_probes_until_down) return out;
  known.view.gone = true;
  to_state(known, member_state::down, "no responders", out);
  return out;
}

void membership::probe_answered(const node_id& node, const incarnation_id& incarnation) {
  if (const auto found = entries_.find({node, incarnation}); found != entries_.end())
    found->second.probes_failed = 0;
}

membership::changes membership::presume_up(const shard_table::entry& who,
                                           std::vector<actor_type> types, time_point now) {
  changes out;
  const key which{who.node, who.incarnation};
  if (is_self(which)) return out;
  member view{.node = who.node, .incarnation = who.incarnation, .state = member_state::up};
  view.weight = who.weight;
  view.types = std::move(types);
  view.heard = false;
  view.superseded = has_successor(who.node, who.incarnation);
  if (view.superseded) view.state = member_state::leaving;
  const auto [at, fresh] = entries_.try_emplace(which, entry{view, now});
  entry& known = at->second;
  if (!fresh) {
    if (known.view.gone) return out;
    known.last_heard = now;
    if (alive(known.view)) return out;
    known.probes_failed = 0;
    known.view.state = view.state;
    known.view.superseded = view.superseded;
  }
  out.push_back({event_of(known.view.state), known.view, "presumed from the shard table"});
  return out;
}

void membership::connection_lost() { connected_ = false; }

void membership::connection_regained(time_point now) {
  connected_ = true;
  give_everyone_time(now);
}

void membership::give_everyone_time(time_point now) {
  grace_until_ = now + failure_timeout_;
  for (auto& [who, known] : entries_) {
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
    if (!is_self(one->first) && alive(known.view) && silence > failure_timeout_)
      to_state(known, member_state::down, "no heartbeat", out);
    const bool forget = !alive(known.view) && silence > failure_timeout_ * timeouts_until_forgotten;
    one = forget ? entries_.erase(one) : std::next(one);
  }
  return out;
}

std::vector<member> membership::members() const {
  std::vector<member> all;
  all.reserve(entries_.size());
  for (const auto& [who, known] : entries_) all.push_back(known.view);
  return all;
}

const member* membership::find(const node_id& node) const {
  const member* newest = nullptr;
  for (const auto& [who, known] : entries_)
    if (who.first == node && (newest == nullptr || newest->superseded || !alive(*newest)))
      newest = &known.view;
  return newest;
}

std::vector<heartbeat::acknowledgement> membership::acknowledgements() const {
  std::vector<heartbeat::acknowledgement> all;
  for (const auto& [who, known] : entries_)
    if (alive(known.view) && known.view.heard) all.push_back({who.second, known.sent_at});
  return all;
}

bool membership::suspects() const noexcept {
  return std::ranges::any_of(entries_, [](const auto& one) {
    return alive(one.second.view) && one.second.probes_failed > 0;
  });
}

}  // namespace aether::cluster
