#include <aether/runtime/codec.hpp>
#include <aether/runtime/value_reader.hpp>

#include <doctest/doctest.h>

#include <string>

namespace {

using namespace aether;

bytes encoded(void (*write)(encoder&)) {
  bytes out;
  encoder to{out};
  write(to);
  return out;
}

}  // namespace

TEST_CASE("value reader: takes in turn what an encoder wrote") {
  const bytes data = encoded([](encoder& to) {
    to.map(2);
    to.text("name");
    to.text(std::string(300, 'x'));
    to.text("list");
    to.array(4);
    to.integer(-5);
    to.unsigned_integer(1ULL << 40);
    to.binary(as_bytes_view("abc"));
    to.nil();
  });
  value_reader in{data};
  CHECK(in.map() == 2);
  CHECK(in.text() == "name");
  CHECK(in.text() == std::string(300, 'x'));
  CHECK(in.text() == "list");
  CHECK(in.array() == 4);
  CHECK_FALSE(in.unsigned_integer().has_value());
  CHECK(in.integer() == -5);
  CHECK(in.unsigned_integer() == 1ULL << 40);
  CHECK(as_text(in.binary().value()) == "abc");
  CHECK(in.nil());
  CHECK(in.at_end());
}

TEST_CASE("value reader: integers of every width, and only where they fit") {
  for (const std::int64_t value : {0L, 127L, 128L, 255L, 256L, 65'536L, -1L, -32L, -33L, -129L,
                                   -40'000L, -3'000'000'000L, 1L << 62}) {
    CAPTURE(value);
    bytes data;
    encoder{data}.integer(value);
    CHECK(value_reader{data}.integer() == value);
    CHECK(value_reader{data}.unsigned_integer().has_value() == (value >= 0));
  }
  bytes large;
  encoder{large}.unsigned_integer(~0ULL);
  CHECK(value_reader{large}.unsigned_integer() == ~0ULL);
  CHECK_FALSE(value_reader{large}.integer().has_value());
}

TEST_CASE("value reader: a value's bytes come with everything inside it") {
  const bytes data = encoded([](encoder& to) {
    to.map(1);
    to.text("in");
    to.array(2);
    to.real(1.5);
    to.map(0);
    to.boolean(true);
  });
  value_reader in{data};
  CHECK(in.value()->size() == data.size() - 1);
  CHECK(in.value()->size() == 1);
  CHECK(in.at_end());
  CHECK_FALSE(in.value().has_value());
}

TEST_CASE("value reader: every tag of msgpack has the size its specification says") {
  using namespace std::string_literals;
  for (const std::string& one : {"\xc0"s,
                                 "\xc2"s,
                                 "\xc3"s,
                                 "\xc4\x01z"s,
                                 "\xc5\0\x01z"s,
                                 "\xc6\0\0\0\x01z"s,
                                 "\xc7\x02\x05zz"s,
                                 "\xc8\0\x02\x05zz"s,
                                 "\xc9\0\0\0\x02\x05zz"s,
                                 "\xca zzz"s,
                                 "\xcb zzzzzzz"s,
                                 "\xcc\x01"s,
                                 "\xcd\0\x01"s,
                                 "\xce\0\0\0\x01"s,
                                 "\xcf\0\0\0\0\0\0\0\x01"s,
                                 "\xd0\xff"s,
                                 "\xd1\xff\xff"s,
                                 "\xd2\xff\xff\xff\xff"s,
                                 "\xd3zzzzzzzz"s,
                                 "\xd4\x05z"s,
                                 "\xd5\x05zz"s,
                                 "\xd6\x05zzzz"s,
                                 "\xd7\x05zzzzzzzz"s,
                                 "\xd8\x05zzzzzzzzzzzzzzzz"s,
                                 "\xd9\x01z"s,
                                 "\xda\0\x01z"s,
                                 "\xdb\0\0\0\x01z"s,
                                 "\xdc\0\x01\x01"s,
                                 "\xdd\0\0\0\x01\x01"s,
                                 "\xde\0\x01\x01\x01"s,
                                 "\xdf\0\0\0\x01\x01\x01"s,
                                 "\x81\xa1k\x91\x05"s,
                                 "\xe0"s,
                                 "\x7f"s}) {
    CAPTURE(static_cast<int>(static_cast<unsigned char>(one[0])));
    const auto data = as_bytes_view(one);
    value_reader in{data};
    const auto whole = in.value();
    REQUIRE(whole.has_value());
    CHECK(whole->size() == one.size());
    for (std::size_t size = 0; size < one.size(); ++size)
      CHECK_FALSE(value_reader{data.first(size)}.value().has_value());
  }
  CHECK_FALSE(value_reader{as_bytes_view("\xc1")}.value().has_value());
}

TEST_CASE("value reader: lengths that lie take nothing") {
  using namespace std::string_literals;
  for (const std::string& lie : {"\xdf\xff\xff\xff\xff"s, "\xdd\xff\xff\xff\xff\x01"s,
                                 "\xdb\xff\xff\xff\xffz"s, "\xc6\xff\xff\xff\xffz"s}) {
    value_reader in{as_bytes_view(lie)};
    CHECK_FALSE(in.value().has_value());
    CHECK_FALSE(in.at_end());
  }
  const std::string deep(1'000'000, '\x91');
  CHECK_FALSE(value_reader{as_bytes_view(deep)}.value().has_value());
}
