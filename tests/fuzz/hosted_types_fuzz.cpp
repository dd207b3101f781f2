// A node's answer to the question what it hosts.

#include <aether/runtime/codec.hpp>
#include "cluster/src/core/hosted_types.hpp"
#include "cluster/src/core/join_check.hpp"
#include "fuzz.hpp"

using namespace aether;
using namespace aether::cluster;
using namespace aether::fuzz;

namespace {

void check_join(const std::vector<hosted_type>& types) {
  const auto node = node_id::parse("n1").value();
  const bool distinct = std::ranges::adjacent_find(types, {}, &hosted_type::type) == types.end();
  require(!distinct || check_types(types, node, types).has_value(),
          "a node may join one that hosts the same");
  require(check_types({}, node, types).has_value(), "what only others host is no obstacle");
  if (types.empty()) return;
  const std::vector<hosted_type> ignorant{
      {types.front().type, {}, {}, types.front().snapshot_schema}};
  const bool knows_all = types.front().commands.empty() && types.front().events.empty();
  const auto allowed = check_types(ignorant, node, {&types.front(), 1});
  require(allowed.has_value() == knows_all, "who knows less of a type that both host may not join");
  if (!allowed) require_documented(allowed.error(), {errc::incompatible_cluster});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto read = within({.per_byte = 512}, as_input(data, size),
                           [](bytes_view input) { return decode<types_table>(input); });
  if (!read) {
    require_documented(read.error(), {errc::decode_failed});
    return 0;
  }
  const auto types = sorted(read->types);
  const auto again = decode<types_table>(encode(types_table{types}));
  require(again.has_value() && again->types == types, "what was written reads as the same table");
  require(fingerprint(again->types) == fingerprint(types), "equal tables, equal fingerprints");
  check_join(types);
  return 0;
}
