#include <aether/runtime/codec.hpp>
#include "cluster/src/core/hand_over.hpp"
#include "support/cluster_samples.hpp"

#include <doctest/doctest.h>

#include <string>

namespace aether::cluster {

namespace {

slot slot_at(std::uint64_t shard) {
  return {actor_type::parse("account").value(), shard_id{shard}};
}

/// As the private record, with whatever values.
struct raw_slot {
  std::string type = "account";
  std::uint32_t shard = 7;
  AETHER_MESSAGE("test.slot", type, shard)
};
struct raw_request {
  std::uint32_t format = 1;
  std::uint8_t step = 2;
  std::string node = "n2";
  std::string incarnation = samples::process(5).hex();
  std::uint64_t table_revision = 42;
  std::vector<raw_slot> slots = std::vector<raw_slot>(1);
  AETHER_MESSAGE("test.request", format, step, node, incarnation, table_revision, slots)
};
struct raw_answer {
  std::uint32_t format = 1;
  std::uint8_t step = 2;
  std::vector<raw_slot> done = std::vector<raw_slot>(1);
  AETHER_MESSAGE("test.answer", format, step, done)
};

}  // namespace

TEST_CASE("hand-over format: a request is read as it was written") {
  const hand_request request{hand_over_step::release,
                             {samples::node("n2"), samples::process(5)},
                             42,
                             {slot_at(7), slot_at(9)}};
  const auto read = decode_hand_request(encode_hand_request(request));
  REQUIRE(read.has_value());
  CHECK(read->step == request.step);
  CHECK(read->taker == request.taker);
  CHECK(read->table_revision == 42);
  CHECK(read->slots == request.slots);
}

TEST_CASE("hand-over format: an answer is read as it was written") {
  const std::vector ids{command_id::make(), command_id::make()};
  const auto read = decode_hand_answer(
      encode_hand_answer(hand_over_step::release, {{slot_at(7), false, ids}, {slot_at(9)}}));
  REQUIRE(read.has_value());
  CHECK(read->step == hand_over_step::release);
  REQUIRE(read->done.size() == 2);
  CHECK(read->done[0].which == slot_at(7));
  CHECK(!read->done[0].complete);
  CHECK(read->done[0].got == ids);
  CHECK(read->done[1].complete);
}

TEST_CASE("hand-over format: what is out of range is refused") {
  CHECK(decode_hand_request(encode(raw_request{})).has_value());
  CHECK(decode_hand_answer(encode(raw_answer{})).has_value());
  const raw_request bad[] = {
      {.format = 2},
      {.step = 0},
      {.step = 3},
      {.node = "no node"},
      {.incarnation = "5"},
      {.incarnation = std::string(32, '0')},
      {.slots = std::vector<raw_slot>(hand_request::slots_max + 1)},
      {.slots = {{.type = "a.b"}}},
  };
  for (const auto& one : bad) {
    const auto read = decode_hand_request(encode(one));
    REQUIRE(!read);
    CHECK(read.error().code() == errc::decode_failed);
  }
  CHECK(!decode_hand_answer(encode(raw_answer{.format = 2})));
  CHECK(!decode_hand_answer(encode(raw_answer{.step = 3})));
  CHECK(!decode_hand_answer(encode(raw_answer{.done = {{.type = ""}}})));
  CHECK(!decode_hand_request({}));
  CHECK(!decode_hand_answer({}));
}

}  // namespace aether::cluster
