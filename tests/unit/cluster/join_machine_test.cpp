#include "cluster/src/core/join_machine.hpp"

#include "support/cluster_samples.hpp"

#include <doctest/doctest.h>

namespace aether::cluster {

namespace {

using namespace std::chrono_literals;
using samples::at;
using samples::beat;
using samples::first;
using samples::node;
using enum member_state;
using phase = join_machine::phase;

const std::vector<hosted_type> old_bank{{"account", {"deposit"}, {"deposited"}, 1}};
const std::vector<hosted_type> new_bank{{"account", {"close", "deposit"}, {"deposited"}, 1}};

join_machine started(const std::vector<hosted_type>& types = old_bank, std::uint32_t weight = 1) {
  join_machine machine{{node("n1"), samples::process(5), weight, types, 400ms, 200ms}};
  machine.start();
  return machine;
}

heartbeat with_types(heartbeat from, const std::vector<hosted_type>& types) {
  from.types_hash = fingerprint(types);
  return from;
}

}  // namespace

TEST_CASE("joining: it listens for two intervals after it heard itself, then says that it is up") {
  auto machine = started();
  CHECK(machine.tick(at(10s)).empty());  // not heard itself: the subscription may not work
  CHECK(machine.heard(beat("n1", 5, joining), at(10s)).empty());
  CHECK(machine.tick(at(10399ms)).empty());
  CHECK(first<join_machine::announce>(machine.tick(at(10400ms))) != nullptr);
  CHECK(machine.heard(beat("n1", 5, joining), at(10410ms)).empty());
  CHECK(first<join_machine::joined>(machine.heard(beat("n1", 5, up), at(10420ms))) != nullptr);
  CHECK(machine.current() == phase::joined);
}

TEST_CASE("joining: a node id that a live process uses is refused") {
  auto machine = started();
  const auto effects = machine.heard(beat("n1", 3, up), at(0ms));
  const auto* refused = first<join_machine::refused>(effects);
  REQUIRE(refused != nullptr);
  CHECK(refused->why.code() == errc::node_id_in_use);
  CHECK(refused->why.text().find("'n1'") != std::string::npos);
  CHECK(machine.heard(beat("n1", 3, up), at(1s)).empty());
}

TEST_CASE("joining: of two processes that join under one id the first started goes on") {
  auto machine = started();
  CHECK(machine.heard(beat("n1", 6, joining), at(0ms)).empty());
  CHECK(machine.current() == phase::observing);
  CHECK(!machine.heard(beat("n1", 4, joining), at(0ms)).empty());
  CHECK(machine.current() == phase::refused);
}

TEST_CASE("joined: only a later process that is up ends it") {
  auto machine = started();
  (void)machine.heard(beat("n1", 5, joining), at(0ms));
  (void)machine.tick(at(400ms));
  (void)machine.heard(beat("n1", 5, up), at(410ms));
  REQUIRE(machine.current() == phase::joined);
  CHECK(machine.heard(beat("n1", 6, joining), at(500ms)).empty());
  CHECK(machine.heard(beat("n1", 4, up), at(500ms)).empty());
  CHECK(machine.heard(beat("n1", 6, down), at(500ms)).empty());
  CHECK(first<join_machine::refused>(machine.heard(beat("n1", 6, up), at(500ms))) != nullptr);
}

TEST_CASE("joining: other types are asked for once and compared before it is up") {
  auto machine = started(new_bank);
  (void)machine.heard(beat("n1", 5, joining), at(0ms));
  const auto asked = machine.heard(with_types(beat("n2", 1), old_bank), at(0ms));
  REQUIRE(first<join_machine::ask_types>(asked) != nullptr);
  CHECK(first<join_machine::ask_types>(asked)->of == node("n2"));
  CHECK(machine.heard(with_types(beat("n3", 1), old_bank), at(10ms)).empty());
  CHECK(machine.heard(with_types(beat("n4", 1), new_bank), at(10ms)).empty());
  CHECK(machine.tick(at(500ms)).empty());
  CHECK(machine.types_answer(node("n2"), old_bank).empty());
  CHECK(machine.heard(with_types(beat("n3", 1), old_bank), at(510ms)).empty());
  CHECK(first<join_machine::announce>(machine.tick(at(510ms))) != nullptr);
}

TEST_CASE("joining: a node with types that it does not know refuses it, in words") {
  auto machine = started(old_bank);
  (void)machine.heard(with_types(beat("n2", 1), new_bank), at(0ms));
  const auto effects = machine.types_answer(node("n2"), new_bank);
  const auto* refused = first<join_machine::refused>(effects);
  REQUIRE(refused != nullptr);
  CHECK(refused->why.code() == errc::incompatible_cluster);
  CHECK(refused->why.text().find("close") != std::string::npos);
}

TEST_CASE("joining: who does not answer is asked again, who is gone is not waited for") {
  auto machine = started(new_bank);
  (void)machine.heard(beat("n1", 5, joining), at(0ms));
  (void)machine.heard(with_types(beat("n2", 1), old_bank), at(0ms));
  CHECK(machine.types_answer(node("n2"), std::nullopt).empty());
  const auto again = machine.heard(with_types(beat("n3", 1), old_bank), at(200ms));
  CHECK(first<join_machine::ask_types>(again)->of == node("n3"));
  CHECK(machine.tick(at(2200ms)).empty());
  CHECK(first<join_machine::announce>(machine.tick(at(2201ms))) != nullptr);
}

TEST_CASE("joining: a node of weight 0 is compared with nobody, and nobody with it") {
  auto client = started({}, 0);
  CHECK(client.heard(with_types(beat("n2", 1), new_bank), at(0ms)).empty());
  auto host = started(old_bank);
  CHECK(host.heard(with_types(beat("n2", 1, up, 0), {}), at(0ms)).empty());
}

}  // namespace aether::cluster
