#include "world.hpp"

#include "cluster/src/core/hosted_types.hpp"

#include <algorithm>
#include <utility>

namespace aether::sim {

namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t shard_counts[] = {4, 8, 16};
constexpr std::uint32_t actors_of_slot_max = 2;
constexpr std::uint32_t clients_min = 3;
constexpr std::uint32_t clients_more = 5;
/// The part of seeds in which only planned things happen.
constexpr double planned_part = 0.25;
constexpr double servers_part = 0.3;
constexpr double mixed_part = 0.3;
constexpr std::uint32_t cluster_of_servers = 3;
/// So few that a rebalancing takes several waves.
constexpr std::size_t moves_max = 6;

template <class Actor>
void add_actors(std::vector<actor_place>& to, std::uint32_t type, std::uint32_t shards) {
  const auto& traits = model<Actor>::traits();
  std::vector<std::uint32_t> found(shards);
  std::uint32_t full = 0;
  for (std::uint32_t i = 0; full < shards; ++i) {
    const actor_address address{traits.type, *actor_id::parse("a" + std::to_string(i))};
    const auto shard = static_cast<std::uint32_t>(shard_of(address, shards).value());
    if (found[shard]++ == 0) ++full;
    if (found[shard] > actors_of_slot_max) continue;
    to.push_back({address, type * shards + shard, &traits, [](const actor_address& self) {
                    return std::unique_ptr<behavior>{std::make_unique<model<Actor>>(Actor{}, self)};
                  }});
  }
}

/// What remembers few commands cannot tell those of slow clocks from repeated ones: planned moves
/// go without.
std::vector<actor_place> make_actors(std::uint32_t shards, bool planned) {
  std::vector<actor_place> made;
  add_actors<list_actor<list_kind::roomy>>(made, 0, shards);
  if (planned)
    add_actors<list_actor<list_kind::busy>>(made, 1, shards);
  else
    add_actors<list_actor<list_kind::narrow>>(made, 1, shards);
  return made;
}

timings make_timings() {
  const cluster::coordination_options defaults{
      .node = *node_id::parse("n"), .incarnation = {}, .types = {}};
  timings made;
  made.heartbeat = defaults.heartbeat;
  made.failure_timeout = defaults.failure_timeout;
  made.lease = defaults.lease_ttl;
  return made;
}

std::string text_of(const std::vector<std::uint32_t>& processes) {
  std::string made;
  for (const auto one : processes) made += (made.empty() ? "p" : " p") + std::to_string(one);
  return made;
}

template <class Id>
Id make_id(random& chance, std::chrono::system_clock::time_point at) {
  std::array<std::uint8_t, Id::size> raw{};
  const auto ms = static_cast<std::uint64_t>(
      std::chrono::floor<std::chrono::milliseconds>(at.time_since_epoch()).count());
  for (std::size_t i = 0; i < 6; ++i) raw[i] = static_cast<std::uint8_t>(ms >> (8 * (5 - i)));
  for (std::size_t half = 0; half < 2; ++half) {
    auto bits = chance.next();
    for (std::size_t i = 6 + 5 * half; i < 11 + 5 * half; ++i, bits >>= 8)
      raw[i] = static_cast<std::uint8_t>(bits);
  }
  return Id{raw};
}

}  // namespace

world::world(const settings& how)
    : chance{how.seed},
      lines{how.trace_lines},
      timing{make_timings()},
      broken{how.broken},
      kind{how.kind != profile::by_seed  ? how.kind
           : chance.chance(planned_part) ? profile::planned
                                         : profile::faulty},
      shards_{shard_counts[chance.below(std::size(shard_counts))]},
      mixed_{chance.chance(mixed_part)},
      actors_{make_actors(shards_, kind == profile::planned)},
      types_{actors_.front().traits, actors_.back().traits},
      judge{*this},
      nats{*this, !planned() && chance.chance(servers_part) ? cluster_of_servers : 1},
      keys{*this},
      logs{*this} {
  const auto clients = clients_min + static_cast<std::uint32_t>(chance.below(clients_more));
  for (std::uint32_t i = 0; i < clients; ++i)
    clients_.push_back(std::make_unique<client>(*this, i));
}

bool world::step() {
  time.step();
  if (!violation_) judge.look();
  return !violation_;
}

bool world::run_until(real_time end) {
  while (!time.empty() && time.next() <= end)
    if (!step()) return false;
  return !violation_;
}

void world::violated(invariant what, std::string detail) {
  if (violation_) return;
  violation_ = what;
  detail_ = std::move(detail);
}

std::uint32_t world::new_node() {
  nodes_.push_back(*node_id::parse("n" + std::to_string(nodes_.size())));
  return static_cast<std::uint32_t>(nodes_.size() - 1);
}

process& world::add_node(std::uint32_t node, std::uint32_t weight) {
  const auto number = static_cast<std::uint32_t>(processes_.size() + 1);
  auto& made = *processes_.emplace_back(
      std::make_unique<process>(*this, number, node, weight, types_hosted_by(node)));
  live_.push_back(&made);
  made.start();
  return made;
}

process* world::find(std::uint32_t number) const {
  return number <= processes_.size() ? processes_[number - 1].get() : nullptr;
}

std::vector<process*> world::hosting() const {
  std::vector<process*> found;
  for (auto* one : live_)
    if (one->takes_part() && !one->leaving && one->weight > 0) found.push_back(one);
  return found;
}

std::vector<process*> world::homes() const {
  std::vector<process*> found;
  for (auto* one : live_)
    if (one->takes_part() && !one->leaving && one->core.joined()) found.push_back(one);
  return found;
}

void world::tend_clients() {
  const auto all = homes();
  if (all.empty()) return;
  for (auto& one : clients_)
    if (!one->lives()) one->move_to(*all[chance.below(all.size())]);
}

void world::stop_clients() {
  for (auto& one : clients_) one->stop();
}

void world::bury() {
  std::erase_if(live_, [](const process* one) { return !one->alive; });
}

bool world::may_fail(const operation& of) const {
  const auto* home = find(of.home);
  return home->leaving || !home->takes_part();
}

std::uint32_t world::index_of(const node_id& node) const {
  const auto found = std::ranges::find(nodes_, node);
  AETHER_ASSERT(found != nodes_.end());
  return static_cast<std::uint32_t>(found - nodes_.begin());
}

cluster::incarnation_id world::incarnation_of(std::uint32_t number) {
  std::array<std::uint8_t, cluster::incarnation_id::size> raw{};
  for (std::size_t i = 0; i < 4; ++i) raw[i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  return cluster::incarnation_id{raw};
}

cluster::process world::identity_of(std::uint32_t number) const {
  return {node_of(find(number)->node), incarnation_of(number)};
}

std::uint32_t world::number_of(const cluster::incarnation_id& incarnation) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number = number << 8 | incarnation.raw()[i];
  return number;
}

cluster::coordination_options world::coordination_of(const process& owner) const {
  cluster::coordination_options made{.node = node_of(owner.node),
                                     .incarnation = incarnation_of(owner.number),
                                     .types = types_of(owner)};
  made.weight = owner.weight;
  made.shards = shards_;
  made.moves_max = moves_max;
  return made;
}

std::uint32_t world::types_hosted_by(std::uint32_t node) const {
  constexpr std::uint32_t all = (1U << types) - 1;
  constexpr std::uint32_t some[] = {all, 1, 2};
  return mixed_ ? some[node % std::size(some)] : all;
}

bool world::hosts_all() const {
  std::uint32_t hosted = 0;
  for (const auto* one : hosting()) hosted |= one->hosts;
  return hosted == (1U << types) - 1;
}

bool world::can_spare(const process& one) const {
  std::uint32_t hosted = 0;
  std::size_t others = 0;
  for (const auto* other : hosting()) {
    if (other == &one) continue;
    ++others;
    hosted |= other->hosts;
  }
  return others >= 2 && hosted == (1U << types) - 1;
}

std::vector<cluster::hosted_type> world::types_of(const process& owner) const {
  std::vector<cluster::hosted_type> made;
  if (owner.weight == 0) return made;
  for (std::uint32_t type = 0; type < types; ++type)
    if ((owner.hosts >> type & 1U) != 0) made.push_back(cluster::describe(*types_[type]));
  return cluster::sorted(std::move(made));
}

const cluster::shard_table::entry* world::owner_of(const cluster::shard_table& table,
                                                   std::uint32_t slot) const {
  return table.owner(types_[slot / shards_]->type, shard_id{slot % shards_});
}

const cluster::shard_table::entry* world::giver_of(const cluster::shard_table& table,
                                                   std::uint32_t slot) const {
  return table.giver(types_[slot / shards_]->type, shard_id{slot % shards_});
}

std::uint64_t world::hash_of(const cluster::shard_table& table) const {
  std::uint64_t hash = table.term();
  for (std::uint32_t slot = 0; slot < slots(); ++slot) {
    for (const auto* one : {owner_of(table, slot), giver_of(table, slot)})
      hash = (hash ^ (one == nullptr ? 0 : number_of(one->incarnation))) * 0x9E3779B97F4A7C15U;
  }
  return hash;
}

command_id world::make_command_id(std::chrono::system_clock::time_point at) {
  return make_id<command_id>(chance, at);
}

commit_id world::make_commit_id(std::chrono::system_clock::time_point at) {
  return make_id<commit_id>(chance, at);
}

std::string world::disagreement() const {
  const auto hosts = hosting();
  if (hosts.empty()) return "nobody hosts";
  if (std::ranges::none_of(live_, [](const process* one) { return one->core.leading(); }))
    return "there is no leader";
  for (const auto* one : live_) {
    if (!one->takes_part() || one->leaving) continue;
    const std::string who = "p" + std::to_string(one->number);
    if (one->core.state().current() != cluster::coordination::phase::member)
      return who + " is no member";
    if (one->core.table_revision() != keys.table().revision()) return who + " has another table";
  }
  const auto& table = keys.table();
  std::vector<std::uint32_t> names;
  for (const auto* one : hosts) names.push_back(one->number);
  std::ranges::sort(names);
  std::vector<std::uint32_t> in_table;
  for (const auto& one : table.nodes()) in_table.push_back(number_of(one.incarnation));
  std::ranges::sort(in_table);
  if (names != in_table)
    return "the table has " + text_of(in_table) + ", and these run: " + text_of(names);
  for (std::uint32_t slot = 0; slot < slots(); ++slot) {
    const auto* owner = owner_of(table, slot);
    if (owner == nullptr || giver_of(table, slot) != nullptr)
      return "slot " + std::to_string(slot) + " is not where it is to be";
    if (!find(number_of(owner->incarnation))->actors.accepts(slot))
      return "slot " + std::to_string(slot) + " is not served by its owner";
  }
  return {};
}

}  // namespace aether::sim
