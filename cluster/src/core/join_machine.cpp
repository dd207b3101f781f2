#include "join_machine.hpp"

#include "join_check.hpp"

#include <utility>

namespace aether::cluster {

namespace {

/// A node that was silent for so long need not be compared any more.
constexpr int intervals_until_gone = 10;

}  // namespace

join_machine::join_machine(options how)
    : options_{std::move(how)}, own_hash_{fingerprint(options_.types)} {}

void join_machine::enter(phase next) {
  using enum phase;
  const bool legal = (phase_ == idle && next == observing) ||
                     (phase_ == observing && (next == announcing || next == refused)) ||
                     (phase_ == announcing && (next == joined || next == refused)) ||
                     (phase_ == joined && next == refused);
  AETHER_ASSERT(legal);
  phase_ = next;
}

void join_machine::start() { enter(phase::observing); }

join_machine::effects join_machine::heard(const heartbeat& from, time_point now) {
  effects out;
  if (phase_ == phase::idle || phase_ == phase::refused) return out;
  if (from.node != options_.node)
    heard_other(from, now, out);
  else if (from.incarnation == options_.incarnation)
    heard_self(from, now, out);
  else
    heard_same_id(from, out);
  return out;
}

void join_machine::heard_self(const heartbeat& from, time_point now, effects& out) {
  if (phase_ == phase::observing && !observed_until_) observed_until_ = now + options_.observe;
  if (phase_ == phase::announcing && from.state == member_state::up) {
    enter(phase::joined);
    out.emplace_back(joined{});
  }
}

void join_machine::heard_same_id(const heartbeat& from, effects& out) {
  // Who already is up yields only to a later process: of two, one stays.
  const bool later_is_up = must_give_way(options_.incarnation, from) &&
                           from.state != member_state::joining &&
                           from.incarnation > options_.incarnation;
  const bool gives_way =
      phase_ == phase::observing ? must_give_way(options_.incarnation, from) : later_is_up;
  if (!gives_way) return;
  refuse(error{errc::node_id_in_use, "another live process uses node id '" + options_.node.str() +
                                         "'; give each node its own"},
         out);
}

void join_machine::heard_other(const heartbeat& from, time_point now, effects& out) {
  const bool concerns_us = phase_ == phase::observing && options_.weight > 0 && from.weight > 0 &&
                           must_give_way(options_.incarnation, from);
  if (!concerns_us || from.types_hash == own_hash_ || compared_.contains(from.types_hash)) return;
  auto& known =
      to_compare_.try_emplace(from.types_hash, unknown_types{from.node, now}).first->second;
  known.last_heard = now;
  if (known.asked) return;
  known.of = from.node;
  known.asked = true;
  out.emplace_back(ask_types{from.node});
}

join_machine::effects join_machine::types_answer(
    const node_id& of, const std::optional<std::vector<hosted_type>>& types) {
  effects out;
  if (phase_ != phase::observing) return out;
  for (auto one = to_compare_.begin(); one != to_compare_.end();) {
    if (one->second.of != of) {
      ++one;
      continue;
    }
    // Not answered, or with something else by now: ask whoever is heard next with this fingerprint.
    one->second.asked = false;
    const bool matches = types && fingerprint(*types) == one->first;
    if (matches) compared_.insert(one->first);
    one = matches ? to_compare_.erase(one) : std::next(one);
    if (!matches) continue;
    if (auto ok = check_types(options_.types, of, *types); !ok) {
      refuse(std::move(ok).error(), out);
      return out;
    }
  }
  return out;
}

join_machine::effects join_machine::tick(time_point now) {
  effects out;
  if (phase_ != phase::observing) return out;
  std::erase_if(to_compare_, [&](const auto& one) {
    return now - one.second.last_heard > options_.heartbeat * intervals_until_gone;
  });
  if (!observed_until_ || now < *observed_until_ || !to_compare_.empty()) return out;
  enter(phase::announcing);
  out.emplace_back(announce{});
  return out;
}

void join_machine::refuse(error why, effects& out) {
  enter(phase::refused);
  out.emplace_back(refused{std::move(why)});
}

}  // namespace aether::cluster
