#include "persistence/src/jetstream/server_features.hpp"

#include <doctest/doctest.h>

#include <string>

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
