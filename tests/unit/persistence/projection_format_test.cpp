// What projections keep in the bucket, byte for byte.

#include <aether/persistence/projection_positions.hpp>
#include <aether/persistence/record_store.hpp>
#include "persistence/src/core/parking_lot.hpp"
#include "support/golden.hpp"

#include <doctest/doctest.h>

#include <memory>

namespace aether {

namespace {

const projection_key key{"balances", 2, 3};

}  // namespace

TEST_CASE("projection format: the position is written and read as the golden file has it") {
  const bytes golden = testing::golden("position-v1.hex");
  const auto records = std::make_shared<memory_record_store>();
  const auto positions = record_positions(records);
  const projection_position next{stream_sequence{70},
                                 *commit_id::from_hex("01932f3a5b7c7d3e8f90a1b2c3d4e5f6"), 0};
  REQUIRE(positions->store(key, next).has_value());
  const auto raw = records->load("proj.balances.2.3");
  REQUIRE(raw.has_value());
  CHECK(testing::hex_lines(raw->value) == testing::hex_lines(golden));
  const auto read = positions->load(key);
  REQUIRE(read.has_value());
  CHECK(read->sequence == next.sequence);
  CHECK(read->commit == next.commit);
}

TEST_CASE("projection format: what is parked is read as the golden file has it") {
  const bytes golden = testing::golden("parked-v1.hex");
  const auto read = parking_lot::decode(golden, 3);
  REQUIRE(read.has_value());
  REQUIRE(read->size() == 1);
  const auto& one = read->entries().front();
  CHECK(one.partition == 3);
  CHECK(one.sequence.value() == 70);
  CHECK(one.first.value() == 4);
  CHECK(one.last.value() == 5);
  CHECK(one.address.type.str() == "account");
  CHECK(one.address.id.str() == "a.b *");
  CHECK(one.code == errc::handler_failed);
  CHECK(one.reason == "sick");
  CHECK(one.at.time_since_epoch().count() == 2'000);
  CHECK(one.replays == 1);
  CHECK(one.whole_actor);
  CHECK(one.wish == parked_wish::replay);
  CHECK(!read->retired);
  CHECK(read->claim == 0);
}

TEST_CASE("projection format: a claim is written and read as the golden file has it") {
  const bytes golden = testing::golden("parked-v1-claim.hex");
  const auto read = parking_lot::decode(golden, 3);
  REQUIRE(read.has_value());
  CHECK(read->claim == 2);
  CHECK(testing::hex_lines(read->encode()) == testing::hex_lines(golden));
}

}  // namespace aether
