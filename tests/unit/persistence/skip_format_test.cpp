#include "persistence/src/core/history_repair.hpp"
#include "support/golden.hpp"

#include <doctest/doctest.h>

using namespace aether;

TEST_CASE("skip format: a marker is written and read as the golden file has it") {
  const bytes golden = testing::golden("skip-v1.hex");
  CHECK(encode(skip_order{41, 42, 1'234, "an incident"}) == golden);
  const auto read = decode<skip_order>(golden);
  REQUIRE(read.has_value());
  CHECK(read->first == 41);
  CHECK(read->last == 42);
  CHECK(read->sequence == 1'234);
  CHECK(read->reason == "an incident");
}
