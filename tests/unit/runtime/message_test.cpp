#include <aether/runtime/message.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace {

struct nothing {
  AETHER_MESSAGE("test.nothing")
};
struct balance {
  std::int64_t cents = 0;
  AETHER_MESSAGE("test.balance", cents)
};
struct withdraw {
  std::int64_t cents = 0;
  std::string why;
  using reply = balance;
  AETHER_MESSAGE("test.withdraw", cents, why)
};
struct widest {
  int f1 = 1, f2 = 2, f3 = 3, f4 = 4, f5 = 5, f6 = 6, f7 = 7, f8 = 8, f9 = 9, f10 = 10, f11 = 11,
      f12 = 12, f13 = 13, f14 = 14, f15 = 15, f16 = 16, f17 = 17, f18 = 18, f19 = 19, f20 = 20,
      f21 = 21, f22 = 22, f23 = 23, f24 = 24, f25 = 25, f26 = 26, f27 = 27, f28 = 28, f29 = 29,
      f30 = 30, f31 = 31, f32 = 32;
  AETHER_MESSAGE("test.widest", f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15,
                 f16, f17, f18, f19, f20, f21, f22, f23, f24, f25, f26, f27, f28, f29, f30, f31,
                 f32)
};
struct no_message {
  int x = 0;
};

struct collect {
  std::vector<std::string> names;
  void operator()(const char* name, const auto&) { names.emplace_back(name); }
};

static_assert(aether::message<nothing> && aether::message<withdraw>);
static_assert(!aether::message<no_message> && !aether::message<int>);
static_assert(std::is_aggregate_v<withdraw>);
static_assert(std::is_same_v<aether::reply_of<withdraw>, balance>);
static_assert(std::is_same_v<aether::reply_of<balance>, void>);
static_assert(aether::messages<balance, withdraw>::size == 2);
static_assert(aether::messages<balance, withdraw>::contains<balance>);
static_assert(!aether::messages<balance, withdraw>::contains<nothing>);

}  // namespace

TEST_CASE("a message visits its fields by name in the order of its declaration") {
  collect seen;
  const withdraw some{5, "rent"};
  withdraw::aether_visit(some, seen);
  CHECK(seen.names == std::vector<std::string>{"cents", "why"});
}

TEST_CASE("a message may have no field and as many as 32") {
  collect none;
  const nothing empty;
  nothing::aether_visit(empty, none);
  CHECK(none.names.empty());
  collect all;
  const widest wide;
  widest::aether_visit(wide, all);
  REQUIRE(all.names.size() == 32);
  CHECK(all.names.back() == "f32");
}

TEST_CASE("a wire name has 1-128 of letters, digits, dot, underscore and hyphen") {
  using aether::detail::valid_wire_name;
  CHECK(valid_wire_name("bank.deposit-2_x"));
  CHECK(valid_wire_name(std::string(128, 'a')));
  CHECK(!valid_wire_name(std::string(129, 'a')));
  for (const char* bad : {"", "a b", "a*", "a>", "\xC3\xA4", "a\n", "a/b"})
    CHECK(!valid_wire_name(bad));
}
