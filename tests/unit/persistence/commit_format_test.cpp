#include "persistence/src/commit_format.hpp"

#include "persistence/src/commit_rules.hpp"
#include "support/commits.hpp"
#include "support/golden.hpp"
#include "support/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>

namespace {

using namespace aether;
using testing::counted;
using testing::id_of;

/// The commit of tests/golden/commit-v1.hex; docs/formats.md shows it too.
commit golden_commit() {
  commit made;
  made.id = id_of<commit_id>(0x11);
  made.first = event_version{41};
  made.events = {{"bank.deposited", encode(counted{10'000, "salary"})},
                 {"bank.withdrawn", encode(counted{-2'500, ""})}};
  made.commands = {{id_of<command_id>(0x22), 1, "bank.balance", encode(testing::total{7'500})},
                   {id_of<command_id>(0x33), 1, "", {}}};
  made.correlation = id_of<command_id>(0x44);
  made.at = std::chrono::sys_time{std::chrono::milliseconds{1'795'451'445'678}};
  made.writer = "node-1";
  made.epoch = writer_epoch{7};
  return made;
}

commit chained_commit() {
  commit made = golden_commit();
  made.back_pointers = {stream_sequence{642}, stream_sequence{643}, stream_sequence{70'000}};
  return made;
}

const commit_frame chained_frame{0x1122334455667788, id_of<commit_id>(0x55)};

errc code_of(const result<commit>& read) {
  REQUIRE_FALSE(read.has_value());
  return read.error().code();
}

}  // namespace

TEST_CASE("commit format: version 1 is written as the golden file has it") {
  const auto written = encode_commit(golden_commit());
  INFO(testing::hex_lines(written));
  CHECK(written == testing::golden("commit-v1.hex"));
}

TEST_CASE("commit format: the golden file reads as the commit it was") {
  const auto read = decode_commit(testing::golden("commit-v1.hex"), "1");
  REQUIRE(read.has_value());
  CHECK(*read == golden_commit());
}

TEST_CASE("commit format: the payload alone is enough") {
  CHECK(decode_commit(encode_commit(golden_commit()), std::nullopt) == golden_commit());
}

TEST_CASE("commit format: with an owner and back-pointers, as the second golden file has it") {
  const auto written = encode_commit(chained_commit(), chained_frame);
  INFO(testing::hex_lines(written));
  CHECK(written == testing::golden("commit-v1-chained.hex"));
  const auto read = decode_framed(testing::golden("commit-v1-chained.hex"), "1");
  REQUIRE(read.has_value());
  CHECK(read->commit == chained_commit());
  CHECK(read->frame.owner == chained_frame.owner);
  CHECK(read->frame.previous == chained_frame.previous);
}

TEST_CASE("commit format: another actor's commit is told from one's own") {
  const auto ns = *namespace_name::parse("bank");
  const auto alice = testing::address("account", "alice"), bob = testing::address("account", "bob");
  const auto mark = owner_mark(ns, alice);
  const auto stored = encode_commit(golden_commit(), {.owner = mark, .previous = {}});
  CHECK(decode_commit(stored, "1", mark).has_value());
  CHECK(decode_commit(stored, "1").has_value());
  CHECK(code_of(decode_commit(stored, "1", owner_mark(ns, bob))) == errc::corrupt_history);
  const auto other = owner_mark(*namespace_name::parse("bank2"), alice);
  CHECK(code_of(decode_commit(stored, "1", other)) == errc::corrupt_history);
  // Commits of the first builds name no owner.
  CHECK(decode_commit(testing::golden("commit-v1.hex"), "1", mark).has_value());
}

TEST_CASE("commit format: back-pointers that do not ascend are damage") {
  auto stored = encode_commit(chained_commit());
  const std::array<std::byte, 2> first{std::byte{0x82}, std::byte{0x05}};  // 642
  const auto at = std::ranges::search(stored, first);
  REQUIRE_FALSE(at.empty());
  at[0] = std::byte{0};
  CHECK(code_of(decode_commit(stored, "1")) == errc::corrupt_history);
}

TEST_CASE("commit format: one header tells what a broker or a tool asks for") {
  CHECK(commit_header(golden_commit()) ==
        "1 11111111111111111111111111111111 41-42 bank.deposited,bank.withdrawn");
  CHECK(announced_format(commit_header(golden_commit())) == "1");
  CHECK_FALSE(announced_format("11111111111111111111111111111111").has_value());
}

TEST_CASE(
    "commit format: the types in the header are bounded, and it says when some are left out") {
  commit many = golden_commit();
  many.events.clear();
  for (int i = 0; i < 100; ++i)
    many.events.push_back({"some.longer.type.name-" + std::to_string(i), {}});
  const auto header = commit_header(many);
  CHECK(header.size() - header.rfind(' ') - 1 <= types_header_bytes_max);
  CHECK(header.ends_with(",*"));
}

TEST_CASE("commit format: a newer format is refused by name, by header and by payload") {
  auto payload = encode_commit(golden_commit());
  const auto by_header = decode_commit(payload, "2");
  CHECK(code_of(by_header) == errc::corrupt_history);
  CHECK(by_header.error().text().find("commit format 2") != std::string::npos);
  payload[3] = std::byte{9};
  const auto by_payload = decode_commit(payload, std::nullopt);
  CHECK(code_of(by_payload) == errc::corrupt_history);
  CHECK(by_payload.error().text().find("commit format 9") != std::string::npos);
  CHECK(code_of(decode_commit(encode_commit(golden_commit()), "one")) == errc::corrupt_history);
}

TEST_CASE("commit format: an unknown field is ignored") {
  auto payload = encode_commit(golden_commit());
  payload[0] = std::byte{0x8a};  // a map of ten instead of nine
  encoder more{payload};
  more.text("later");
  more.map(1);
  more.text("x");
  more.array(0);
  CHECK(decode_commit(payload, "1") == golden_commit());
}

TEST_CASE("commit format: inner values come back as the bytes that went in") {
  const bytes not_msgpack{std::byte{0xc1}, std::byte{0xff}};
  const bytes two_values{std::byte{0x80}, std::byte{0x80}};
  const bytes wide_map{std::byte{0xde}, std::byte{0}, std::byte{0}};
  for (const bytes& data : {bytes{}, not_msgpack, two_values, wide_map, encode(counted{1, "x"})}) {
    commit odd = golden_commit();
    odd.events[0].data = data;
    odd.commands[0].reply = data;
    CHECK(decode_commit(encode_commit(odd), "1") == odd);
  }
}

TEST_CASE("commit format: an event's fields are a map that any msgpack library can open") {
  const auto payload = encode_commit(golden_commit());
  const auto parsed = document::parse(payload);
  REQUIRE(parsed.has_value());
  const auto event = parsed->root().find("events").element(0);
  CHECK(event.find("type").as_text() == "bank.deposited");
  CHECK(event.find("data").find("by").as_integer() == 10'000);
  const auto command = parsed->root().find("commands").element(0);
  CHECK(command.find("reply").find("value").as_integer() == 7'500);
}

TEST_CASE("commit format: no cut is taken for a commit") {
  const auto whole = encode_commit(golden_commit());
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK(code_of(decode_commit(bytes_view{whole}.first(size), "1")) == errc::corrupt_history);
  auto longer = whole;
  longer.push_back(std::byte{0});
  CHECK(code_of(decode_commit(longer, "1")) == errc::corrupt_history);
}

TEST_CASE("commit format: the last version fits into 64 bits, or it is no commit") {
  commit last = golden_commit();
  last.first = event_version{~std::uint64_t{0} - 1};
  CHECK(decode_commit(encode_commit(last), "1") == last);
  last.first = event_version{~std::uint64_t{0}};
  CHECK(code_of(decode_commit(encode_commit(last), "1")) == errc::corrupt_history);
}

TEST_CASE("commit format: damaged bytes are an error or another commit, never a crash") {
  auto random = testing::seeded_random();
  const auto whole = encode_commit(golden_commit());
  for (int round = 0; round < 2'000; ++round) {
    auto damaged = whole;
    for (auto flips = testing::random_between(random, 1, 4); flips > 0; --flips)
      damaged[testing::random_between(random, 0, damaged.size() - 1)] =
          static_cast<std::byte>(testing::random_between(random, 0, 255));
    const auto read = decode_commit(damaged, "1");
    if (!read) CHECK(read.error().code() == errc::corrupt_history);
  }
}

TEST_CASE("commit rules: what may be appended and what the refusal says") {
  const log_position end{event_version{40}, stream_sequence{900}};
  struct row {
    const char* name;
    void (*change)(commit&);
    errc code;
    const char* text;
  };
  const row rows[]{
      {"no id", [](commit& c) { c.id = {}; }, errc::invalid_argument, "id"},
      {"no events", [](commit& c) { c.events.clear(); }, errc::invalid_argument, "at least 1"},
      {"too many events", [](commit& c) { c.events.resize(257, c.events[0]); },
       errc::commit_too_large, "at most 256 events, this one 257"},
      {"too many commands", [](commit& c) { c.commands.resize(257, c.commands[1]); },
       errc::commit_too_large, "at most 256 commands, this one 257"},
      {"commands own too much", [](commit& c) { c.commands[0].events = 2; }, errc::invalid_argument,
       "own 3 events"},
      {"another first version", [](commit& c) { c.first = event_version{42}; },
       errc::invalid_argument, "must be 41"},
      {"a type that breaks a header", [](commit& c) { c.events[0].type = "a\r\nb"; },
       errc::invalid_argument, "wire name"},
      {"a reply type that is none", [](commit& c) { c.commands[0].reply_type = "a b"; },
       errc::invalid_argument, "wire name"},
      {"back-pointers that lead elsewhere",
       [](commit& c) { c.back_pointers = {stream_sequence{899}}; }, errc::invalid_argument,
       "the commit before is at 900"},
      {"back-pointers that do not ascend",
       [](commit& c) {
         c.back_pointers = {stream_sequence{900}, stream_sequence{900}};
       },
       errc::invalid_argument, "ascend"},
      {"too many back-pointers",
       [](commit& c) {
         for (std::uint64_t i = 1; i <= 129; ++i) c.back_pointers.emplace_back(771 + i);
       },
       errc::commit_too_large, "at most 128 back-pointers, this one 129"},
      {"a writer that breaks a header", [](commit& c) { c.writer = "a\r\nb"; },
       errc::invalid_argument, "node id"},
  };
  CHECK(validate(golden_commit(), end).has_value());
  for (const auto& row : rows) {
    CAPTURE(row.name);
    commit changed = golden_commit();
    row.change(changed);
    const auto valid = validate(changed, end);
    REQUIRE_FALSE(valid.has_value());
    CHECK(valid.error().code() == row.code);
    CHECK(valid.error().text().find(row.text) != std::string::npos);
  }
  CHECK_FALSE(validate(golden_commit(), {event_version{40}, stream_sequence{}}).has_value());
  CHECK(check_size(100, 100).has_value());
  CHECK(check_size(101, 100).error().code() == errc::commit_too_large);
}
