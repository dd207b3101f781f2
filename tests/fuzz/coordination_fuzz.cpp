// The values of the bucket's keys: settings, lease and table, and what a projection parked.

#include <aether/runtime/codec.hpp>
#include "cluster/src/core/join_check.hpp"
#include "cluster/src/core/lease_machine.hpp"
#include "cluster/src/core/shard_table.hpp"
#include "cluster/src/core/table_plan.hpp"
#include "fuzz.hpp"
#include "persistence/src/core/parking_lot.hpp"

#include <algorithm>
#include <vector>

using namespace aether;
using namespace aether::cluster;
using namespace aether::fuzz;

namespace {

void check_settings_key(bytes_view value) {
  const auto stored = within({}, value, decode<namespace_settings>);
  if (!stored) return require_documented(stored.error(), {errc::decode_failed});
  const namespace_settings own{.shards = 256, .streams = 8};
  const auto same = check_settings(own, *stored);
  require(same.has_value() == (*stored == own), "other settings are refused, and only they");
  if (!same) require_documented(same.error(), {errc::incompatible_cluster});
}

/// Whatever the key holds, a candidate that reads it goes on.
void check_lease_key(bytes_view value) {
  const auto stored = within({}, value, decode<lease_record>);
  if (!stored) return require_documented(stored.error(), {errc::decode_failed});
  lease_machine candidate{
      {.node = node_id::parse("n1").value(), .incarnation = incarnation_id::make()}};
  time_point now{};
  (void)candidate.tick(now, duration::zero(), true);
  (void)candidate.read_done(lease_state{.revision = 7, .record = *stored}, now);
  require(candidate.current() != lease_machine::phase::leading, "no one leads by reading");
  now += std::chrono::seconds{10};
  (void)candidate.tick(now, duration::zero(), true);
}

/// Whatever the table was, the nodes of it can go on.
void check_plans(const shard_table& table) {
  std::vector<present_node> present;
  for (const auto& one : table.nodes()) {
    present.push_back(
        {.who = one, .able = one.weight > 0, .types = {}, .labels = {}, .version = {}});
    auto& added = present.back();
    for (const auto& each : table.assignments())
      added.types.insert(added.types.end(), each.types.begin(), each.types.end());
    std::ranges::sort(added.types);
  }
  const auto plan = plan_table(table, present, {even_allocation().get(), 8, 1});
  require(plan.strategy_failed.empty(), "the default strategy always has an answer");
  if (std::ranges::any_of(present, &present_node::able))
    for (const auto& one : plan.table.assignments())
      require(std::ranges::find(one.owners, shard_table::none) == one.owners.end(),
              "every slot has an owner");
}

void check_table_key(bytes_view value, std::uint32_t shards) {
  const auto table =
      within({}, value, [&](bytes_view input) { return decode_table(input, shards); });
  if (!table) return require_documented(table.error(), {errc::decode_failed});
  require(table->shards() == shards, "a table has as many shards as asked for");
  std::size_t owned = 0;
  std::size_t types = 0;
  for (const auto& one : table->nodes()) owned += table->owned_by(one.node, one.incarnation);
  for (const auto& one : table->assignments()) types += one.types.size();
  require(owned <= shards * types, "no slot has two owners");
  require(table->in_hand_over() <= shards * types, "no slot has two givers");
  const auto again = decode_table(encode_table(*table), shards);
  require(again.has_value(), "what was written can be read");
  require(same_assignment(*again, *table) && again->term() == table->term(),
          "what was written reads as the same table");
  check_plans(*table);
}

void check_parked_key(bytes_view value) {
  const auto lot =
      within({}, value, [](bytes_view input) { return parking_lot::decode(input, 0); });
  if (!lot) return require_documented(lot.error(), {errc::decode_failed});
  const auto again = parking_lot::decode(lot->encode(), 0);
  require(again.has_value() && again->size() == lot->size() && again->claim == lot->claim &&
              again->retired == lot->retired,
          "what was written reads as the same lot");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto value = as_input(data, size);
  check_settings_key(value);
  check_lease_key(value);
  check_parked_key(value);
  for (const std::uint32_t shards : {1U, 4U, 16U}) check_table_key(value, shards);
  return 0;
}
