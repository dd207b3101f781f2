#include <aether/runtime/nats_delivery.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <string_view>

using namespace aether;

TEST_CASE("delivery: a consumer's reply subject tells the place in the stream, in each form") {
  struct row {
    std::string_view subject;
    std::uint64_t sequence;
    std::uint64_t pending;
    std::uint64_t times = 1;
  };
  const row rows[]{
      {"$JS.ACK.EVENTS.c1.1.42.7.1700000000000000000.99", 42, 99},
      {"$JS.ACK.EVENTS.c1.3.42.7.1700000000000000000.0", 42, 0, 3},
      {"$JS.ACK._.ACC5hash.EVENTS.c1.1.42.7.1700000000000000000.99", 42, 99},
      {"$JS.ACK.hub.ACC5hash.EVENTS.c1.1.42.7.1700000000000000000.99.x7Kq", 42, 99},
      {"$JS.ACK.EVENTS.c1.1.18446744073709551615.7.1700000000000000000.18446744073709551615",
       ~std::uint64_t{0}, ~std::uint64_t{0}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.subject);
    const auto found = nats_delivery::parse(row.subject);
    REQUIRE(found.has_value());
    CHECK(found->sequence == stream_sequence{row.sequence});
    CHECK(found->pending == row.pending);
    CHECK(found->times == row.times);
    CHECK(found->number == 7);
  }
}

TEST_CASE("delivery: no other subject is one") {
  const std::string_view rows[]{
      "",
      ".",
      "$JS",
      "$JS.ACK",
      "........",
      "_INBOX.abc.1",
      // Too few tokens, too many, and a number that no server has.
      "$JS.ACK.EVENTS.c1.1.42.7.1700000000000000000",
      "$JS.ACK.EVENTS.c1.1.42.7.1700000000000000000.99.x",
      "$JS.ACK.hub.ACC5hash.EVENTS.c1.1.42.7.1700000000000000000.99.x7Kq.y",
      // Other names.
      "$XS.ACK.EVENTS.c1.1.42.7.1700000000000000000.99",
      "$JS.FC.EVENTS.c1.1.42.7.1700000000000000000.99",
      // What should be numbers.
      "$JS.ACK.EVENTS.c1.1.x.7.1700000000000000000.99",
      "$JS.ACK.EVENTS.c1.1..7.1700000000000000000.99",
      "$JS.ACK.EVENTS.c1.1.42x.7.1700000000000000000.99",
      "$JS.ACK.EVENTS.c1.1.-42.7.1700000000000000000.99",
      "$JS.ACK.EVENTS.c1.1.+42.7.1700000000000000000.99",
      "$JS.ACK.EVENTS.c1.1.42.7.1700000000000000000.",
      "$JS.ACK.EVENTS.c1.1.42.7.1700000000000000000.many",
      "$JS.ACK.EVENTS.c1.1.42.7.1700000000000000000.18446744073709551616",
      // All of these begin with 1.
      "$JS.ACK.EVENTS.c1.0.42.7.1700000000000000000.99",
      "$JS.ACK.EVENTS.c1.1.42.0.1700000000000000000.99",
      "$JS.ACK.EVENTS.c1.1.0.7.1700000000000000000.99",
  };
  for (const auto& row : rows) {
    CAPTURE(row);
    CHECK_FALSE(nats_delivery::parse(row).has_value());
  }
}
