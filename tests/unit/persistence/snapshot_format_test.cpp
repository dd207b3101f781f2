#include "persistence/src/snapshot_format.hpp"

#include "support/commits.hpp"
#include "support/golden.hpp"

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <string>
#include <utility>

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

/// Whose the snapshot of tests/golden/snapshot-v1-owned.hex is.
constexpr std::uint64_t golden_owner = 0x123456789abcdef0;

/// The snapshot of tests/golden/snapshot-v1-owned.hex.
snapshot golden_owned() {
  auto made = golden_snapshot();
  made.position.commit = commit_id::from_hex("11111111111111111111111111111111").value();
  return made;
}

/// The headers of a stored message, as a map.
struct stored_headers {
  std::map<std::string, std::string> all;
  [[nodiscard]] std::optional<std::string_view> header(const char* name) const {
    const auto found = all.find(name);
    return found == all.end() ? std::nullopt : std::optional<std::string_view>{found->second};
  }
};

}  // namespace

TEST_CASE("snapshot format: with commit and owner it is as its golden file has it") {
  const auto written = encode_snapshot(golden_owned(), golden_owner);
  INFO(testing::hex_lines(written));
  CHECK(written == testing::golden("snapshot-v1-owned.hex"));
  CHECK(decode_snapshot(testing::golden("snapshot-v1-owned.hex"), "1", golden_owner) ==
        golden_owned());
}

TEST_CASE("snapshot format: another actor's snapshot is not taken, one without a mark is") {
  const auto theirs = encode_snapshot(golden_snapshot(), golden_owner);
  const auto refused = decode_snapshot(theirs, "1", golden_owner + 1);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code() == errc::corrupt_history);
  CHECK(refused.error().text() == "the snapshot of another actor or namespace");
  CHECK(decode_snapshot(theirs, "1") == golden_snapshot());
  CHECK(decode_snapshot(testing::golden("snapshot-v1.hex"), "1", golden_owner) ==
        golden_snapshot());
}

TEST_CASE("snapshot format: headers that contradict the payload make it unreadable") {
  stored_headers stored;
  const auto sound = [&] { return check_headers(golden_snapshot(), header_lookup{stored}); };
  CHECK(sound().has_value());  // none at all
  const auto own = snapshot_headers(golden_snapshot());
  for (const auto& [name, value] : own.headers()) stored.all.emplace(name, value);
  CHECK(sound().has_value());
  for (const auto& [name, value] : {std::pair{"Aether-State", "bank.other"},
                                    {"Aether-Schema", "4"},
                                    {"Aether-Version", "41"},
                                    {"Aether-Sequence", ""}}) {
    CAPTURE(name);
    const auto right = std::exchange(stored.all[name], value);
    const auto found = sound();
    REQUIRE_FALSE(found.has_value());
    CHECK(found.error().code() == errc::corrupt_history);
    CHECK(found.error().text().find(name) != std::string::npos);
    stored.all[name] = right;
  }
  stored.all.erase("Aether-Version");
  CHECK(sound().has_value());
}

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
