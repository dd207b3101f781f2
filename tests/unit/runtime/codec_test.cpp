#include <aether/runtime/codec.hpp>
#include "support/random.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <string>

using namespace aether;

namespace {

enum class colour : std::uint8_t { red = 1, blue = 200 };

struct inner {
  std::int32_t x = 7;
  std::string name = "none";
  friend bool operator==(const inner&, const inner&) = default;
  AETHER_MESSAGE("test.inner", x, name)
};

struct everything {
  bool flag = false;
  std::int8_t small = 0;
  std::int64_t large = 0;
  std::uint64_t positive = 0;
  float single = 0;
  double real = 0;
  colour shade = colour::red;
  std::string text;
  bytes blob;
  std::chrono::milliseconds wait{0};
  std::optional<inner> maybe;
  std::vector<inner> many;
  std::array<std::int16_t, 3> triple{};
  std::map<std::string, std::vector<double>> table;
  command_id id;
  friend bool operator==(const everything&, const everything&) = default;
  AETHER_MESSAGE("test.everything", flag, small, large, positive, single, real, shade, text, blob,
                 wait, maybe, many, triple, table, id)
};

struct tree {
  std::int64_t value = 0;
  std::vector<tree> children;
  friend bool operator==(const tree&, const tree&) = default;
  AETHER_MESSAGE("test.tree", value, children)
};

template <class T>
struct holder {
  T value{};
  AETHER_MESSAGE("test.holder", value)
};

struct defaulted {
  std::optional<std::int64_t> limit = 5;
  std::int64_t count = 9;
  AETHER_MESSAGE("test.defaulted", limit, count)
};

bytes from_hex(std::string_view text) {
  bytes out;
  for (std::size_t i = 0; i + 1 < text.size() + 1; i += 2) {
    while (i < text.size() && text[i] == ' ') ++i;
    if (i >= text.size()) break;
    out.push_back(static_cast<std::byte>(std::stoi(std::string{text.substr(i, 2)}, nullptr, 16)));
  }
  return out;
}

std::string to_hex(bytes_view data) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const std::byte byte : data) {
    out += digits[std::to_integer<unsigned>(byte) >> 4];
    out += digits[std::to_integer<unsigned>(byte) & 0xF];
  }
  return out;
}

template <class T>
std::string wire(const T& value) {
  return to_hex(encode(value));
}

template <message T>
std::string refusal(bytes_view data) {
  const auto read = decode<T>(data);
  if (read) return {};
  CHECK(read.error().code() == errc::decode_failed);
  return read.error().text();
}

inner random_inner(std::mt19937_64& random) {
  return {static_cast<std::int32_t>(random()),
          testing::random_bytes(random, testing::random_between(random, 0, 40))};
}

everything random_everything(std::mt19937_64& random) {
  everything out;
  const auto upto = [&random](std::uint64_t max) {
    return testing::random_between(random, 0, max);
  };
  out.flag = upto(1) == 0;
  out.small = static_cast<std::int8_t>(random());
  out.large = static_cast<std::int64_t>(random() >> upto(63)) * (upto(1) == 0 ? 1 : -1);
  out.positive = random() >> upto(63);
  out.single = static_cast<float>(upto(1'000'000)) / 7;
  out.real = static_cast<double>(random()) / 3;
  out.shade = upto(1) == 0 ? colour::red : colour::blue;
  out.text = testing::random_bytes(random, upto(300));
  out.blob.resize(upto(300), std::byte{0x5A});
  out.wait = std::chrono::milliseconds{static_cast<std::int64_t>(random())};
  if (upto(1) == 0) out.maybe = random_inner(random);
  for (auto n = upto(20); n > 0; --n) out.many.push_back(random_inner(random));
  for (auto& number : out.triple) number = static_cast<std::int16_t>(random());
  for (auto n = upto(20); n > 0; --n)
    out.table[testing::random_bytes(random, upto(20))].resize(upto(5), 0.5);
  if (upto(1) == 0) out.id = command_id::make();
  return out;
}

}  // namespace

TEST_CASE("each C++ type has the pinned bytes") {
  CHECK(wire(false) == "c2");
  CHECK(wire(true) == "c3");
  CHECK(wire(0) == "00");
  CHECK(wire(127) == "7f");
  CHECK(wire(128) == "cc80");
  CHECK(wire(-1) == "ff");
  CHECK(wire(-32) == "e0");
  CHECK(wire(-33) == "d0df");
  CHECK(wire(std::numeric_limits<std::int64_t>::min()) == "d38000000000000000");
  CHECK(wire(std::numeric_limits<std::uint64_t>::max()) == "cfffffffffffffffff");
  CHECK(wire(1.5) == "cb3ff8000000000000");
  CHECK(wire(1.5F) == "cb3ff8000000000000");
  CHECK(wire(colour::blue) == "ccc8");
  CHECK(wire(std::string{"hi"}) == "a26869");
  CHECK(wire(std::string(32, 'a')).starts_with("d92061"));
  CHECK(wire(from_hex("00ff")) == "c40200ff");
  CHECK(wire(std::chrono::milliseconds{300}) == "cd012c");
  CHECK(wire(std::optional<int>{}) == "c0");
  CHECK(wire(std::optional<int>{4}) == "04");
  CHECK(wire(std::vector<int>{1, 2}) == "920102");
  CHECK(wire(std::array<bool, 2>{true, false}) == "92c3c2");
  CHECK(wire(std::map<std::string, int>{{"a", 1}, {"b", 2}}) == "82a16101a16202");
  CHECK(wire(inner{1, "x"}) == "82a17801a46e616d65a178");
  constexpr const char* id = "01932f3a5b7c7d3e8f90a1b2c3d4e5f6";
  CHECK(wire(command_id::from_hex(id).value()) == std::string{"c410"} + id);
  CHECK(wire(commit_id::from_hex(id).value()) == std::string{"c410"} + id);
  CHECK(wire(command_id{}) == "c410" + std::string(32, '0'));
}

TEST_CASE("random structs of every type come back as they were") {
  auto random = testing::seeded_random();
  for (int i = 0; i < 200; ++i) {
    const auto value = random_everything(random);
    const auto back = decode<everything>(encode(value));
    REQUIRE(back.has_value());
    CHECK(*back == value);
  }
}

TEST_CASE("a field the reader does not know is ignored") {
  // {"x": 1, "zzz": {"deep": [1, {"a": nil}]}, 5: "no text key", "ext": extension, "name": "n"}
  const auto data = from_hex(
      "85 a178 01 a37a7a7a 81a464656570 92 01 81a161c0 05 a16b a3657874 d40100 a46e616d65 a16e");
  CHECK(decode<inner>(data).value() == inner{1, "n"});
}

TEST_CASE("a missing field and a nil one keep the default") {
  CHECK(decode<inner>(from_hex("80")).value() == inner{});
  CHECK(decode<inner>(from_hex("82a178c0a46e616d65c0")).value() == inner{});
}

TEST_CASE("an optional that was written empty is read as empty whatever its default") {
  defaulted value;
  value.limit.reset();
  CHECK(!decode<defaulted>(encode(value)).value().limit.has_value());
  CHECK(decode<defaulted>(from_hex("80")).value().limit == 5);
}

TEST_CASE("the first of two fields of one name counts") {
  CHECK(decode<inner>(from_hex("82a17801a17802")).value().x == 1);
}

TEST_CASE("a field of another type or range is refused with message and field") {
  const auto field = [](std::string_view value) {
    return from_hex("81a576616c7565" + std::string{value});
  };
  constexpr std::string_view expected = "test.holder: field 'value' has another type or range";
  CHECK(refusal<holder<bool>>(field("01")) == expected);
  CHECK(refusal<holder<std::int8_t>>(field("cc80")) == expected);
  CHECK(refusal<holder<std::int64_t>>(field("cfffffffffffffffff")) == expected);
  CHECK(refusal<holder<std::int64_t>>(field("cb3ff8000000000000")) == expected);
  CHECK(refusal<holder<std::uint32_t>>(field("ff")) == expected);
  CHECK(refusal<holder<float>>(field("cb7fe0000000000000")) == expected);
  CHECK(refusal<holder<double>>(field("a131")) == expected);
  CHECK(refusal<holder<colour>>(field("cd0100")) == expected);
  CHECK(refusal<holder<std::string>>(field("c40161")) == expected);
  CHECK(refusal<holder<bytes>>(field("a161")) == expected);
  CHECK(refusal<holder<std::vector<int>>>(field("80")) == expected);
  CHECK(refusal<holder<std::vector<int>>>(field("9201a0")) == expected);
  CHECK(refusal<holder<std::array<int, 2>>>(field("93010203")) == expected);
  CHECK(refusal<holder<std::map<std::string, int>>>(field("810101")) == expected);
  CHECK(refusal<holder<std::optional<int>>>(field("a0")) == expected);
  CHECK(refusal<holder<inner>>(field("90")) == expected);
  const std::string id(32, '1');
  CHECK(refusal<holder<command_id>>(field("c410" + id)).empty());
  CHECK(refusal<holder<command_id>>(field("c40f" + id.substr(2))) == expected);
  CHECK(refusal<holder<command_id>>(field("c411" + id + "11")) == expected);
  CHECK(refusal<holder<command_id>>(field("c400")) == expected);
  CHECK(refusal<holder<command_id>>(field("b0" + id)) == expected);
  CHECK(refusal<inner>(from_hex("01")) == "test.inner: expected a msgpack map of fields");
}

TEST_CASE("a number is read from every format that holds it") {
  for (const char* one : {"01", "cc01", "cd0001", "ce00000001", "cf0000000000000001", "d001",
                          "d10001", "d200000001", "d30000000000000001"}) {
    const auto data = from_hex(std::string{"81a576616c7565"} + one);
    CHECK(decode<holder<std::uint8_t>>(data).value().value == 1);
    CHECK(decode<holder<std::int64_t>>(data).value().value == 1);
    CHECK(decode<holder<double>>(data).value().value == 1.0);
  }
}

TEST_CASE("infinities and what is no number come back as they were") {
  for (const double value : {std::numeric_limits<double>::infinity(), -0.0, 5e-324}) {
    CHECK(decode<holder<double>>(encode(holder<double>{value})).value().value == value);
  }
  CHECK(std::isinf(decode<holder<float>>(encode(holder<float>{INFINITY})).value().value));
  CHECK(std::isnan(decode<holder<float>>(encode(holder<float>{NAN})).value().value));
}

TEST_CASE("a message cut short at any byte is an error") {
  auto random = testing::seeded_random();
  const auto data = encode(random_everything(random));
  for (std::size_t size = 0; size < data.size(); ++size) {
    const bytes cut{data.begin(), data.begin() + static_cast<std::ptrdiff_t>(size)};
    CHECK(!decode<everything>(cut));
  }
}

TEST_CASE("bytes after the value are an error") {
  CHECK(refusal<inner>(from_hex("8000")) == "not one msgpack value: bytes left over");
  CHECK(refusal<inner>({}) == "not one msgpack value: no bytes at all");
  CHECK(refusal<inner>(from_hex("c1")) == "not one msgpack value: not msgpack or cut short");
}

TEST_CASE("random and damaged bytes never do worse than an error") {
  auto random = testing::seeded_random();
  const auto good = encode(random_everything(random));
  for (int i = 0; i < 2'000; ++i) {
    bytes data = good;
    if (i % 2 == 0) data.resize(testing::random_between(random, 0, 200));
    const auto changes = i % 2 == 0 ? data.size() : testing::random_between(random, 1, 4);
    for (std::size_t n = 0; n < changes; ++n)
      data[testing::random_between(random, 0, data.size() - 1)] = static_cast<std::byte>(random());
    const auto read = decode<everything>(data);
    if (!read) CHECK(read.error().code() == errc::decode_failed);
    (void)decode<tree>(data);
  }
}

TEST_CASE("nesting is read up to its bound and refused beyond") {
  const auto nested = [](std::size_t depth, const char* opening) {
    std::string text;
    for (std::size_t i = 0; i < depth; ++i) text += opening;
    return from_hex(text + "c0");
  };
  for (const char* opening : {"91", "dc0001", "dd00000001", "81a0", "de0001a0"}) {
    CHECK(document::parse(nested(document::depth_max, opening)));
    const auto deeper = document::parse(nested(document::depth_max + 1, opening));
    REQUIRE(!deeper);
    CHECK(deeper.error().text() == "not one msgpack value: nested too deep");
    CHECK(!document::parse(nested(10'000, opening)));
  }
}

TEST_CASE("a claimed size beyond the input is refused without allocating for it") {
  for (const char* lie : {"ddffffffff", "dfffffffff", "dcffff", "deffff", "dbffffffff61",
                          "c6ffffffff61", "c9ffffffff0161", "dd00000002c0", "df00000001c0"})
    CHECK(!document::parse(from_hex(lie)));
  // Each level claims as much as the whole input has: the sum must be what counts.
  bytes lies;
  for (int i = 0; i < 60; ++i) {
    const auto level = from_hex("dd0000ffff");
    lies.insert(lies.end(), level.begin(), level.end());
  }
  lies.resize(0xFFFF + 400);
  CHECK(!document::parse(lies));
}

TEST_CASE("text and binary are borrowed from the input") {
  const auto data = from_hex("92a26869c40200ff");
  const auto parsed = document::parse(data).value();
  const auto text = parsed.root().element(0).as_text().value();
  CHECK(text == "hi");
  CHECK(static_cast<const void*>(text.data()) == static_cast<const void*>(data.data() + 2));
  CHECK(parsed.root().element(1).as_binary().value().data() == data.data() + 6);
}

TEST_CASE("a value answers for its own type and a written nil is not absent") {
  const auto data = from_hex("83a161c0a162e0a16391c3");
  auto parsed = document::parse(data).value();
  const auto moved = std::move(parsed);
  const decoded root = moved.root();
  CHECK(root.map_size() == 3);
  CHECK(!root.array_size());
  CHECK(root.pair(1).first.as_text() == "b");
  CHECK(root.find("a").is_nil());
  CHECK(!root.find("a").is_absent());
  CHECK(root.find("zzz").is_absent());
  CHECK(root.find("zzz").find("a").is_absent());
  CHECK(root.find("b").as_integer() == -32);
  CHECK(!root.find("b").as_unsigned());
  CHECK(root.find("b").as_real() == -32.0);
  CHECK(root.find("c").element(0).as_boolean() == true);
  CHECK(!decoded{}.as_text());
  CHECK(!decoded{}.map_size());
}

TEST_CASE("a message that holds itself comes back as it was") {
  tree root{1, {{2, {{3, {}}}}, {4, {}}}};
  CHECK(decode<tree>(encode(root)).value() == root);
}

TEST_CASE("an encoder appends behind what the buffer holds and passes encoded values through") {
  bytes out = from_hex("ff");
  encoder writer{out};
  writer.array(3);
  writer.nil();
  writer.raw(from_hex("a161"));
  writer.text("");
  CHECK(to_hex(out) == "ff93c0a161a0");
}
