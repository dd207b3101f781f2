#include "persistence/src/jetstream/server_features.hpp"

#include "persistence/src/jetstream/scan_operation.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace aether;

TEST_CASE("server features: each version has what it can, and what it lacks has a name") {
  struct row {
    nats_server_info server;
    server_features have;
    std::string missing;
  };
  const server_features all{true, true, true, true};
  const row rows[]{
      {{"2.9.10", 2, 9, 10},
       {},
       "replicated_conditions several_filters sync_interval paged_reads "},
      {{"2.9.20", 2, 9, 20},
       {},
       "replicated_conditions several_filters sync_interval paged_reads "},
      {{"2.9.21", 2, 9, 21},
       {true, false, false, false},
       "several_filters sync_interval paged_reads "},
      {{"2.10.0", 2, 10, 0}, {true, false, true, true}, "paged_reads "},
      {{"2.10.27", 2, 10, 27}, {true, false, true, true}, "paged_reads "},
      {{"2.11.0", 2, 11, 0, 0, 1}, all, ""},
      {{"2.15.1", 2, 15, 1, 0, 4}, all, ""},
      {{"3.0.0", 3, 0, 0, 0, 5}, all, ""},
      // The API level decides on pages, not the version.
      {{"2.11.0", 2, 11, 0, 0, 0}, {true, false, true, true}, "paged_reads "},
      {{"", 0, 0, 0}, {}, "replicated_conditions several_filters sync_interval paged_reads "},
  };
  for (const auto& row : rows) {
    CAPTURE(row.server.version);
    const auto have = features_of(row.server);
    CHECK(have == row.have);
    std::string missing;
    for (const auto& one : missing_in(have)) {
      missing += std::string{one.name} + " ";
      CHECK_FALSE(one.since.empty());
      CHECK_FALSE(one.cost.empty());
    }
    CHECK(missing == row.missing);
  }
}

TEST_CASE("delivery: a consumer's reply subject tells the place in the stream, in each form") {
  struct row {
    std::string_view subject;
    std::uint64_t sequence;
    std::uint64_t pending;
  };
  const row rows[]{
      {"$JS.ACK.EVENTS.c1.1.42.7.1700000000000000000.99", 42, 99},
      {"$JS.ACK.EVENTS.c1.1.42.7.1700000000000000000.0", 42, 0},
      {"$JS.ACK._.ACC5hash.EVENTS.c1.1.42.7.1700000000000000000.99", 42, 99},
      {"$JS.ACK.hub.ACC5hash.EVENTS.c1.1.42.7.1700000000000000000.99.x7Kq", 42, 99},
      {"$JS.ACK.EVENTS.c1.1.18446744073709551615.7.1700000000000000000.18446744073709551615",
       ~std::uint64_t{0}, ~std::uint64_t{0}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.subject);
    const auto found = parse_delivery(row.subject);
    REQUIRE(found.has_value());
    CHECK(found->sequence == stream_sequence{row.sequence});
    CHECK(found->pending == row.pending);
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
      // Streams begin with 1.
      "$JS.ACK.EVENTS.c1.1.0.7.1700000000000000000.99",
  };
  for (const auto& row : rows) {
    CAPTURE(row);
    CHECK_FALSE(parse_delivery(row).has_value());
  }
}
