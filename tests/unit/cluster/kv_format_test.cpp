// What the cluster keeps in its bucket, byte for byte.

#include <aether/runtime/codec.hpp>
#include "cluster/src/core/join_check.hpp"
#include "cluster/src/core/lease_machine.hpp"
#include "cluster/src/core/shard_table.hpp"
#include "support/golden.hpp"

#include <doctest/doctest.h>

#include <chrono>

namespace aether::cluster {

TEST_CASE("kv format: the settings are written and read as the golden file has them") {
  const bytes golden = testing::golden("settings-v1.hex");
  const namespace_settings settings{.shards = 256, .streams = 8};
  CHECK(encode(settings) == golden);
  CHECK(decode<namespace_settings>(golden) == settings);
}

TEST_CASE("kv format: the lease is written and read as the golden file has it") {
  const bytes golden = testing::golden("lease-v1-ttl.hex");
  const auto read = decode<lease_record>(golden);
  REQUIRE(read.has_value());
  CHECK(read->format == 1);
  CHECK(read->holder == "node-1");
  CHECK(read->incarnation == "01932f3a5b7c7d3e8f90a1b2c3d4e5f6");
  CHECK(read->nonce == 7);
  CHECK(read->ttl == std::chrono::milliseconds{2000});
  CHECK(encode(*read) == golden);
}

TEST_CASE("kv format: a lease of the first builds is read, which does not say how long it is") {
  const auto read = decode<lease_record>(testing::golden("lease-v1.hex"));
  REQUIRE(read.has_value());
  CHECK(read->holder == "node-1");
  CHECK(read->nonce == 7);
  CHECK(read->ttl == std::chrono::milliseconds{0});
}

TEST_CASE("kv format: the shard table is written and read as the golden file has it") {
  const bytes golden = testing::golden("table-v2.hex");
  const auto read = decode_table(golden, 4);
  REQUIRE(read.has_value());
  CHECK(read->term() == 300);
  REQUIRE(read->nodes().size() == 2);
  CHECK(read->nodes()[1].node.str() == "node-2");
  CHECK(read->nodes()[1].incarnation.hex() == "01932f3a5b7c7d3e8f90a1b2c3d4e5f7");
  CHECK(read->nodes()[1].weight == 2);
  REQUIRE(read->assignments().size() == 1);
  const auto& only = read->assignments().front();
  REQUIRE(only.types.size() == 2);
  CHECK(only.types[1].str() == "cart");
  CHECK(only.owners == std::vector<std::int32_t>{0, 1, 1, shard_table::none});
  CHECK(only.givers == std::vector<std::int32_t>{-1, -1, 0, -1});
  CHECK(encode_table(*read) == golden);
}

}  // namespace aether::cluster
