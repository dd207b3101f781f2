#include "persistence/src/core/bus_match.hpp"

#include "support/commits.hpp"
#include "support/random.hpp"

#include <doctest/doctest.h>

#include <string>

namespace {

using namespace aether;

namespace_name ns(std::string_view name) { return namespace_name::parse(name).value(); }

/// The definition, by trying everything.
bool slow_match(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*')
    return slow_match(pattern.substr(1), text) ||
           (!text.empty() && slow_match(pattern, text.substr(1)));
  if (text.empty()) return false;
  return (pattern[0] == '?' || pattern[0] == text[0]) &&
         slow_match(pattern.substr(1), text.substr(1));
}

}  // namespace

TEST_CASE("bus match: a pattern of ids means what it says") {
  const struct {
    std::string_view pattern, text;
    bool matches;
  } rows[] = {
      {"*", "", true},
      {"*", "anything.at > all", true},
      {"a*", "a", true},
      {"a*", "ba", false},
      {"*a", "bba", true},
      {"a?c", "abc", true},
      {"a?c", "ac", false},
      {"a*b*c", "a-b-b-c", true},
      {"a*b*c", "a-c-b", false},
      {"?", "\xC3\xA4", true},
      {"?", "", false},
      {"??", "\xC3\xA4", false},
      {"order-*", "order-7", true},
      {"order-*", "orders-7", false},
      {"", "", true},
  };
  for (const auto& row : rows) {
    CAPTURE(row.pattern);
    CAPTURE(row.text);
    CHECK(matches_glob(row.pattern, row.text) == row.matches);
  }
}

TEST_CASE("bus match: patterns agree with their definition") {
  auto random = testing::seeded_random();
  const auto some = [&](std::string_view letters, std::size_t most) {
    std::string text(testing::random_between(random, 0, most), ' ');
    for (char& c : text) c = letters[testing::random_between(random, 0, letters.size() - 1)];
    return text;
  };
  for (int round = 0; round < 5'000; ++round) {
    const auto pattern = some("ab*?", 6), text = some("ab", 8);
    CAPTURE(pattern);
    CAPTURE(text);
    CHECK(matches_glob(pattern, text) == slow_match(pattern, text));
  }
}

TEST_CASE("bus match: a hostile pattern costs no more than the product of the lengths") {
  std::string pattern;
  for (int i = 0; i < 127; ++i) pattern += "*a";
  CHECK_FALSE(matches_glob(pattern, std::string(250, 'a') + "b"));
}

TEST_CASE("bus match: without namespaces it is the bus's own, and no name is a wildcard") {
  const auto own = ns("own"), other = ns("other");
  const auto actor = testing::address("t", "a");
  CHECK(bus_match{{}, own}.takes(own, actor));
  CHECK_FALSE(bus_match{{}, own}.takes(other, actor));
  CHECK_FALSE(bus_match{{.namespaces = {other}}, own}.takes(own, actor));
  CHECK(bus_match{{.all_namespaces = true}, own}.takes(other, actor));
  CHECK_FALSE(namespace_name::parse("*").has_value());
  CHECK_FALSE(namespace_name::parse(">").has_value());
}

TEST_CASE("bus match: all conditions hold together") {
  const auto own = ns("own");
  const bus_match match{{.type = actor_type::parse("t").value(),
                         .id_pattern = "a*",
                         .event_types = {"z.two", "a.one"}},
                        own};
  CHECK(match.takes(own, testing::address("t", "a.*.>")));
  CHECK_FALSE(match.takes(own, testing::address("u", "a")));
  CHECK_FALSE(match.takes(own, testing::address("t", "b")));
  CHECK(match.takes_type("a.one"));
  CHECK_FALSE(match.takes_type("a.two"));
  CHECK_FALSE(match.one_actor().has_value());
  const bus_match one{{.type = actor_type::parse("t").value(), .id = actor_id::parse("*").value()},
                      own};
  CHECK(one.one_actor() == testing::address("t", "*"));
  CHECK_FALSE(one.takes(own, testing::address("t", "x")));
}

TEST_CASE("bus match: a filter or an option that is none is refused, and named") {
  const auto refused = [](const result<void>& outcome, std::string_view what) {
    REQUIRE_FALSE(outcome.has_value());
    CHECK(outcome.error().code() == errc::invalid_argument);
    CHECK_MESSAGE(outcome.error().text().find(what) != std::string::npos, outcome.error().text());
  };
  refused(check({.namespaces = {ns("a")}, .all_namespaces = true}), "all namespaces");
  refused(check({.id = actor_id::parse("a").value(), .id_pattern = "a*"}), "pattern");
  refused(check({.id_pattern = std::string(256, 'a')}), "256 bytes");
  refused(check({.event_types = {""}}), "without a name");
  const event_handlers good{.event = [](const bus_event&) {}};
  refused(check({.buffer_max = 0}, good), "buffer");
  refused(check({.catch_up_attempts = 0}, good), "catch_up_attempts");
  refused(check({}, {}), "no handler");
  CHECK(check({}, good).has_value());
}
