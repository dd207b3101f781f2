#include "broker.hpp"

#include "process.hpp"
#include "world.hpp"

#include <algorithm>
#include <utility>

namespace aether::sim {

namespace {

using namespace std::chrono_literals;

constexpr real_time delay_min = 40us;
/// Until a side notices that a cable is cut: by a ping that is not answered, or by a write.
constexpr real_time notice_max = 12s;
/// A server has no word of it sooner: it pings seldom, and a write into a cut cable fails late.
constexpr real_time server_notice_min = 2500ms;
/// Until the other side notices that a connection was closed, over a cable that works.
constexpr real_time close_max = 5ms;
/// Until servers give up a route that is cut, and until they have a new one.
constexpr real_time route_notice_max = 4s;
constexpr real_time route_made_max = 300ms;
/// JetStream chooses a new leader.
constexpr real_time election_min = 500ms;
constexpr real_time election_max = 6s;
constexpr real_time service_max = 1500us;

}  // namespace

broker::broker(world& in, std::uint32_t servers)
    : in_{in}, servers_(servers), routes_(servers * servers) {
  for (auto& one : servers_) one.remote.resize(servers);
}

real_time broker::delay() { return in_.chance.between(delay_min, delay_max); }

broker::session& broker::connect(process& owner, std::uint32_t server) {
  auto& made = *sessions_.emplace_back(std::make_unique<session>());
  made.owner = &owner;
  made.number = static_cast<std::uint32_t>(sessions_.size());
  made.server = server;
  return made;
}

// --- connections

/// Over the cable, in order; held up while it is cut, lost when a side gives up.
template <class Do>
void broker::up_send(session& from, Do what) {
  from.up_last = std::max(from.up_last, in_.time.now() + delay());
  in_.time.at(from.up_last, [this, &from, what = std::move(what)]() mutable {
    if (!from.known_to_server) return;
    if (from.cut || !from.held_up.empty())
      from.held_up.emplace_back(std::move(what));
    else
      what();
  });
}

void broker::down_send(session& to, task what) {
  if (!to.known_to_server) return;
  to.down_last = std::max(to.down_last, in_.time.now() + delay());
  in_.time.at(to.down_last, [&to, what = std::move(what)]() mutable {
    if (!to.known_to_server || !to.known_to_client) return;
    if (to.cut || !to.held_down.empty())
      to.held_down.emplace_back(std::move(what));
    else
      what();
  });
}

void broker::down_send(session& to, message what) {
  if (!to.known_to_server)
    return in_.note(happening::message_lost, to.owner->number,
                    static_cast<std::uint64_t>(what.to.what));
  down_send(to, task{[&to, what = std::move(what)] { to.owner->arrived(what); }});
}

void broker::abandon(session& which) {
  if (!std::exchange(which.known_to_client, false)) return;
  which.held_down.clear();
  // The end of it comes through, once the cable lets it; else the server notices by itself.
  const auto patience = which.cut ? in_.chance.between(server_notice_min, notice_max)
                                  : in_.chance.between(delay_min, close_max);
  in_.time.after(patience, [this, &which] { drop(which); });
}

void broker::drop(session& which) {
  if (!std::exchange(which.known_to_server, false)) return;
  in_.note(happening::session_dropped, which.owner->number, which.server);
  while (!which.listens.empty()) remove_interest(which, which.listens.back());
  which.held_up.clear();
  which.held_down.clear();
  if (!which.known_to_client || which.cut) return;
  in_.time.after(in_.chance.between(delay_min, close_max),
                 [&which] { which.owner->session_ended(which); });
}

void broker::cut(session& which) {
  if (std::exchange(which.cut, true)) return;
  in_.time.after(in_.chance.between(server_notice_min, notice_max), [this, &which] {
    if (which.cut) drop(which);
  });
  in_.time.after(in_.chance.between(0s, notice_max), [&which] {
    if (which.cut) which.owner->session_ended(which);
  });
}

void broker::mend(session& which) {
  if (!std::exchange(which.cut, false)) return;
  if (!which.known_to_server || !which.known_to_client) {
    // One side has given up: the other one hears of it now.
    in_.time.after(in_.chance.between(delay_min, close_max), [this, &which] {
      drop(which);
      which.owner->session_ended(which);
    });
    return;
  }
  // What waited comes now, all of it, in order, before anything new.
  in_.time.after(delay(), [&which] {
    while (!which.held_up.empty() && !which.cut && which.known_to_server) {
      auto next = std::move(which.held_up.front());
      which.held_up.pop_front();
      next();
    }
  });
  in_.time.after(delay(), [&which] {
    while (!which.held_down.empty() && !which.cut && which.known_to_client) {
      auto next = std::move(which.held_down.front());
      which.held_down.pop_front();
      next();
    }
  });
}

// --- what clients send

void broker::publish(session& from, message what) {
  up_send(from, [this, &from, what = std::move(what)] { handle(from, what); });
}

void broker::handle(session& from, const message& what) {
  bool heard = deliver(from.server, what);
  for (std::uint32_t other = 0; other < servers(); ++other) {
    if (other == from.server || !servers_[from.server].remote[other].contains(what.to.key()))
      continue;
    heard = true;
    route_send(from.server, other, [this, other, what] { deliver(other, what); });
  }
  if (heard || what.asker == 0) return;
  message refusal = what;
  refusal.to = {subject::kind::inbox, what.asker};
  refusal.asker = 0;
  refusal.nobody = true;
  refusal.what = nullptr;
  down_send(from, std::move(refusal));
}

bool broker::deliver(std::uint32_t at, const message& what) {
  const auto found = servers_[at].interest.find(what.to.key());
  if (found == servers_[at].interest.end()) return false;
  for (auto* to : found->second) down_send(*to, what);
  return true;
}

void broker::listen(session& from, subject to) {
  up_send(from, [this, &from, to] {
    auto& interest = servers_[from.server].interest[to.key()];
    if (std::ranges::find(interest, &from) != interest.end()) return;
    interest.push_back(&from);
    from.listens.push_back(to);
    for (std::uint32_t other = 0; other < servers(); ++other)
      if (other != from.server)
        route_send(from.server, other,
                   [this, other, at = from.server, to] { ++servers_[other].remote[at][to.key()]; });
  });
}

void broker::ignore(session& from, subject to) {
  up_send(from, [this, &from, to] { remove_interest(from, to); });
}

void broker::remove_interest(session& which, subject to) {
  const auto mine = std::ranges::find(which.listens, to.key(), &subject::key);
  if (mine == which.listens.end()) return;
  which.listens.erase(mine);
  auto& all = servers_[which.server].interest;
  const auto found = all.find(to.key());
  if (found == all.end()) return;
  std::erase(found->second, &which);
  if (found->second.empty()) all.erase(found);
  for (std::uint32_t other = 0; other < servers(); ++other)
    if (other != which.server)
      route_send(which.server, other, [this, other, at = which.server, to] {
        auto& known = servers_[other].remote[at];
        const auto one = known.find(to.key());
        if (one != known.end() && --one->second == 0) known.erase(one);
      });
}

void broker::ping(session& from, task pong) {
  up_send(from, [this, &from, pong = std::move(pong)]() mutable {
    down_send(from, task{[&from, pong = std::move(pong)]() mutable {
                from.owner->when_running(std::move(pong));
              }});
  });
}

// --- servers and routes

void broker::route_send(std::uint32_t from, std::uint32_t to, task what) {
  auto& over = route_between(from, to);
  if (!over.alive) return;
  over.last = std::max(over.last, in_.time.now() + delay());
  in_.time.at(over.last, [&over, session = over.session, what = std::move(what)]() mutable {
    if (over.session != session) return;
    if (over.held_up || !over.held.empty())
      over.held.emplace_back(std::move(what));
    else
      what();
  });
}

void broker::give_up_routes(std::uint32_t server) {
  for (std::uint32_t other = 0; other < servers(); ++other) {
    if (other == server) continue;
    for (auto* one : {&route_between(server, other), &route_between(other, server)}) {
      one->alive = false;
      ++one->session;
      one->held.clear();
    }
    servers_[server].remote[other].clear();
    servers_[other].remote[server].clear();
  }
}

void broker::make_route(std::uint32_t from, std::uint32_t to) {
  auto& over = route_between(from, to);
  if (over.alive || !servers_[from].up || !servers_[to].up || servers_[from].separated ||
      servers_[to].separated)
    return;
  over.alive = true;
  over.held_up = false;
  ++over.session;
  for (const auto& one : sessions_) {
    if (one->server != from || !one->known_to_server) continue;
    for (const auto& what : one->listens)
      route_send(from, to, [this, to, from, what] { ++servers_[to].remote[from][what.key()]; });
  }
}

void broker::kill_server(std::uint32_t server) {
  if (!std::exchange(servers_[server].up, false)) return;
  in_.note(happening::server_killed, trace::nobody, server);
  give_up_routes(server);
  for (const auto& one : sessions_)
    if (one->server == server) drop(*one);
  servers_[server].interest.clear();
  if (storage_at_ == server && servers() > 1)
    storage_moves_until_ = in_.time.now() + in_.chance.between(election_min, election_max);
}

void broker::start_server(std::uint32_t server) {
  if (std::exchange(servers_[server].up, true)) return;
  in_.note(happening::server_started, trace::nobody, server);
  for (std::uint32_t other = 0; other < servers(); ++other) {
    if (other == server) continue;
    in_.time.after(in_.chance.between(delay_min, route_made_max), [this, server, other] {
      make_route(server, other);
      make_route(other, server);
    });
  }
  in_.servers_changed();
}

void broker::cut_routes(std::uint32_t server) {
  if (std::exchange(servers_[server].separated, true)) return;
  in_.note(happening::route_cut, trace::nobody, server);
  for (std::uint32_t other = 0; other < servers(); ++other)
    for (auto* one : {&route_between(server, other), &route_between(other, server)})
      one->held_up = true;
  in_.time.after(in_.chance.between(0s, route_notice_max), [this, server] {
    if (servers_[server].separated) give_up_routes(server);
  });
  if (storage_at_ == server)
    storage_moves_until_ = in_.time.now() + in_.chance.between(election_min, election_max);
}

void broker::mend_routes(std::uint32_t server) {
  if (!std::exchange(servers_[server].separated, false)) return;
  in_.note(happening::route_mended, trace::nobody, server);
  for (std::uint32_t other = 0; other < servers(); ++other) {
    if (other == server || servers_[other].separated) continue;
    for (auto* one : {&route_between(server, other), &route_between(other, server)}) {
      if (!one->alive) continue;
      in_.time.after(delay(), [one, session = one->session] {
        if (one->session != session) return;
        one->held_up = false;
        while (!one->held.empty() && !one->held_up) {
          auto next = std::move(one->held.front());
          one->held.pop_front();
          next();
        }
      });
    }
    in_.time.after(in_.chance.between(delay_min, route_made_max), [this, server, other] {
      make_route(server, other);
      make_route(other, server);
    });
  }
}

// --- JetStream

void broker::storage_gone(real_time span, bool says_so) {
  in_.note(happening::storage_gone, trace::nobody, static_cast<std::uint64_t>(span / 1ms),
           says_so ? 1 : 0);
  storage_gone_until_ = std::max(storage_gone_until_, in_.time.now() + span);
  storage_says_so_ = says_so;
}

bool broker::storage_reachable(std::uint32_t from) const {
  if (in_.time.now() < storage_gone_until_ || in_.time.now() < storage_moves_until_) return false;
  if (servers() == 1) return true;
  // A majority is there, and `from` is one of it.
  if (servers_[from].separated) return false;
  const auto there = std::ranges::count_if(
      servers_, [](const server_state& one) { return one.up && !one.separated; });
  return static_cast<std::uint32_t>(there) * 2 > servers();
}

void broker::call(session& from, std::uint64_t token, service run) {
  up_send(from, [this, &from, token, run = std::move(run)]() mutable {
    if (!storage_reachable(from.server)) {
      message refusal;
      refusal.to = {subject::kind::inbox, from.owner->number};
      refusal.token = token;
      refusal.nobody = true;
      if (storage_says_so_ || in_.chance.coin()) down_send(from, std::move(refusal));
      return;
    }
    auto took = in_.chance.between(delay_min, service_max);
    if (in_.chance.chance(late)) took += in_.chance.between(0s, late_max);
    in_.time.after(took, [this, &from, token, run = std::move(run)]() mutable {
      perform(from, token, std::move(run));
    });
  });
}

void broker::perform(session& from, std::uint64_t token, service run) {
  if (!storage_reachable(from.server)) return;
  message reply;
  reply.to = {subject::kind::inbox, from.owner->number};
  reply.token = token;
  run(reply.what);
  if (!in_.chance.chance(answers_lost)) down_send(from, std::move(reply));
}

}  // namespace aether::sim
