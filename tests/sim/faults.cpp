#include "faults.hpp"

#include "world.hpp"

#include <algorithm>

namespace aether::sim {

namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t nodes_min = 2;
constexpr std::uint32_t nodes_more = 4;
constexpr real_time pause_least = 300ms;
constexpr real_time pause_most = 3s;
constexpr real_time planned_pause_least = 800ms;
constexpr real_time planned_pause_most = 8s;
constexpr real_time healthy_delay = 300us;

}  // namespace

fate::fate(world& in, std::uint32_t nodes)
    : in_{in},
      nodes_{nodes > 0 ? nodes
                       : nodes_min + static_cast<std::uint32_t>(in.chance.below(nodes_more))} {}

void fate::begin() {
  for (std::uint32_t i = 0; i < nodes_; ++i)
    in_.add_node(in_.new_node(), 1 + static_cast<std::uint32_t>(in_.chance.below(2)));
  host_all();
  const auto clients = in_.chance.below(3);
  for (std::uint64_t i = 0; i < clients; ++i) in_.add_node(in_.new_node(), 0);
}

void fate::let_loose() {
  loose_ = true;
  pause_max_ = in_.planned() ? in_.chance.between(planned_pause_least, planned_pause_most)
                             : in_.chance.between(pause_least, pause_most);
  next();
}

void fate::next() {
  in_.time.after(in_.chance.between(0s, pause_max_), [this] {
    if (!loose_) return;
    if (in_.planned())
      something_planned();
    else
      something_fails();
    in_.bury();
    in_.tend_clients();
    next();
  });
}

void fate::restart(process& one) {
  one.kill();
  in_.add_node(one.node, one.weight);
}

void fate::cut_off(process& one, real_time span) {
  if (one.cut_off) return;
  one.cut_off = true;
  in_.note(happening::cable_cut, one.number);
  if (one.link.current() != nullptr) in_.nats.cut(*one.link.current());
  in_.time.after(span, [this, &one, session = one.link.current(), era = era_] {
    if (era != era_) return;
    one.cut_off = false;
    in_.note(happening::cable_mended, one.number);
    if (session != nullptr) in_.nats.mend(*session);
  });
}

void fate::something_fails() {
  constexpr std::uint64_t kinds = 22;
  const auto which = in_.chance.below(kinds);
  if (which >= 14) return fail_server(which);
  std::vector<process*> some;
  for (auto* one : in_.live())
    if (one->takes_part()) some.push_back(one);
  if (some.empty() || in_.hosting().size() < 2) {
    in_.add_node(in_.new_node(), 1);
    return;
  }
  fail_process(which, *some[in_.chance.below(some.size())]);
}

void fate::fail_process(std::uint64_t which, process& one) {
  const bool expendable = in_.can_spare(one);
  switch (which) {
    case 0:
    case 1:
      if (expendable) one.kill();
      return;
    case 2:
    case 3:
      return restart(one);
    case 4:
      return one.pause(in_.chance.between(0ms, 800ms));
    case 5:
      return one.pause(in_.chance.between(0ms, 6s));
    case 6:
      return one.stop_before_next_write(in_.chance.between(0ms, 6s));
    case 7:
    case 8:
      return cut_off(one, in_.chance.between(0ms, 8s));
    case 9:
      if (expendable) one.leave();
      return;
    case 10:  // stopped, and started a second time under its name
      one.pause(in_.chance.between(1s, 6s));
      in_.add_node(one.node, one.weight);
      return;
    case 11:
      if (in_.hosting().size() < nodes_ + 2)
        in_.add_node(in_.new_node(), static_cast<std::uint32_t>(in_.chance.below(3)));
      return;
    case 12:  // rolled out
      if (!expendable) return;
      one.leave();
      in_.time.after(in_.chance.between(0s, 2s), [this, node = one.node, weight = one.weight] {
        if (loose_) in_.add_node(node, weight);
      });
      return;
    case 13: {  // some are cut off together
      const auto span = in_.chance.between(0ms, 8s);
      const auto all = in_.live();
      for (auto* other : all)
        if (in_.chance.coin()) cut_off(*other, span);
      return;
    }
    default:
      return;
  }
}

void fate::fail_server(std::uint64_t which) {
  const auto server = static_cast<std::uint32_t>(in_.chance.below(in_.nats.servers()));
  switch (which) {
    case 14:
    case 15:
      in_.nats.kill_server(server);
      in_.time.after(in_.chance.between(50ms, 5s),
                     [this, server] { in_.nats.start_server(server); });
      return;
    case 16:
    case 17:
      in_.nats.storage_gone(in_.chance.between(10ms, which == 16 ? 12s : 2s), in_.chance.coin());
      return;
    case 18:
      if (in_.nats.servers() == 1) return;
      in_.nats.cut_routes(server);
      in_.time.after(in_.chance.between(50ms, 8s),
                     [this, server] { in_.nats.mend_routes(server); });
      return;
    case 19:
      in_.nats.delay_max = in_.chance.between(1ms, 200ms);
      in_.note(happening::network_slow, trace::nobody,
               static_cast<std::uint64_t>(in_.nats.delay_max / 1us));
      return;
    case 20:
      in_.nats.delay_max = healthy_delay;
      in_.nats.late = in_.chance.coin() ? 0.1 * in_.chance.fraction() : 0;
      return;
    case 21:
      in_.nats.answers_lost = in_.chance.coin() ? 0.1 * in_.chance.fraction() : 0;
      in_.replicas_lag = in_.chance.coin() ? 0.2 * in_.chance.fraction() : 0;
      return;
    default:
      return;
  }
}

void fate::something_planned() {
  const auto hosts = in_.hosting();
  auto& one = *hosts[in_.chance.below(hosts.size())];
  const auto which = in_.chance.below(4);
  in_.note(happening::operation_planned, one.number, which);
  switch (which) {
    case 0:
      if (hosts.size() < nodes_ + 2)
        in_.add_node(in_.new_node(), 1 + static_cast<std::uint32_t>(in_.chance.below(2)));
      return;
    case 1:
      if (in_.can_spare(one) && one.core.joined()) one.leave();
      return;
    default:
      return roll_out();
  }
}

/// One node after the other leaves and comes back, as an orchestrator does it: not before the
/// process is gone.
void fate::roll_out() {
  const auto hosts = in_.hosting();
  auto& one = *hosts[in_.chance.below(hosts.size())];
  if (!one.core.joined() || !in_.can_spare(one)) return;
  one.leave();
  struct waiter {
    static void look(fate& of, process& old) {
      of.in_.time.after(20ms, [&of, &old] {
        if (!of.loose_) return;
        if (old.alive) return look(of, old);
        of.in_.add_node(old.node, old.weight);
        of.in_.bury();
      });
    }
  };
  waiter::look(*this, one);
}

void fate::calm_down() {
  loose_ = false;
  ++era_;
  in_.nats.delay_max = healthy_delay;
  in_.nats.late = in_.nats.answers_lost = in_.replicas_lag = 0;
  for (std::uint32_t server = 0; server < in_.nats.servers(); ++server) {
    in_.nats.start_server(server);
    in_.nats.mend_routes(server);
  }
  for (auto* one : in_.live()) {
    one->stop_before_next_write({});
    if (!one->cut_off) continue;
    one->cut_off = false;
    if (one->link.current() != nullptr) in_.nats.mend(*one->link.current());
  }
  in_.bury();
  host_all();
}

void fate::host_all() {
  while (!in_.hosts_all()) in_.add_node(in_.new_node(), 1);
}

}  // namespace aether::sim
