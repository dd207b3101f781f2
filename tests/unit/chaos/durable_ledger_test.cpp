#include "chaos/durable_ledger.hpp"

#include <doctest/doctest.h>

namespace {

using aether::chaos::durable_ledger;
using strings = std::vector<std::string>;

}  // namespace

TEST_CASE("durable ledger: what was stored has to be there, what was not may be") {
  durable_ledger ledger;
  ledger.add({.client = "a", .key = "x", .value = 1, .stored = true});
  ledger.add({.client = "a", .key = "y", .value = 2, .stored = true});
  ledger.add({.client = "a", .key = "x", .value = 3, .stored = false});
  ledger.add({.client = "a", .key = "x", .value = 4, .stored = false});
  CHECK(ledger.sent() == 4);
  CHECK(ledger.stored() == 2);
  CHECK(ledger.keys() == strings{"x", "y"});
  CHECK(ledger.compare({{"x", {1, 9, 3}}, {"y", {2}}}).none());
  CHECK(ledger.compare({{"x", {1}}}).missing == strings{"2 of client a in y"});
  CHECK(ledger.compare({{"x", {2}}, {"y", {1}}}).missing ==
        strings{"1 of client a in x", "2 of client a in y"});
}

TEST_CASE("durable ledger: order holds for each client and list, but for copies that overtake") {
  durable_ledger ledger;
  ledger.add({.client = "a", .key = "x", .value = 5, .stored = true});
  ledger.add({.client = "b", .key = "x", .value = 4, .stored = true});
  ledger.add({.client = "a", .key = "x", .value = 3, .stored = true, .mixed = true});
  ledger.add({.client = "a", .key = "x", .value = 2, .stored = true});
  CHECK(ledger.compare({{"x", {3, 4, 5, 2}}}).none());
  CHECK(ledger.compare({{"x", {5, 2, 4, 3}}}).none());
  const auto wrong = ledger.compare({{"x", {2, 5, 4, 3}}});
  CHECK(wrong.missing.empty());
  CHECK(wrong.astray == strings{"2 of client a in x"});
}
