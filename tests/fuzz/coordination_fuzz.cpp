// The values of the coordination bucket's keys: settings, lease and table.

#include <aether/runtime/codec.hpp>
#include "cluster/src/core/join_check.hpp"
#include "cluster/src/core/lease_machine.hpp"
#include "cluster/src/core/shard_table.hpp"
#include "fuzz.hpp"

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

void check_table_key(bytes_view value, std::uint32_t shards) {
  const auto table =
      within({}, value, [&](bytes_view input) { return decode_table(input, shards); });
  if (!table) return require_documented(table.error(), {errc::decode_failed});
  require(table->shards() == shards, "a table has as many shards as asked for");
  std::size_t owned = 0;
  for (const auto& one : table->nodes()) owned += table->owned_by(one.node).size();
  require(owned <= shards, "no shard has two owners");
  const auto again = decode_table(encode_table(*table), shards);
  require(again.has_value(), "what was written can be read");
  require(same_assignment(*again, *table) && again->term() == table->term(),
          "what was written reads as the same table");
  const auto balanced = rebalance(*table, table->nodes(), 1);
  require(same_assignment(rebalance(balanced, balanced.nodes(), 1), balanced),
          "a balanced table stays as it is");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto value = as_input(data, size);
  check_settings_key(value);
  check_lease_key(value);
  for (const std::uint32_t shards : {1U, 4U, 16U}) check_table_key(value, shards);
  return 0;
}
