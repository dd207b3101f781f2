#include "cluster/src/core/join_check.hpp"

#include "support/cluster_samples.hpp"
#include "support/old_ledger.hpp"

#include <doctest/doctest.h>

namespace aether::cluster {

namespace {

using samples::beat;
using samples::node;
using samples::process;
using enum member_state;

const std::vector<hosted_type> bank{{"account", {"deposit", "withdraw"}, {"deposited"}, 1}};

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("join check: equal settings are accepted") {
  CHECK(check_settings({.shards = 256, .streams = 8}, {.shards = 256, .streams = 8}));
}

TEST_CASE("join check: the text names each setting that differs, with both values") {
  const auto refused =
      check_settings({.shards = 256, .streams = 8}, {.format = 2, .shards = 64, .streams = 4});
  REQUIRE(!refused);
  CHECK(refused.error().code() == errc::incompatible_cluster);
  CHECK(contains(refused.error().text(), "format: this node 1, the namespace 2"));
  CHECK(contains(refused.error().text(), "shards: this node 256, the namespace 64"));
  CHECK(contains(refused.error().text(), "streams: this node 8, the namespace 4"));
}

TEST_CASE("join check: a build that knows more may join, one that knows less may not") {
  const std::vector<hosted_type> newer{
      {"account", {"close", "deposit", "withdraw"}, {"closed", "deposited"}, 2},
      {"user", {"rename"}, {"renamed"}, 1}};
  CHECK(check_types(bank, node("n1"), bank));
  CHECK(check_types(newer, node("n1"), bank));
  const auto refused = check_types(bank, node("n1"), newer);
  REQUIRE(!refused);
  CHECK(refused.error().code() == errc::incompatible_cluster);
  const auto& text = refused.error().text();
  CHECK(contains(text, "node 'n1'"));
  CHECK(contains(text, "type 'account': this node lacks commands close"));
  CHECK(contains(text, "type 'account': this node cannot read events closed"));
  CHECK(contains(text, "snapshot schema 1, not 2"));
  CHECK_FALSE(contains(text, "user"));  // which only the other hosts
}

TEST_CASE("join check: what a build upcasts counts as what it can read") {
  const auto own = sorted({describe(model<old_ledger::ledger>::traits())});
  auto older = own;
  older[0].events = {"bank.deposited", "bank.withdrawn"};  // retired since
  CHECK(check_types(own, node("n1"), older));
  older[0].events = {"ledger.unheard_of"};
  CHECK(!check_types(own, node("n1"), older));
}

TEST_CASE("join check: a joining process gives way to one that is up, or that started first") {
  CHECK(must_give_way(process(5), beat("n1", 4, up)));
  CHECK(must_give_way(process(5), beat("n1", 6, up)));
  CHECK(must_give_way(process(5), beat("n1", 6, leaving)));
  CHECK(must_give_way(process(5), beat("n1", 4, joining)));
  CHECK(!must_give_way(process(5), beat("n1", 6, joining)));
  CHECK(!must_give_way(process(5), beat("n1", 4, down)));
  CHECK(!must_give_way(process(5), beat("n1", 5, up)));
}

}  // namespace aether::cluster
