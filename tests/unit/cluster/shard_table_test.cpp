#include "cluster/src/core/shard_table.hpp"

#include "support/tables.hpp"

#include <doctest/doctest.h>

namespace aether::cluster {

namespace {

using samples::node;
using samples::process;
using samples::type;
constexpr auto none = shard_table::none;

/// Three shards of two kinds: accounts are moving from a to b in shard 1.
shard_table small() {
  return {5,
          3,
          {{node("a"), process(1), 1}, {node("b"), process(2), 2}},
          {{{type("account"), type("cart")}, {0, 1, 1}, {none, 0, none}},
           {{type("device")}, {1, 1, none}, {}}}};
}

}  // namespace

TEST_CASE("shard table: owner and giver are those of the type's shard") {
  const auto table = small();
  CHECK(table.owner(type("account"), shard_id{0})->node == node("a"));
  CHECK(table.owner(type("cart"), shard_id{1})->node == node("b"));
  CHECK(table.giver(type("cart"), shard_id{1})->node == node("a"));
  CHECK(table.giver(type("cart"), shard_id{2}) == nullptr);
  CHECK(table.giver(type("device"), shard_id{0}) == nullptr);
  CHECK(table.owner(type("device"), shard_id{2}) == nullptr);
  CHECK(table.owner(type("stranger"), shard_id{0}) == nullptr);
  CHECK(table.owned_by(node("a"), process(1)) == 2);
  CHECK(table.owned_by(node("b"), process(2)) == 6);
  CHECK(table.owned_by(node("b"), process(3)) == 0);
  CHECK(table.in_hand_over() == 2);
}

TEST_CASE("shard table: what is encoded is what is decoded, without the revision") {
  auto table = small();
  table.set_revision(99);
  const auto back = decode_table(encode_table(table), 3).value();
  CHECK(same_assignment(table, back));
  CHECK(back.term() == 5);
  CHECK(back.revision() == 0);
}

TEST_CASE("shard table: a slot moved where its owner is another process, be it of the same node") {
  const auto before = small();
  shard_table after{
      6, 3, {{node("a"), process(7), 1}, {node("b"), process(2), 2}}, before.assignments()};
  CHECK(moved_between(before, after) == 2);
  CHECK(moved_between(before, before) == 0);
  CHECK(moved_between(shard_table{3}, before) == 8);
}

TEST_CASE("shard table: bytes that are no table of this namespace are refused") {
  const auto good = encode_table(small());
  CHECK(decode_table(good, 4).error().code() == errc::decode_failed);
  CHECK(decode_table({}, 3).error().code() == errc::decode_failed);
  auto cut = good;
  cut.pop_back();
  CHECK(decode_table(cut, 3).error().code() == errc::decode_failed);
  // The last owner is 0xff, none; then comes an empty list of givers. There is no fifth node.
  const auto last = std::ranges::find(good.rbegin(), good.rend(), std::byte{0xff});
  REQUIRE(last != good.rend());
  auto strange_owner = good;
  strange_owner[static_cast<std::size_t>(good.rend() - last - 1)] = std::byte{5};
  CHECK(decode_table(strange_owner, 3).error().code() == errc::decode_failed);
}

}  // namespace aether::cluster
