#include "cluster/src/core/membership.hpp"

#include "support/cluster_samples.hpp"

#include <doctest/doctest.h>

namespace aether::cluster {

namespace {

using namespace std::chrono_literals;
using samples::at;
using samples::beat;
using samples::node;
using enum member_state;

constexpr auto failure_timeout = 2s;

/// The view of node n1, which heard itself at 0 ms.
membership seen_by_n1() {
  membership view{node("n1"), samples::process(1), failure_timeout};
  view.trust_missing_responders(true);
  (void)view.heard(beat("n1", 1), at(0ms));
  return view;
}

/// "n2 up, n3 down"
std::string told(const membership::changes& changes) {
  std::string text;
  for (const auto& one : changes)
    text +=
        (text.empty() ? "" : ", ") + one.who.node.str() + " " + std::string{to_string(one.what)};
  return text;
}

std::string state_of(const membership& view, const char* name) {
  const auto* known = view.find(node(name));
  return known == nullptr ? "unknown" : std::string{to_string(known->state)};
}

/// Ticks every 100 ms in (from, to], in which the node hears itself, and reports every change.
std::string ticks(membership& view, std::chrono::milliseconds from, std::chrono::milliseconds to) {
  membership::changes all;
  for (auto now = from + 100ms; now <= to; now += 100ms) {
    (void)view.heard(beat("n1", 1), at(now));
    for (auto& one : view.tick(at(now))) all.push_back(one);
  }
  return told(all);
}

/// The same of a node that does not hear itself.
std::string deaf_ticks(membership& view, std::chrono::milliseconds from,
                       std::chrono::milliseconds to) {
  membership::changes all;
  for (auto now = from + 100ms; now <= to; now += 100ms)
    for (auto& one : view.tick(at(now))) all.push_back(one);
  return told(all);
}

}  // namespace

TEST_CASE("membership: each state that a node announces is reported once") {
  auto view = seen_by_n1();
  CHECK(told(view.heard(beat("n2", 1, joining), at(0ms))) == "n2 joined");
  CHECK(told(view.heard(beat("n2", 1, joining), at(200ms))) == "");
  CHECK(told(view.heard(beat("n2", 1, up), at(400ms))) == "n2 up");
  CHECK(told(view.heard(beat("n2", 1, up), at(600ms))) == "");
  CHECK(told(view.heard(beat("n2", 1, leaving), at(800ms))) == "n2 leaving");
  CHECK(told(view.heard(beat("n2", 1, down), at(1s))) == "n2 down");
}

TEST_CASE("membership: a node that is silent for the failure timeout is down, and not before") {
  auto view = seen_by_n1();
  (void)view.heard(beat("n2", 1), at(0ms));
  CHECK(ticks(view, 0ms, 2000ms) == "");
  CHECK(ticks(view, 2000ms, 2100ms) == "n2 down");
  CHECK(ticks(view, 2100ms, 4000ms) == "");
}

TEST_CASE("membership: a node that is heard is never down") {
  auto view = seen_by_n1();
  for (auto now = 0ms; now < 20s; now += 200ms) {
    (void)view.heard(beat("n2", 1), at(now));
    CHECK(ticks(view, now, now + 200ms) == "");
  }
}

TEST_CASE("membership: two probes in a row without responders are enough, one is not") {
  auto view = seen_by_n1();
  (void)view.heard(beat("n2", 1), at(0ms));
  CHECK(told(view.probe_failed(node("n2"), samples::process(1), at(100ms))) == "");
  (void)view.heard(beat("n2", 1), at(200ms));
  CHECK(told(view.probe_failed(node("n2"), samples::process(1), at(300ms))) == "");
  CHECK(told(view.probe_failed(node("n2"), samples::process(1), at(500ms))) == "n2 down");
  CHECK(told(view.probe_failed(node("n2"), samples::process(1), at(700ms))) == "");
  CHECK(told(view.probe_failed(node("n9"), samples::process(1), at(700ms))) == "");
}

TEST_CASE("membership: a node that was given up comes back when the same process is heard again") {
  auto view = seen_by_n1();
  (void)view.heard(beat("n2", 1), at(0ms));
  CHECK(ticks(view, 0ms, 2200ms) == "n2 down");
  CHECK(told(view.heard(beat("n2", 1), at(2300ms))) == "n2 up");
}

TEST_CASE("membership: a farewell is final for its process and for no other") {
  auto view = seen_by_n1();
  (void)view.heard(beat("n2", 1), at(0ms));
  CHECK(told(view.heard(beat("n2", 1, down), at(100ms))) == "n2 down");
  CHECK(told(view.heard(beat("n2", 1, up), at(200ms))) == "");
  CHECK(told(view.heard(beat("n2", 2, joining), at(300ms))) == "n2 joined");
}

TEST_CASE("membership: a farewell of an unknown node is no news") {
  auto view = seen_by_n1();
  CHECK(told(view.heard(beat("n2", 1, down), at(0ms))) == "");
  CHECK(state_of(view, "n2") == "unknown");
}

TEST_CASE("membership: of two live processes with one id the later one wins once it is up") {
  auto view = seen_by_n1();
  (void)view.heard(beat("n2", 1), at(0ms));
  CHECK(told(view.heard(beat("n2", 2, joining), at(100ms))) == "n2 conflict");
  CHECK(view.find(node("n2"))->incarnation == samples::process(1));
  CHECK(told(view.heard(beat("n2", 2, up), at(200ms))) == "n2 leaving, n2 up");
  CHECK(view.find(node("n2"))->incarnation == samples::process(2));
  // The earlier one may still serve what it has, but stays on its way out.
  CHECK(told(view.heard(beat("n2", 1, up), at(300ms))) == "");
  REQUIRE(view.members().size() == 3);
  CHECK(view.members()[1].state == leaving);
  CHECK(view.members()[1].superseded);
  CHECK(told(view.heard(beat("n2", 1, down), at(300ms))) == "n2 down");
  CHECK(view.find(node("n2"))->incarnation == samples::process(2));
}

TEST_CASE("membership: a process that started earlier may follow one that is down") {
  auto view = seen_by_n1();
  (void)view.heard(beat("n2", 5), at(0ms));
  CHECK(ticks(view, 0ms, 2200ms) == "n2 down");
  CHECK(told(view.heard(beat("n2", 4), at(2300ms))) == "n2 up");
}

TEST_CASE("membership: who slept while a later process of its name came and went is back") {
  auto view = seen_by_n1();
  (void)view.heard(beat("n2", 1), at(0ms));
  (void)view.heard(beat("n2", 2, up), at(100ms));
  (void)view.heard(beat("n2", 2, down), at(200ms));
  CHECK(told(view.heard(beat("n2", 1, up), at(300ms))) == "n2 up");
  CHECK(view.find(node("n2"))->incarnation == samples::process(1));
  CHECK_FALSE(view.find(node("n2"))->superseded);
}

TEST_CASE(
    "membership: who was presumed to be there beside its successor is back when that is gone") {
  auto view = seen_by_n1();
  (void)view.heard(beat("n2", 1), at(0ms));
  CHECK(ticks(view, 0ms, 2200ms) == "n2 down");
  (void)view.heard(beat("n2", 2, up), at(2300ms));
  CHECK(told(view.presume_up({node("n2"), samples::process(1), 1}, {}, at(2400ms))) ==
        "n2 leaving");
  (void)view.heard(beat("n2", 2, down), at(2500ms));
  CHECK(told(view.heard(beat("n2", 1, up), at(2600ms))) == "n2 up");
}

TEST_CASE("membership: a later process that was only silent has its name again") {
  auto view = seen_by_n1();
  (void)view.heard(beat("n2", 5), at(0ms));
  CHECK(ticks(view, 0ms, 2200ms) == "n2 down");
  CHECK(told(view.heard(beat("n2", 4), at(2300ms))) == "n2 up");
  CHECK(told(view.heard(beat("n2", 5), at(2400ms))) == "n2 up, n2 leaving");
  CHECK(view.find(node("n2"))->incarnation == samples::process(5));
}

TEST_CASE("membership: in a group of servers a missing responder proves nothing") {
  auto view = seen_by_n1();
  view.trust_missing_responders(false);
  (void)view.heard(beat("n2", 1), at(0ms));
  CHECK(told(view.probe_failed(node("n2"), samples::process(1), at(100ms))) == "");
  CHECK(told(view.probe_failed(node("n2"), samples::process(1), at(200ms))) == "");
  CHECK(ticks(view, 0ms, 2100ms) == "n2 down");
  CHECK_FALSE(view.find(node("n2"))->gone);
}

TEST_CASE("membership: who is down by silence alone is not gone, by a word it is") {
  auto view = seen_by_n1();
  (void)view.heard(beat("n2", 1), at(0ms));
  (void)view.heard(beat("n3", 1), at(0ms));
  (void)view.heard(beat("n4", 1), at(0ms));
  (void)view.heard(beat("n3", 1, down), at(100ms));
  (void)view.probe_failed(node("n4"), samples::process(1), at(100ms));
  CHECK(view.suspects());
  (void)view.probe_failed(node("n4"), samples::process(1), at(200ms));
  CHECK_FALSE(view.suspects());
  CHECK(ticks(view, 0ms, 2100ms) == "n2 down");
  CHECK_FALSE(view.find(node("n2"))->gone);
  CHECK(view.find(node("n3"))->gone);
  CHECK(view.find(node("n4"))->gone);
  // One that had only lost its connection is heard again.
  CHECK(told(view.heard(beat("n4", 1), at(2200ms))) == "n4 up");
  CHECK_FALSE(view.find(node("n4"))->gone);
}

TEST_CASE("membership: an answer to a probe clears the one before that had none") {
  auto view = seen_by_n1();
  (void)view.heard(beat("n2", 1), at(0ms));
  (void)view.probe_failed(node("n2"), samples::process(1), at(100ms));
  view.probe_answered(node("n2"), samples::process(1));
  CHECK(told(view.probe_failed(node("n2"), samples::process(1), at(200ms))) == "");
}

TEST_CASE("membership: what is acknowledged is the newest heartbeat of each that is not down") {
  auto view = seen_by_n1();
  auto first = beat("n2", 2), second = beat("n2", 2), other = beat("n3", 3);
  first.sent_at = 5, second.sent_at = 6, other.sent_at = 7;
  (void)view.heard(first, at(0ms));
  (void)view.heard(second, at(100ms));
  (void)view.heard(other, at(0ms));
  other.state = down;
  (void)view.heard(other, at(200ms));
  (void)view.presume_up({node("n9"), samples::process(9), 1}, {}, at(200ms));
  const auto all = view.acknowledgements();
  REQUIRE(all.size() == 2);
  CHECK(all[0] == heartbeat::acknowledgement{samples::process(1), 0});
  CHECK(all[1] == heartbeat::acknowledgement{samples::process(2), 6});
}

TEST_CASE("membership: nobody is down while the connection is, and all have time after it") {
  auto view = seen_by_n1();
  (void)view.heard(beat("n2", 1), at(0ms));
  (void)view.heard(beat("n3", 1), at(0ms));
  view.connection_lost();
  CHECK(told(view.probe_failed(node("n2"), samples::process(1), at(200ms))) == "");
  CHECK(told(view.probe_failed(node("n2"), samples::process(1), at(400ms))) == "");
  CHECK(deaf_ticks(view, 100ms, 10s) == "");
  view.connection_regained(at(10s));
  (void)view.heard(beat("n1", 1), at(10s));
  CHECK(told(view.probe_failed(node("n2"), samples::process(1), at(10200ms))) == "");
  CHECK(told(view.probe_failed(node("n2"), samples::process(1), at(10400ms))) == "");
  (void)view.heard(beat("n2", 1), at(11s));
  CHECK(ticks(view, 10s, 12s) == "");
  CHECK(ticks(view, 12s, 12100ms) == "n3 down");
  CHECK(state_of(view, "n2") == "up");
  CHECK(told(view.probe_failed(node("n2"), samples::process(1), at(12200ms))) == "");
  CHECK(told(view.probe_failed(node("n2"), samples::process(1), at(12400ms))) == "n2 down");
}

TEST_CASE("membership: who did not hear itself blames nobody for what it did not hear") {
  auto view = seen_by_n1();
  (void)view.heard(beat("n2", 1), at(0ms));
  CHECK(ticks(view, 0ms, 200ms) == "");
  CHECK(deaf_ticks(view, 200ms, 9s) == "");  // a half-dead cable; the same when it did not run
  CHECK(told(view.probe_failed(node("n2"), samples::process(1), at(9s))) == "");
  CHECK(told(view.probe_failed(node("n2"), samples::process(1), at(9s))) == "");
  CHECK(ticks(view, 9s, 11100ms) == "");
  CHECK(ticks(view, 11100ms, 11200ms) == "n2 down");
}

TEST_CASE("membership: a node is never down in its own eyes") {
  auto view = seen_by_n1();
  CHECK(ticks(view, 0ms, 10s) == "");
  CHECK(told(view.probe_failed(node("n1"), samples::process(1), at(10s))) == "");
  CHECK(told(view.probe_failed(node("n1"), samples::process(1), at(10s))) == "");
  CHECK(state_of(view, "n1") == "up");
}

TEST_CASE("membership: a process of the shard table is presumed up until it proves otherwise") {
  auto view = seen_by_n1();
  const auto entry = [](const char* name, std::uint64_t number) {
    return shard_table::entry{node(name), samples::process(number), 1};
  };
  CHECK(told(view.presume_up(entry("n2", 7), {}, at(0ms))) == "n2 up");
  CHECK(told(view.presume_up(entry("n3", 1), {}, at(0ms))) == "n3 up");
  CHECK(told(view.presume_up(entry("n1", 1), {}, at(0ms))) == "");
  CHECK_FALSE(view.find(node("n2"))->heard);
  CHECK(told(view.heard(beat("n2", 7, up, 3), at(500ms))) == "");
  CHECK(view.find(node("n2"))->heard);
  CHECK(told(view.presume_up(entry("n2", 7), {}, at(600ms))) == "");
  CHECK(view.find(node("n2"))->weight == 3);
  CHECK(ticks(view, 0ms, 2100ms) == "n3 down");
  // A later leadership gives it time once more, unless it is gone for certain.
  CHECK(told(view.presume_up(entry("n3", 1), {}, at(2100ms))) == "n3 up");
  (void)view.probe_failed(node("n3"), samples::process(1), at(2100ms));
  CHECK(told(view.probe_failed(node("n3"), samples::process(1), at(2200ms))) == "n3 down");
  CHECK(told(view.presume_up(entry("n3", 1), {}, at(2200ms))) == "");
}

TEST_CASE("membership: who is known is given a full failure timeout by a new leader") {
  auto view = seen_by_n1();
  (void)view.heard(beat("n2", 1), at(0ms));
  CHECK(ticks(view, 0ms, 1900ms) == "");
  (void)view.presume_up({node("n2"), samples::process(1), 1}, {}, at(1900ms));
  CHECK(ticks(view, 1900ms, 3800ms) == "");
  CHECK(ticks(view, 3800ms, 4000ms) == "n2 down");
}

TEST_CASE("membership: an earlier process of a node that is there is presumed to be leaving") {
  auto view = seen_by_n1();
  (void)view.heard(beat("n2", 5), at(0ms));
  CHECK(told(view.presume_up({node("n2"), samples::process(4), 1}, {}, at(0ms))) == "n2 leaving");
  CHECK(view.find(node("n2"))->incarnation == samples::process(5));
}

TEST_CASE("membership: a state never goes back within one process") {
  auto view = seen_by_n1();
  (void)view.heard(beat("n2", 1, leaving), at(0ms));
  CHECK(told(view.heard(beat("n2", 1, up), at(100ms))) == "");
  CHECK(state_of(view, "n2") == "leaving");
}

TEST_CASE("membership: a node that is long down is forgotten") {
  auto view = seen_by_n1();
  (void)view.heard(beat("n2", 1), at(0ms));
  CHECK(ticks(view, 0ms, 20s) == "n2 down");
  CHECK(state_of(view, "n2") == "down");
  CHECK(ticks(view, 20s, 20200ms) == "");
  CHECK(state_of(view, "n2") == "unknown");
}

}  // namespace aether::cluster
