#include "node_parts.hpp"

#include <aether/persistence/jetstream_bus.hpp>
#include <aether/persistence/jetstream_store.hpp>
#include <aether/persistence/memory_bus.hpp>
#include <aether/persistence/memory_store.hpp>
#include <aether/runtime/log.hpp>
#include "core/hosted_types.hpp"
#include "kv_records.hpp"

#include <algorithm>
#include <ranges>
#include <tuple>

namespace aether::cluster {

namespace {

constexpr std::chrono::seconds join_timeout{15};
constexpr std::chrono::milliseconds look_again{20};
constexpr std::chrono::seconds look_for_refusals{2};
/// Of a request for a record of projections.
constexpr std::chrono::seconds record_timeout{5};

/// "a=1,b=2"
std::vector<std::string> labels_of(std::string_view text) {
  std::vector<std::string> labels;
  for (const auto part : std::views::split(text, ','))
    if (!part.empty()) labels.emplace_back(part.begin(), part.end());
  return labels;
}

coordinator_options coordination_of(const options& settings, const std::vector<hosted>& types,
                                    const choices& chosen) {
  coordinator_options made{.node = *node_id::parse(settings.node)};
  made.weight = types.empty() ? 0 : settings.weight;
  made.strategy = chosen.strategy;
  made.layout = {settings.shards, settings.streams, settings.replicas};
  made.heartbeat = settings.heartbeat;
  made.failure_timeout = settings.failure_timeout;
  made.lease = settings.lease;
  made.labels = labels_of(settings.labels);
  made.version = settings.build;
  made.moves_max = settings.moves_max;
  for (const auto& type : types) made.types.push_back(describe(*type.traits));
  return made;
}

subjects names_of(const options& settings) {
  return {*namespace_name::parse(settings.prefix), *namespace_name::parse(settings.ns)};
}

/// Whether who served the slot is gone without having handed it over: nobody will answer what it
/// got.
bool lost_its_server(const shard_table* before, const shard_table& next, const actor_type& type,
                     shard_id shard) {
  if (before == nullptr) return true;
  const auto same = [](const shard_table::entry* a, const shard_table::entry* b) {
    return a == nullptr || b == nullptr ? a == b : a->incarnation == b->incarnation;
  };
  const auto* giver = before->giver(type, shard);
  const auto* gives = next.giver(type, shard);
  if (!same(before->owner(type, shard), next.owner(type, shard))) return gives == nullptr;
  return giver != nullptr && gives == nullptr &&
         std::ranges::none_of(next.nodes(), [&](const auto& one) { return same(&one, giver); });
}

}  // namespace

result<std::unique_ptr<node_parts>> node_parts::join(
    const options& settings, const std::vector<hosted>& types, choices chosen,
    std::shared_ptr<aether::dead_letters> dead_letters) {
  std::unique_ptr<node_parts> made{
      new node_parts{settings, std::move(chosen), std::move(dead_letters)}};
  auto started = settings.nats.empty() ? made->start_in_memory(types) : made->start_on_nats(types);
  if (!started) return std::unexpected(std::move(started).error());
  return made;
}

node_parts::~node_parts() { leave(); }

std::shared_ptr<event_bus> node_parts::bus() {
  std::call_once(bus_once_, [this] { bus_ = make_bus_(); });
  return bus_;
}

void node_parts::make_host(const std::vector<hosted>& types) {
  host_options made;
  made.shards = settings_.shards;
  made.workers = settings_.workers;
  made.mailbox_max = settings_.mailbox_max;
  made.waiting_bytes_max = settings_.waiting_bytes_max;
  made.resident_max = settings_.resident_max;
  made.resident_bytes_max = settings_.resident_bytes_max;
  made.dead_letters = dead_letters_;
  made.recovery_permits = settings_.recovery_permits;
  made.passivate_after = settings_.passivate_after;
  made.accepts_all = settings_.nats.empty();
  made.node_name = settings_.node;
  made.wall_clock = chosen_.wall_clock;
  host_ = std::make_unique<actor_host>(made, events_, snapshots_, clock_);
  for (const auto& type : types) {
    host_->host_type(*type.traits, type.factory);
    types_.push_back(type.traits->type);
  }
}

void node_parts::make_router(subjects names) {
  cluster::router::options how;
  how.asks.attempt = settings_.ask_attempt;
  how.asks_max = settings_.asks_max;
  how.asks_bytes_max = settings_.waiting_bytes_max;
  router_ = std::make_shared<cluster::router>(*host_, connection_, traffic_, std::move(names),
                                              settings_.shards, how, clock_);
  host_->send_through(*router_);
}

void node_parts::make_durables(subjects names, std::uint32_t replicas) {
  node_durables::parts with{connection_, std::move(names),   {},
                            host_.get(), router_.get(),      dead_letters_,
                            &clock_,     chosen_.wall_clock, {}};
  with.layout = {settings_.shards, settings_.streams, replicas};
  // Time for some attempts.
  with.how.attempt = 5 * settings_.ask_attempt;
  durables_ = std::make_unique<node_durables>(std::move(with));
  router_->store_with(
      [this](const actor_address& to, const envelope& command, const durable_options& how,
             receipt_sink done) { durables_->send(to, command, how, std::move(done)); });
  durables_->start();
  router_->start();
}

result<void> node_parts::start_in_memory(const std::vector<hosted>& types) {
  auto log = std::make_shared<memory_event_store>(settings_.shards);
  // An observed store is a little slower, so only where somebody subscribes.
  make_bus_ = [log, ns = names_of(settings_).name()] {
    return std::make_shared<memory_event_bus>(ns, log);
  };
  events_ = std::move(log);
  snapshots_ = std::make_shared<memory_snapshot_store>(settings_.snapshots_kept, settings_.shards);
  records_ = std::make_shared<memory_record_store>();
  make_host(types);
  make_router(names_of(settings_));
  make_durables(names_of(settings_), 1);
  return start_projections(names_of(settings_));
}

result<void> node_parts::start_projections(subjects names) {
  projections_ = std::make_unique<node_projections>(
      chosen_.projections,
      node_projections::parts{events_, records_, connection_, std::move(names), chosen_.wall_clock},
      clock_);
  return projections_->start();
}

result<void> node_parts::start_on_nats(const std::vector<hosted>& types) {
  auto opened = nats_connection::open(nats_options::of(settings_));
  if (!opened) return std::unexpected(std::move(opened).error());
  connection_ = std::move(*opened);

  const subjects names = names_of(settings_);
  const auto layout = create_streams(*connection_, names,
                                     {.shards = settings_.shards,
                                      .streams = settings_.streams,
                                      .replicas = settings_.replicas,
                                      .snapshots_kept = settings_.snapshots_kept});
  if (!layout) return std::unexpected(layout.error());
  events_ = std::make_shared<jetstream_event_store>(connection_, names, *layout);
  snapshots_ = std::make_shared<jetstream_snapshot_store>(connection_, names, *layout);
  make_bus_ = [this, names, shape = *layout] {
    return std::make_shared<jetstream_event_bus>(connection_, names, shape, events_);
  };
  make_host(types);
  traffic_ = std::make_shared<slot_traffic>(
      connection_, names, *host_,
      slot_traffic::options{settings_.shards, types_, settings_.waiting_bytes_max});
  make_router(names);
  make_durables(names, layout->replicas);
  coordinator_ = std::make_unique<coordinator>(connection_, names, clock_,
                                               coordination_of(settings_, types, chosen_));
  records_ = std::make_shared<kv_records>(kv_bucket{connection_, names, record_timeout});
  if (auto started = start_projections(names); !started) return started;
  make_keeper(names);
  coordinator_->on_table([this](std::shared_ptr<const shard_table> next) { follow(next); });
  coordinator_->on_contact(
      [this](auto until, auto serves_until) { host_->set_contact_until(until, serves_until); });
  coordinator_->on_evicted([this](const error& why) { evicted(why); });
  auto ready = keeper_->start(
      [this](std::uint64_t revision, const std::vector<slot>& taken) { settled(revision, taken); });
  if (!ready) return ready;
  if (auto joined = coordinator_->join(join_timeout); !joined) return joined;
  await_owners();
  return all_permitted();
}

/// Whether it may listen to the commands of what it owns by now.
result<void> node_parts::all_permitted() {
  (void)connection_->flush(look_for_refusals);
  if (auto no = connection_->refused()) return std::unexpected(*std::move(no));
  return {};
}

/// Another process is this node now: it has the shards, this one serves nothing any more.
void node_parts::evicted(const error& why) {
  log::error("node", "evicted", {{"node", settings_.node}, {"reason", why.message()}});
  keeper_->abandon();
  durables_->stop();
}

void node_parts::make_keeper(subjects names) {
  slot_keeper::options how{.self = {*node_id::parse(settings_.node), coordinator_->incarnation()}};
  if (!chosen_.projections.empty()) how.tenant = projections_.get();
  auto talk = std::make_shared<hand_over_talk>(connection_, std::move(names), how.self);
  keeper_ =
      std::make_shared<slot_keeper>(traffic_, std::move(talk), *host_, clock_, std::move(how));
}

/// Has the slots of the new table served, and sends asks again whose owner is gone. Where the owner
/// before hands its slot over, it answers what it got; the rest is kept by the next one.
void node_parts::follow(const std::shared_ptr<const shard_table>& next) {
  host_->set_epoch(writer_epoch{next->revision()});
  keeper_->follow(next);
  std::shared_ptr<const shard_table> before;
  {
    const std::lock_guard lock{owned_mutex_};
    before = std::exchange(followed_, next);
  }
  owned_changed_.notify_all();
  durables_->follow(*next, coordinator_->incarnation());
  router_->owners_changed([&](const actor_type& type, shard_id shard) {
    return lost_its_server(before.get(), *next, type, shard);
  });
}

void node_parts::settled(std::uint64_t revision, const std::vector<slot>& taken) {
  coordinator_->settled(revision);
  if (!settings_.warm_up || taken.empty()) return;
  std::vector<shard_id> shards;
  for (const auto& one : taken) shards.push_back(one.shard);
  std::ranges::sort(shards);
  const auto repeated = std::ranges::unique(shards);
  shards.erase(repeated.begin(), repeated.end());
  warm_up(std::move(shards));
}

/// @param gained ascending.
void node_parts::warm_up(std::vector<shard_id> gained) {
  std::vector<shard_range> ranges;
  for (const auto shard : gained) {
    // Of those stored together the ones between cost little, and are not brought to life.
    const bool new_range =
        ranges.empty() || !events_->stored_together(ranges.back().first).contains(shard);
    if (new_range)
      ranges.emplace_back(shard);
    else
      ranges.back().count =
          static_cast<std::uint32_t>(shard.value() - ranges.back().first.value() + 1);
  }
  host_->warm_up(std::move(ranges), [shards = gained.size()](const result<std::size_t>& woken) {
    if (woken)
      log::info("node", "warmed_up", {{"shards", shards}, {"actors", *woken}});
    else
      log::warn("node", "not_warmed_up", {{"shards", shards}, {"why", woken.error().message()}});
  });
}

/// Whether every slot has an owner that was heard to be up, and to serve what this table gives it.
bool node_parts::all_served(const shard_table* table) const {
  if (table == nullptr || table->assignments().empty()) return false;
  std::vector<incarnation_id> up;
  for (const auto& member : coordinator_->members())
    if (member.state == member_state::up && member.heard && member.settled >= table->revision())
      up.push_back(member.incarnation);
  for (const auto& one : table->assignments())
    for (const auto index : one.owners)
      if (index == shard_table::none ||
          std::ranges::find(up, table->nodes()[static_cast<std::size_t>(index)].incarnation) ==
              up.end())
        return false;
  return true;
}

/// So that what is sent right after `join` finds somebody: the first node of a namespace gives
/// itself the shards, the next one after a restart takes them from one that is gone. Not for longer
/// than that takes, and hardly at all by a client, for whom others must be there.
void node_parts::await_owners() {
  const auto patience =
      settings_.weight > 0 ? settings_.failure_timeout + settings_.lease : 2 * settings_.heartbeat;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::unique_lock lock{owned_mutex_};
  while (std::chrono::steady_clock::now() < deadline) {
    const auto table = followed_;
    lock.unlock();
    const bool served = all_served(table.get());
    lock.lock();
    if (served) return;
    if (followed_ == table) owned_changed_.wait_for(lock, look_again);  // members settle
  }
}

result<leader_election> node_parts::election(std::string_view name, election_handlers handlers) {
  return elections_.enter(connection_, settings_, name, std::move(handlers));
}
node_status node_parts::status() const {
  node_status made;
  made.node = settings_.node;
  made.actors = host_->stats();
  made.sent = router_->stats();
  made.projections = projections_->stats();
  if (!coordinator_) return made;
  made.leading = coordinator_->leading();
  made.term = coordinator_->term();
  const auto table = coordinator_->table();
  made.table_revision = table ? table->revision() : 0;
  for (const auto& member : coordinator_->members())
    made.members.push_back({member.node.str(), std::string{to_string(member.state)}, member.weight,
                            table ? table->owned_by(member.node, member.incarnation) : 0});
  return made;
}

}  // namespace aether::cluster
