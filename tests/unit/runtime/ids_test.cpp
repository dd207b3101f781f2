#include <aether/runtime/ids.hpp>
#include "support/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <vector>

using namespace aether;

namespace {

actor_address address(std::string_view type, std::string_view id) {
  return {actor_type::parse(type).value(), actor_id::parse(id).value()};
}

template <class Name>
std::string refusal(std::string_view text) {
  const auto parsed = Name::parse(text);
  if (parsed) return {};
  CHECK(parsed.error().code() == errc::invalid_argument);
  return parsed.error().text();
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// @param middle version and variant with the counter between them, 8 hexadecimal digits.
commit_id at_millisecond(std::uint64_t millisecond, const std::string& middle) {
  char time[13];
  std::snprintf(time, sizeof time, "%012llx", static_cast<unsigned long long>(millisecond));
  return commit_id::from_hex(time + middle + "000000000000").value();
}

}  // namespace

TEST_CASE_TEMPLATE("a token has 1-64 of letters, digits, underscore and hyphen", Name,
                   namespace_name, actor_type, node_id) {
  for (const char* good : {"a", "bank", "Bank_2-x", "0", "-", "_"}) CHECK(Name::parse(good));
  CHECK(Name::parse(std::string(64, 'x')));
  CHECK(contains(refusal<Name>(""), "is empty"));
  CHECK(contains(refusal<Name>(std::string(65, 'x')), "has 65 characters; at most 64"));
  for (const std::string bad : {"a.b", "a*", ">", "a b", "a=b", "\xC3\xA4", "$JS", "a\n", "a/b"})
    CHECK(contains(refusal<Name>(bad), "not one of [A-Za-z0-9_-]"));
  CHECK(contains(refusal<Name>(std::string_view{"a\0b", 3}), "position 2"));
}

TEST_CASE_TEMPLATE("a token can be judged at compile time, by the same rule", Name, namespace_name,
                   actor_type, node_id) {
  static_assert(Name::allows("Bank_2-x") && !Name::allows("bank.account") && !Name::allows(""));
  for (int c = 0; c < 256; ++c) {
    const std::string text{'a', static_cast<char>(c)};
    CAPTURE(c);
    CHECK(Name::allows(text) == Name::parse(text).has_value());
  }
  for (const std::size_t size : {0U, 1U, 64U, 65U})
    CHECK(Name::allows(std::string(size, 'x')) == Name::parse(std::string(size, 'x')).has_value());
}

TEST_CASE("a refusal names the kind of id and never repeats a control character") {
  CHECK(refusal<namespace_name>("a\nb") ==
        "namespace 'a?b' has a character at position 2 that is not one of [A-Za-z0-9_-]");
  CHECK(contains(refusal<actor_type>(""), "actor type"));
  CHECK(contains(refusal<node_id>(""), "node id"));
}

TEST_CASE("an actor id is 1-255 bytes of valid UTF-8 with any characters") {
  for (const std::string_view good :
       {"a", "alice@example.com", "a.b *>", "\xE6\x97\xA5\xE6\x9C\xAC", "\xF0\x9F\x8E\x89",
        "\xF4\x8F\xBF\xBF", "\xEF\xBF\xBF", "\x7F"})
    CHECK(actor_id::parse(good));
  CHECK(actor_id::parse(std::string_view{"\0", 1}));
  CHECK(actor_id::parse(std::string(255, 'x')));
  CHECK(contains(refusal<actor_id>(""), "is empty"));
  CHECK(contains(refusal<actor_id>(std::string(256, 'x')), "has 256 bytes; at most 255"));
}

TEST_CASE("an actor id that is not valid UTF-8 is refused with the offending byte") {
  struct row {
    std::string_view text;
    const char* byte;
  };
  for (const auto& [text, byte] :
       std::initializer_list<row>{{"\x80", "byte 1"},              // a tail alone
                                  {"ab\xC3", "byte 3"},            // cut short
                                  {"\xC0\xAF", "byte 1"},          // overlong '/'
                                  {"\xE0\x80\xAF", "byte 1"},      // overlong, three bytes
                                  {"\xF0\x80\x80\xAF", "byte 1"},  // overlong, four bytes
                                  {"a\xED\xA0\x80", "byte 2"},     // surrogate
                                  {"\xF4\x90\x80\x80", "byte 1"},  // above U+10FFFF
                                  {"\xF8\x88\x80\x80\x80", "byte 1"},
                                  {"\xE6\x97", "byte 1"},
                                  {"\xF0\x9F\x8E", "byte 1"},
                                  {"\xFF", "byte 1"}})
    CHECK(contains(refusal<actor_id>(text), std::string{"not valid UTF-8 at "} + byte));
}

TEST_CASE("every random id of valid UTF-8 is accepted as it is") {
  auto random = testing::seeded_random();
  for (int i = 0; i < 2'000; ++i) {
    const std::string id = testing::random_id(random);
    CHECK(actor_id::parse(id).value().str() == id);
  }
}

TEST_CASE("ids made in four threads are all different") {
  constexpr std::size_t each = 25'000;
  std::vector<std::vector<command_id>> made(4);
  {
    std::vector<std::jthread> threads;
    for (auto& ids : made)
      threads.emplace_back([&ids] {
        ids.reserve(each);
        for (std::size_t i = 0; i < each; ++i) ids.push_back(command_id::make());
      });
  }
  std::unordered_set<command_id> all;
  for (const auto& ids : made) {
    CHECK(std::ranges::is_sorted(ids));
    all.insert(ids.begin(), ids.end());
  }
  CHECK(all.size() == made.size() * each);
}

TEST_CASE("an id is a version 7 UUID of the millisecond in which it was made") {
  const auto now = [] {
    using namespace std::chrono;
    return static_cast<std::uint64_t>(
        duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
  };
  const auto before = now();
  const auto id = commit_id::make();
  CHECK((id.raw()[6] >> 4) == 7);
  CHECK((id.raw()[8] >> 6) == 2);
  CHECK(id.made_at_ms() >= before);
  CHECK(id.made_at_ms() <= now() + 1);
  CHECK(!id.is_nil());
  CHECK(commit_id{}.is_nil());
}

TEST_CASE("an id made after another is greater, whoever made that one") {
  const auto now = commit_id::make();
  // A millisecond of another's clock: five minutes ahead, with a counter in the middle.
  const auto ahead = at_millisecond(now.made_at_ms() + 300'000, "7abc9def");
  struct row {
    const char* what;
    commit_id before;
    std::uint64_t millisecond;
    const char* counter;
  };
  const auto future = ahead.made_at_ms();
  const row rows[]{
      {"the next counter", ahead, future, "7abc9df0"},
      {"the counter's lower half is full", at_millisecond(future, "7abcbfff"), future, "7abd8000"},
      {"the counter is full", at_millisecond(future, "7fffbfff"), future + 1, "70008000"},
      {"another version than 7", at_millisecond(future, "8abc9def"), future + 1, "70008000"},
      {"another variant", at_millisecond(future, "7abcffff"), future, "7abd8000"},
  };
  for (const auto& [what, before, millisecond, counter] : rows) {
    CAPTURE(what);
    const auto after = commit_id::make_after(before);
    CHECK(after > before);
    CHECK(after.made_at_ms() == millisecond);
    CHECK(after.hex().substr(12, 8) == counter);
    CHECK(after != commit_id::make_after(before));  // a tail of its own
  }
}

TEST_CASE("an id made after an older one is an ordinary one") {
  const auto older = commit_id::make();
  const auto after = commit_id::make_after(older), first = commit_id::make_after(commit_id{});
  CHECK(after > older);
  CHECK(first > after);
  CHECK(commit_id::make() > first);
}

TEST_CASE("an id from the far future does not move the ids that are made afterwards") {
  const auto now = commit_id::make();
  const auto forged = at_millisecond((std::uint64_t{1} << 48) - 1, "70008000");
  CHECK(commit_id::make_after(forged) > forged);
  CHECK(commit_id::make().made_at_ms() < now.made_at_ms() + 60'000);
  const auto greatest = at_millisecond((std::uint64_t{1} << 48) - 1, "7fffbfff");
  CHECK(commit_id::make_after(greatest).made_at_ms() < now.made_at_ms() + 60'000);
}

TEST_CASE("ids made one after the other by turns in two threads ascend") {
  // Both threads have counted within this millisecond, and not from the same number.
  std::vector<commit_id> made{commit_id{}};
  std::mutex mutex;
  const auto take_turns = [&] {
    for (int i = 0; i < 20'000; ++i) {
      const std::lock_guard lock{mutex};
      made.push_back(commit_id::make_after(made.back()));
    }
  };
  {
    std::jthread other{take_turns};
    take_turns();
  }
  CHECK(std::ranges::adjacent_find(made, std::ranges::greater_equal{}) == made.end());
}

TEST_CASE("an id reads back from its hexadecimal form and from nothing else") {
  for (int i = 0; i < 1'000; ++i) {
    const auto id = command_id::make();
    CHECK(command_id::from_hex(id.hex()) == id);
  }
  const std::string good = "0190a1b2c3d47e5f8011223344556677";
  CHECK(command_id::from_hex(good)->hex() == good);
  CHECK(!command_id::from_hex(""));
  CHECK(!command_id::from_hex(good.substr(1)));
  CHECK(!command_id::from_hex(good + "0"));
  CHECK(!command_id::from_hex("0190A1b2c3d47e5f8011223344556677"));
  CHECK(!command_id::from_hex("0190a1b2-3d47e5f8011223344556677"));
}

TEST_CASE("the hash of an address never changes") {
  // Computed by another program (docs/formats.md); stored data is found by these numbers.
  CHECK(stable_hash(address("account", "alice")) == 0x1369340adc11ba1bU);
  CHECK(stable_hash(address("account", "bob")) == 0x7c5bf73856baf095U);
  CHECK(stable_hash(address("order", "\xE6\x97\xA5\xE6\x9C\xAC.1 > *")) == 0x756f4abdc2dc9fd3U);
}

TEST_CASE("type and id do not run together in the hash") {
  CHECK(stable_hash(address("ab", "c")) != stable_hash(address("a", "bc")));
}

TEST_CASE("addresses spread evenly over shards") {
  struct row {
    const char* shape;
    std::uint32_t shards;
  };
  for (const auto& [shape, shards] : std::initializer_list<row>{
           {"numbers", 256}, {"numbers", 255}, {"numbers", 7}, {"uuids", 256}, {"padded", 1024}}) {
    constexpr std::uint32_t each = 50;
    std::vector<double> counts(shards);
    for (std::uint32_t i = 0; i < each * shards; ++i) {
      std::string id = std::to_string(i);
      if (shape[0] == 'u') id = command_id::make().hex();
      if (shape[0] == 'p') id = "customer-" + std::string(10 - id.size(), '0') + id;
      counts[shard_of(address("account", id), shards).value()] += 1;
    }
    double chi_square = 0;
    for (const double count : counts) chi_square += (count - each) * (count - each) / each;
    // Mean shards - 1, deviation sqrt(2 (shards - 1)); six deviations never happen by chance.
    const double freedom = shards - 1;
    CHECK(chi_square < freedom + 6 * std::sqrt(2 * freedom));
  }
}

TEST_CASE("an address reads as type, slash, id") {
  CHECK(to_string(address("account", "a/b")) == "account/a/b");
}

TEST_CASE("a slot reads as its type and shard, and sorts by them") {
  const auto named = [](const char* type, std::uint64_t shard) {
    return slot{actor_type::parse(type).value(), shard_id{shard}};
  };
  CHECK(to_string(named("account", 7)) == "account, shard 7");
  CHECK(named("account", 7) == named("account", 7));
  CHECK(named("account", 7) < named("account", 10));
  CHECK(named("account", 7) < named("cart", 1));
}
