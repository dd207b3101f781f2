#include "persistence/src/snapshot_format.hpp"

#include "support/commits.hpp"
#include "support/golden.hpp"

#include <doctest/doctest.h>

#include <map>

namespace {

using namespace aether;

/// The snapshot of tests/golden/snapshot-v1.hex.
snapshot golden_snapshot() {
  return {{event_version{42}, stream_sequence{1'234}},
          "bank.balance",
          3,
          encode(testing::total{7'500}),
          {std::byte{1}, std::byte{2}}};
}

}  // namespace

TEST_CASE("snapshot format: version 1 is written as the golden file has it") {
  const auto written = encode_snapshot(golden_snapshot());
  INFO(testing::hex_lines(written));
  CHECK(written == testing::golden("snapshot-v1.hex"));
}

TEST_CASE("snapshot format: the golden file reads as the snapshot it was") {
  CHECK(decode_snapshot(testing::golden("snapshot-v1.hex"), "1") == golden_snapshot());
}

TEST_CASE("snapshot format: headers tell type, schema and place without decoding") {
  const auto block = snapshot_headers(golden_snapshot());
  std::map<std::string_view, std::string_view> headers;
  for (const auto& [name, value] : block.headers()) headers.emplace(name, value);
  CHECK(headers.size() == 5);
  CHECK(headers.at("Aether-Format") == "1");
  CHECK(headers.at("Aether-State") == "bank.balance");
  CHECK(headers.at("Aether-Schema") == "3");
  CHECK(headers.at("Aether-Version") == "42");
  CHECK(headers.at("Aether-Sequence") == "1234");
}

TEST_CASE("snapshot format: what cannot be read is corrupt and says why") {
  const auto whole = encode_snapshot(golden_snapshot());
  const auto newer = decode_snapshot(whole, "2");
  REQUIRE_FALSE(newer.has_value());
  CHECK(newer.error().code() == errc::corrupt_history);
  CHECK(newer.error().text().find("snapshot format 2") != std::string::npos);
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK_FALSE(decode_snapshot(bytes_view{whole}.first(size), "1").has_value());
}

TEST_CASE("snapshot format: a snapshot of nothing is not saved") {
  auto none = golden_snapshot();
  none.position = {};
  CHECK(validate(none).error().code() == errc::invalid_argument);
  auto nameless = golden_snapshot();
  nameless.state_type = "";
  CHECK(validate(nameless).error().code() == errc::invalid_argument);
}
