#include "coordinator.hpp"

#include "process.hpp"
#include "world.hpp"

#include <algorithm>
#include <utility>

namespace aether::sim {

namespace {

using namespace std::chrono_literals;

constexpr int ticks_per_heartbeat = 4;
constexpr int ticks_per_lease = 20;
constexpr int requests_per_lease = 2;
constexpr int jitter_divisor = 20;
/// Until another thread of the process takes up what one handed over.
constexpr real_time post_delay_max = 300us;

struct heartbeat_content : content {
  explicit heartbeat_content(cluster::heartbeat from) : what{std::move(from)} {}
  cluster::heartbeat what;
};

/// The question what a node hosts; without it, what its state is.
struct types_question : content {};

struct types_content : content {
  explicit types_content(std::vector<cluster::hosted_type> from) : types{std::move(from)} {}
  std::vector<cluster::hosted_type> types;
};

struct lease_content : content {
  explicit lease_content(cluster::lease_state from) : state{std::move(from)} {}
  cluster::lease_state state;
};

struct table_content : content {
  explicit table_content(cluster::shard_table from) : table{std::move(from)} {}
  cluster::shard_table table;
};

struct written_content : content {
  explicit written_content(cluster::write_result from) : result{from} {}
  cluster::write_result result;
};

cluster::write_result result_of(const answer& got) {
  if (got.how == answer::kind::answered)
    return static_cast<const written_content&>(*got.what).result;
  const bool nobody_took_it = got.how == answer::kind::not_sent || got.how == answer::kind::nobody;
  return {.outcome =
              nobody_took_it ? cluster::write_outcome::not_stored : cluster::write_outcome::unknown,
          .revision = 0};
}

}  // namespace

coordinator::coordinator(world& in, process& owner)
    : in_{in}, owner_{owner}, machine_{in.coordination_of(owner)} {}

void coordinator::start() {
  owner_.link.listen({subject::kind::heartbeats});
  owner_.link.listen({subject::kind::node, owner_.node});
  owner_.link.listen({subject::kind::process, owner_.number});
  post([alone = in_.nats.servers() == 1](machine& core, auto now, auto& out) {
    core.trust_missing_responders(alone);
    out = core.start(now);
  });
  tick();
}

bool coordinator::joined() const noexcept {
  const auto phase = machine_.current();
  return phase == machine::phase::member || phase == machine::phase::leaving;
}

bool coordinator::leading() const { return machine_.leading(owner_.clock()); }

std::uint64_t coordinator::table_revision() const {
  return machine_.table() ? machine_.table()->revision() : 0;
}

bool coordinator::someone_else_is_up() const {
  return std::ranges::any_of(machine_.members(), [&](const cluster::member& one) {
    return one.node != in_.node_of(owner_.node) && one.weight > 0 &&
           one.state == cluster::member_state::up;
  });
}

void coordinator::post(input next) {
  last_post_ = std::max(last_post_, in_.time.now() + in_.chance.between(0us, post_delay_max));
  in_.time.at(last_post_, [this, next = std::move(next)]() mutable {
    owner_.when_running([this, next = std::move(next)]() mutable { feed(next); });
  });
}

void coordinator::feed(input& next) {
  machine::effects effects;
  next(machine_, owner_.clock(), effects);
  tell_contact();
  for (auto& one : effects) std::visit([this](auto& effect) { carry_out(effect); }, one);
}

void coordinator::tick() {
  const auto interval =
      std::min(in_.timing.heartbeat / ticks_per_heartbeat, in_.timing.lease / ticks_per_lease);
  owner_.after(interval, [this] {
    if (owner_.done) return;
    const auto jitter = in_.chance.between(0s, in_.timing.lease / jitter_divisor);
    input next = [jitter](machine& core, auto now, auto& out) { out = core.tick(now, jitter); };
    feed(next);
    tick();
  });
}

void coordinator::tell_contact() {
  if (in_.broken.endless_contact)
    return owner_.actors.set_contact_until(cluster::time_point::max(), cluster::time_point::max());
  const bool connected = owner_.link.connected();
  owner_.actors.set_contact_until(
      connected ? machine_.contact_until() : cluster::time_point{},
      connected ? machine_.serves_until(owner_.clock()) : cluster::time_point{});
}

void coordinator::arrived(const message& what) {
  if (what.to.what == subject::kind::heartbeats)
    return post([from = what.what](machine& core, auto now, auto& out) {
      out = core.heard(static_cast<const heartbeat_content&>(*from).what, now);
    });
  if (dynamic_cast<const types_question*>(what.what.get()) != nullptr)
    return owner_.link.reply(what, std::make_shared<types_content>(in_.types_of(owner_)));
  post([this, what](machine& core, auto now, auto&) {
    owner_.link.reply(what, std::make_shared<heartbeat_content>(core.own_heartbeat(now)));
  });
}

void coordinator::connection_changed(bool connected) {
  post([connected](machine& core, auto now, auto& out) {
    out = core.connection_changed(connected, now);
  });
}

void coordinator::announce_leaving() {
  post([](machine& core, auto now, auto& out) { out = core.announce_leaving(now); });
}

void coordinator::settled(std::uint64_t revision) {
  in_.note(happening::table_settled, owner_.number, revision);
  post([revision](machine& core, auto now, auto& out) { out = core.settled(revision, now); });
}

void coordinator::leave() {
  post([](machine& core, auto now, auto& out) { out = core.leave(now); });
  owner_.after(in_.timing.lease / 2, [this] {
    if (!owner_.done) owner_.has_left();
  });
}

void coordinator::carry_out(machine::send_heartbeat& effect) {
  if (owner_.link.connected())
    owner_.link.publish({subject::kind::heartbeats},
                        std::make_shared<heartbeat_content>(std::move(effect.what)));
}

void coordinator::carry_out(machine::send_probe& effect) {
  owner_.link.request({subject::kind::process, in_.number_of(effect.incarnation)}, nullptr,
                      in_.timing.heartbeat,
                      [this, to = effect.to, which = effect.incarnation](const answer& got) {
                        const bool nobody = got.how == answer::kind::nobody;
                        if (!nobody && got.how != answer::kind::answered) return;
                        if (!owner_.link.connected()) return;
                        post([to, which, nobody](machine& core, auto now, auto& out) {
                          if (nobody)
                            out = core.probe_failed(to, which, now);
                          else
                            core.probe_answered(to, which);
                        });
                      });
}

void coordinator::carry_out(machine::ask_types& effect) {
  owner_.link.request({subject::kind::node, in_.index_of(effect.of)},
                      std::make_shared<types_question>(), in_.timing.failure_timeout,
                      [this, of = effect.of](answer got) {
                        post([of, got = std::move(got)](machine& core, auto now, auto& out) {
                          std::optional<std::vector<cluster::hosted_type>> types;
                          if (got.how == answer::kind::answered)
                            types = static_cast<const types_content&>(*got.what).types;
                          out = core.types_answered(of, types, now);
                        });
                      });
}

void coordinator::carry_out(machine::read_lease&) {
  owner_.link.call(
      [this](content_ptr& out) { out = std::make_shared<lease_content>(in_.keys.lease()); },
      in_.timing.lease / requests_per_lease,
      [this](answer got) {
        post([got = std::move(got)](machine& core, auto now, auto& out) {
          std::optional<cluster::lease_state> found;
          if (got.how == answer::kind::answered)
            found = static_cast<const lease_content&>(*got.what).state;
          out = core.lease_read(found, now);
        });
      });
}

void coordinator::carry_out(machine::write_lease& effect) {
  owner_.write_is_due();
  owner_.link.call(
      [this, what = std::move(effect)](content_ptr& out) {
        out = std::make_shared<written_content>(in_.keys.write_lease(owner_, what));
      },
      in_.timing.lease / requests_per_lease,
      [this](const answer& got) {
        post([result = result_of(got)](machine& core, auto now, auto& out) {
          out = core.lease_written(result, now);
        });
      });
}

void coordinator::carry_out(machine::read_table&) {
  owner_.link.call(
      [this](content_ptr& out) { out = std::make_shared<table_content>(in_.keys.table()); },
      in_.timing.lease / requests_per_lease,
      [this](answer got) {
        post([got = std::move(got)](machine& core, auto now, auto& out) {
          std::optional<cluster::shard_table> found;
          if (got.how == answer::kind::answered)
            found = static_cast<const table_content&>(*got.what).table;
          out = core.table_read(std::move(found), now);
        });
      });
}

void coordinator::carry_out(machine::write_table& effect) {
  owner_.write_is_due();
  owner_.link.call(
      [this, what = std::move(effect)](content_ptr& out) {
        out = std::make_shared<written_content>(in_.keys.write_table(owner_, what));
      },
      in_.timing.lease / requests_per_lease,
      [this](const answer& got) {
        post([result = result_of(got)](machine& core, auto now, auto& out) {
          out = core.table_written(result, now);
        });
      });
}

void coordinator::carry_out(machine::table_changed& effect) {
  in_.note(happening::table_adopted, owner_.number, effect.table->revision());
  follow(effect.table);
  if (in_.broken.old_tables && before_ && in_.chance.coin()) follow(before_);
  before_ = effect.table;
}

void coordinator::follow(const std::shared_ptr<const cluster::shard_table>& next) {
  in_.judge.adopted(owner_, *next);
  owner_.owned.follow(next);
}

void coordinator::carry_out(machine::member_changed& effect) {
  in_.note(happening::member_changed, owner_.number, in_.index_of(effect.who.node),
           static_cast<std::uint64_t>(effect.what));
}

void coordinator::carry_out(machine::elected& effect) {
  in_.note(happening::elected, owner_.number, effect.term);
  in_.judge.elected(owner_, effect.term);
}

void coordinator::carry_out(machine::deposed& effect) {
  in_.note(happening::deposed, owner_.number, effect.term);
}

void coordinator::carry_out(machine::joined&) {
  in_.note(happening::process_joined, owner_.number);
}

void coordinator::carry_out(machine::refused&) { owner_.evicted(); }

void coordinator::carry_out(machine::left&) {
  if (!owner_.done) owner_.has_left();
}

}  // namespace aether::sim
