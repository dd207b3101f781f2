#include "table_plan.hpp"

#include <algorithm>
#include <exception>
#include <map>
#include <set>
#include <utility>

namespace aether::cluster {

namespace {

constexpr std::int32_t none = shard_table::none;
using indices = std::vector<std::int32_t>;

/// The slots of types that are hosted by the same nodes and were allotted alike.
struct group {
  std::vector<actor_type> types;
  /// Indices into `present`, ascending.
  std::vector<std::size_t> able;
  /// Indices into `present`, one per shard.
  indices owners;
  indices givers;
};

struct planned_move {
  group* of;
  std::size_t shard;
  std::int32_t to;
  bool urgent;
};

class planner {
 public:
  planner(const shard_table& before, const std::vector<present_node>& present,
          const plan_options& how)
      : before_{before}, present_{present}, how_{how} {}

  table_plan make() {
    collect();
    for (auto& one : groups_) allot(one);
    move_some();
    return {assemble(), std::move(strategy_failed_)};
  }

 private:
  std::int32_t present_index(const shard_table::entry* who) const {
    if (who == nullptr) return none;
    for (std::size_t i = 0; i < present_.size(); ++i)
      if (present_[i].who.node == who->node && present_[i].who.incarnation == who->incarnation)
        return static_cast<std::int32_t>(i);
    return none;
  }

  [[nodiscard]] bool hosts(const present_node& node, const actor_type& type) const {
    return node.able && std::ranges::binary_search(node.types, type);
  }

  void collect() {
    for (const auto& one : before_.nodes()) known_.push_back(present_index(&one));
    std::set<actor_type> types;
    for (const auto& node : present_)
      if (node.able) types.insert(node.types.begin(), node.types.end());
    for (const auto& one : before_.assignments()) types.insert(one.types.begin(), one.types.end());
    std::map<std::pair<std::vector<std::size_t>, const shard_table::assignment*>, group> found;
    for (const auto& type : types) {
      std::vector<std::size_t> able;
      for (std::size_t i = 0; i < present_.size(); ++i)
        if (hosts(present_[i], type)) able.push_back(i);
      const auto* had = before_.find(type);
      auto& one = found[{able, had}];
      if (one.types.empty()) begin(one, std::move(able), had);
      one.types.push_back(type);
    }
    for (auto& [key, one] : found) groups_.push_back(std::move(one));
    // The order of addresses is nobody's business.
    std::ranges::sort(groups_, {}, [](const group& one) { return one.types; });
  }

  void begin(group& fresh, std::vector<std::size_t> able, const shard_table::assignment* had) {
    fresh.able = std::move(able);
    fresh.owners.assign(before_.shards(), none);
    fresh.givers.assign(before_.shards(), none);
    if (had == nullptr) return;
    for (std::size_t shard = 0; shard < before_.shards(); ++shard) {
      fresh.owners[shard] = known(had->owners[shard]);
      if (had->givers.empty()) continue;
      const auto owner = fresh.owners[shard];
      const bool settled =
          owner != none && present_[static_cast<std::size_t>(owner)].settled >= before_.revision();
      if (!settled) fresh.givers[shard] = known(had->givers[shard]);
    }
  }

  [[nodiscard]] std::int32_t known(std::int32_t index_before) const {
    return index_before == none ? none : known_[static_cast<std::size_t>(index_before)];
  }

  /// Gives what has no owner one, and notes what should move.
  void allot(group& one) {
    if (one.able.empty()) return;
    const auto nodes = nodes_of(one);
    indices owners = one.owners;
    for (auto& owner : owners) owner = position(one, owner);
    const auto wanted = ask(nodes, owners);
    for (std::size_t shard = 0; shard < owners.size(); ++shard) {
      const auto to = static_cast<std::int32_t>(one.able[static_cast<std::size_t>(wanted[shard])]);
      auto& owner = one.owners[shard];
      if (owner == none) {
        owner = to;
        if (one.givers[shard] == to) one.givers[shard] = none;
      } else if (owner != to) {
        moves_.push_back({&one, shard, to, owners[shard] == none});
      }
    }
  }

  /// Where in `able` a present node stands.
  static std::int32_t position(const group& one, std::int32_t index) {
    const auto at = std::ranges::lower_bound(one.able, static_cast<std::size_t>(index));
    const bool is_able =
        index != none && at != one.able.end() && *at == static_cast<std::size_t>(index);
    return is_able ? static_cast<std::int32_t>(at - one.able.begin()) : none;
  }

  [[nodiscard]] std::vector<allocation_node> nodes_of(const group& one) const {
    std::vector<allocation_node> nodes;
    const present_node* last = nullptr;
    bool same = true;
    for (const auto index : one.able) {
      const auto& node = present_[index];
      nodes.push_back({node.who.node.str(), node.who.weight, node.labels, node.version, false});
      same = same && node.version == present_[one.able.front()].version;
      if (last == nullptr || last->who.incarnation < node.who.incarnation) last = &node;
    }
    for (auto& node : nodes) node.newest = !same && node.version == last->version;
    return nodes;
  }

  indices ask(const std::vector<allocation_node>& nodes, const indices& owners) {
    const bool rolling = std::ranges::any_of(nodes, &allocation_node::newest);
    const allocation_request request{nodes, owners, rolling};
    try {
      auto answer = how_.strategy->allocate(request);
      const bool valid =
          answer.size() == owners.size() && std::ranges::all_of(answer, [&](std::int32_t index) {
            return index >= 0 && std::cmp_less(index, nodes.size());
          });
      if (valid) return answer;
      strategy_failed_ = "it does not name one of the nodes for each shard";
    } catch (const std::exception& thrown) {
      strategy_failed_ = thrown.what();
    } catch (...) {
      strategy_failed_ = "it threw an exception of unknown type";
    }
    return even_allocation()->allocate(request);
  }

  void move_some() {
    std::size_t budget = how_.moves_max;
    for (const auto& one : groups_)
      if (std::ranges::any_of(one.givers, [](auto giver) { return giver != none; })) budget = 0;
    std::ranges::stable_partition(moves_, &planned_move::urgent);
    bool first = true;
    for (const auto& move : moves_) {
      const std::size_t slots = move.of->types.size();
      if (budget == 0 || (budget < slots && !first)) break;
      first = false;
      budget -= std::min(budget, slots);
      move.of->givers[move.shard] = std::exchange(move.of->owners[move.shard], move.to);
    }
  }

  /// Leaves out nodes that have nothing and may get nothing, and puts together what is alike.
  shard_table assemble() {
    std::vector<bool> used(present_.size());
    for (std::size_t i = 0; i < present_.size(); ++i) used[i] = present_[i].able;
    for (const auto& one : groups_)
      for (const auto* list : {&one.owners, &one.givers})
        for (const auto index : *list)
          if (index != none) used[static_cast<std::size_t>(index)] = true;
    std::vector<shard_table::entry> nodes;
    indices place(present_.size(), none);
    for (std::size_t i = 0; i < present_.size(); ++i) {
      if (!used[i]) continue;
      place[i] = static_cast<std::int32_t>(nodes.size());
      nodes.push_back(present_[i].who);
    }
    std::vector<shard_table::assignment> made;
    for (auto& one : groups_) add(made, one, place);
    return {how_.term, before_.shards(), std::move(nodes), std::move(made)};
  }

  static void add(std::vector<shard_table::assignment>& to, group& one, const indices& place) {
    for (auto* list : {&one.owners, &one.givers})
      for (auto& index : *list)
        if (index != none) index = place[static_cast<std::size_t>(index)];
    const auto is_none = [](auto index) { return index == none; };
    if (std::ranges::all_of(one.givers, is_none)) one.givers.clear();
    if (std::ranges::all_of(one.owners, is_none)) return;  // nobody hosts it any more
    for (auto& known : to)
      if (known.owners == one.owners && known.givers == one.givers) {
        known.types.insert(known.types.end(), one.types.begin(), one.types.end());
        std::ranges::sort(known.types);
        return;
      }
    to.push_back({std::move(one.types), std::move(one.owners), std::move(one.givers)});
  }

  const shard_table& before_;
  const std::vector<present_node>& present_;
  const plan_options& how_;
  /// Of each of `before_`'s nodes its index into `present_`, or none.
  indices known_;
  std::vector<group> groups_;
  std::vector<planned_move> moves_;
  std::string strategy_failed_;
};

}  // namespace

table_plan plan_table(const shard_table& before, const std::vector<present_node>& present,
                      const plan_options& how) {
  AETHER_ASSERT(how.strategy != nullptr);
  // Nobody may own anything: what there is stays in force.
  const bool nobody = std::ranges::none_of(present, &present_node::able);
  if (nobody)
    return {shard_table{how.term, before.shards(), before.nodes(), before.assignments()}, {}};
  return planner{before, present, how}.make();
}

}  // namespace aether::cluster
