#include <aether/cluster/leader_election.hpp>
#include <aether/cluster/node.hpp>
#include "cluster/src/election_candidate.hpp"
#include "cluster/src/memory_lease_register.hpp"
#include "support/await.hpp"
#include "support/cluster_samples.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

namespace aether::cluster {

namespace {

using namespace std::chrono_literals;
using testing_support::await;

/// So long that nothing here depends on its end.
constexpr auto lease = 60s;

/// What a candidate was told, from whatever thread.
class calls {
 public:
  election_handlers handlers() {
    return {.on_elected = [this](std::uint64_t term) { add("elected " + std::to_string(term)); },
            .on_deposed =
                [this](std::uint64_t term, std::string_view reason) {
                  add("deposed " + std::to_string(term) + " " + std::string{reason});
                }};
  }
  [[nodiscard]] std::vector<std::string> all() const {
    const std::lock_guard lock{mutex_};
    return all_;
  }

 private:
  void add(std::string what) {
    const std::lock_guard lock{mutex_};
    all_.push_back(std::move(what));
  }
  mutable std::mutex mutex_;
  std::vector<std::string> all_;
};

leader_election compete(const std::shared_ptr<memory_leases>& where, const char* candidate,
                        election_handlers handlers = {}, const char* name = "payer") {
  auto made = std::make_shared<election_candidate>(
      name, lease, samples::node(candidate), std::make_unique<memory_lease_register>(where, name),
      std::move(handlers));
  made->start();
  return leader_election{std::move(made)};
}

std::string refusal_of(const election_options& options) {
  const auto made = leader_election::enter(nullptr, options);
  REQUIRE(!made);
  CHECK(made.error().code() == errc::invalid_argument);
  return made.error().text();
}

}  // namespace

TEST_CASE("election: of several candidates one leads, and all know which") {
  const auto where = std::make_shared<memory_leases>();
  std::vector<leader_election> all;
  for (const auto* name : {"a", "b", "c"}) all.push_back(compete(where, name));
  REQUIRE(await([&] {
    return std::ranges::all_of(all, [](const auto& one) { return one.leader().has_value(); });
  }));
  CHECK(std::ranges::count_if(all, [](const auto& one) { return one.leading(); }) == 1);
  for (const auto& one : all) {
    CHECK(one.leader() == all[0].leader());
    CHECK(one.leading() == (one.candidate() == one.leader()));
    CHECK((one.term() > 0) == one.leading());
    CHECK(!one.problem());
  }
}

TEST_CASE(
    "election: who resigns is replaced at once, under a greater term, and stays a candidate") {
  const auto where = std::make_shared<memory_leases>();
  calls told_a;
  calls told_b;
  auto a = compete(where, "a", told_a.handlers());
  REQUIRE(await([&] { return a.leading(); }));
  auto b = compete(where, "b", told_b.handlers());
  REQUIRE(await([&] { return b.leader() == "a"; }));
  a.resign();
  CHECK(!a.leading());
  CHECK(a.term() == 1);
  REQUIRE(await([&] { return b.leading(); }));
  CHECK(b.term() == 3);  // the release was the second write
  REQUIRE(await([&] { return a.leader() == "b"; }));
  b.leave();
  CHECK(!b.leading());
  CHECK(told_b.all() == std::vector<std::string>{"elected 3", "deposed 3 leaving"});
  CHECK(told_a.all() == std::vector<std::string>{"elected 1", "deposed 1 resigned"});
  CHECK(!a.leading());  // lets others go first
}

TEST_CASE("election: two of different names have nothing to do with each other") {
  const auto where = std::make_shared<memory_leases>();
  const auto first = compete(where, "a", {}, "payer");
  const auto second = compete(where, "b", {}, "mailer");
  CHECK(await([&] { return first.leading() && second.leading(); }));
}

TEST_CASE("election: the end of its object lets go and tells so before it returns") {
  const auto where = std::make_shared<memory_leases>();
  calls told;
  {
    const auto a = compete(where, "a", told.handlers());
    REQUIRE(await([&] { return a.leading(); }));
  }
  CHECK(told.all() == std::vector<std::string>{"elected 1", "deposed 1 leaving"});
  const auto b = compete(where, "b");
  CHECK(await([&] { return b.leading(); }));
}

TEST_CASE("election: a candidate may be moved, and one that is assigned over leaves") {
  const auto where = std::make_shared<memory_leases>();
  auto a = compete(where, "a");
  REQUIRE(await([&] { return a.leading(); }));
  auto moved = std::move(a);
  CHECK(moved.leading());
  moved = compete(where, "b");
  CHECK(await([&] { return moved.leading(); }));
  CHECK(moved.candidate() == "b");
}

TEST_CASE("election: a handler that throws costs nothing but itself, and may resign") {
  const auto where = std::make_shared<memory_leases>();
  leader_election* self = nullptr;
  std::mutex made;
  calls told;
  auto handlers = told.handlers();
  handlers.on_elected = [&](std::uint64_t) {
    const std::lock_guard lock{made};
    self->resign();
    throw std::runtime_error{"on purpose"};
  };
  std::unique_lock lock{made};
  auto a = compete(where, "a", std::move(handlers));
  self = &a;
  lock.unlock();
  CHECK(await([&] { return told.all() == std::vector<std::string>{"deposed 1 resigned"}; }));
  CHECK(!a.leading());
}

TEST_CASE("election: a handler that blocks does not hold up the election") {
  const auto where = std::make_shared<memory_leases>();
  std::mutex busy;
  std::unique_lock lock{busy};
  std::atomic<bool> begun{false};
  auto a = compete(where, "a", {.on_elected = [&](std::uint64_t) {
                     begun = true;
                     const std::lock_guard wait{busy};
                   }});
  REQUIRE(await([&] { return begun.load(); }));
  auto b = compete(where, "b");
  a.resign();
  CHECK(await([&] { return b.leading() && a.leader() == "b"; }));
  lock.unlock();
}

TEST_CASE("election: a node in memory leads its own, and leaves them with itself") {
  node alone{options{}};
  REQUIRE(alone.join());
  calls told;
  const auto election = alone.election("payer", told.handlers());
  REQUIRE(election);
  REQUIRE(await([&] { return election->leading(); }));
  CHECK(election->leader() == alone.settings().node);
  alone.leave();
  CHECK(told.all() == std::vector<std::string>{"elected 1", "deposed 1 leaving"});
}

TEST_CASE("election: an option outside its domain is refused by name") {
  CHECK(refusal_of({.name = ""}).starts_with("election name ''"));
  CHECK(refusal_of({.name = "a.b"}).starts_with("election name 'a.b'"));
  CHECK(refusal_of({.name = "a", .candidate = "b c"}).starts_with("candidate 'b c'"));
  CHECK(refusal_of({.name = "a", .ns = "*"}).find("namespace") != std::string::npos);
  CHECK(refusal_of({.name = "a", .prefix = "a_b"}).starts_with("prefix 'a_b'"));
  CHECK(refusal_of({.name = "a", .prefix = "KV"}).starts_with("prefix 'KV'"));
  CHECK(refusal_of({.name = "a", .lease = 99ms}) == "lease 99ms is not between 100ms and 24h");
  CHECK(refusal_of({.name = "a", .replicas = 6}) == "replicas 6 is not between 1 and 5");
}

}  // namespace aether::cluster
